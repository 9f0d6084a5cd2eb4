"""What a guard is told of a person: who it is, and which passes there are."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from hub.rest.pages import ListQuery, Search
from hub.rest.students.query import Status
from hub.store.pg import Record


class Face(msgspec.Struct, kw_only=True):
    """`studentId` is the school's number, `id` ours."""

    id: UUID
    studentId: str
    name: str
    program: str | None
    yearOfStudy: int | None
    status: Status
    photoUrl: str | None


class FacePass(msgspec.Struct, kw_only=True):
    id: UUID
    passNumber: str
    passType: Literal["standard", "temporary", "visitor"]
    status: Literal["active", "inactive", "expired", "revoked"]
    issueDate: date
    expiryDate: date
    revokeReason: str | None


class FaceWithPasses(Face, kw_only=True):
    """`passes`: the newest first, at most ten."""

    passes: list[FacePass]


class FacesQuery(ListQuery, kw_only=True, frozen=True):
    """`q`: words of the name or the number, or how they begin."""

    sort: Literal["lastName", "-lastName"] = "lastName"
    q: Search | UnsetType = UNSET


def face(row: Record) -> Face:
    return Face(**_fields(row))


def with_passes(row: Record, passes: list[Record]) -> FaceWithPasses:
    return FaceWithPasses(**_fields(row), passes=[_pass(one) for one in passes])


def _fields(row: Record) -> dict[str, Any]:
    return {
        "id": row["id"],
        "studentId": row["student_id"],
        "name": f"{row['first_name']} {row['last_name']}",
        "program": row["program"],
        "yearOfStudy": row["year_of_study"],
        "status": row["status"],
        "photoUrl": None if row["photo_url"] is None else f"/api/v1/students/{row['id']}/photo",
    }


def _pass(row: Record) -> FacePass:
    return FacePass(
        id=row["id"],
        passNumber=row["pass_number"],
        passType=row["pass_type"],
        status=row["status"],
        issueDate=row["issue_date"],
        expiryDate=row["expiry_date"],
        revokeReason=row["revoke_reason"],
    )
