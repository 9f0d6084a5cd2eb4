"""What a guard is told of people who are looked for: who it is."""

from __future__ import annotations

from typing import Literal
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


class FacesQuery(ListQuery, kw_only=True, frozen=True):
    """`q`: words of the name or the number, or how they begin."""

    sort: Literal["lastName", "-lastName"] = "lastName"
    q: Search | UnsetType = UNSET


def face(row: Record) -> Face:
    return Face(
        id=row["id"],
        studentId=row["student_id"],
        name=f"{row['first_name']} {row['last_name']}",
        program=row["program"],
        yearOfStudy=row["year_of_study"],
        status=row["status"],
        photoUrl=None if row["photo_url"] is None else f"/api/v1/students/{row['id']}/photo",
    )
