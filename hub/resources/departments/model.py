"""What is said of a department over the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from hub.rest.pages import ListQuery, Search
from hub.rest.texts import Line, Named
from hub.store.pg import Record

Name = Annotated[Named, Meta(max_length=200)]
Code = Annotated[
    str, Meta(min_length=1, max_length=20, pattern=r"^[A-Za-z0-9-]+$", description="short; once in a school")
]
HeadName = Annotated[Line, Meta(max_length=100, description="who leads it")]
Moment = Annotated[datetime, Meta(tz=True)]


class Department(msgspec.Struct, kw_only=True):
    """One department of a school."""

    id: UUID
    schoolId: UUID
    name: str
    code: str
    headName: str | None
    createdAt: Moment
    updatedAt: Moment


class NewDepartment(msgspec.Struct, kw_only=True):
    """Of the school in the path."""

    name: Name
    code: Code
    headName: HeadName | None = None


class ChangedDepartment(msgspec.Struct, kw_only=True):
    """What is left out stays as it is; null empties."""

    name: Name | UnsetType = UNSET
    code: Code | UnsetType = UNSET
    headName: HeadName | UnsetType | None = UNSET


class DepartmentsQuery(ListQuery, kw_only=True, frozen=True):
    sort: Literal["name", "-name", "code", "-code", "createdAt", "-createdAt"] = "name"
    q: Search | UnsetType = UNSET
    code: Annotated[str, Meta(min_length=1, max_length=20)] | UnsetType = UNSET


def department(row: Record) -> Department:
    return Department(
        id=row["id"],
        schoolId=row["school_id"],
        name=row["name"],
        code=row["code"],
        headName=row["head_name"],
        createdAt=row["created_at"],
        updatedAt=row["updated_at"],
    )
