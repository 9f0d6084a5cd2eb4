"""What is said of a template over the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from hub.rest.pages import ListQuery, Search
from hub.rest.texts import Line, Named
from hub.store.pg import Record

PassType = Literal["standard", "temporary", "visitor"]
Name = Annotated[Named, Meta(max_length=100)]
Days = Annotated[int, Meta(ge=1, le=3660, description="from the first day to the last, both counted; null: not said")]
Prefix = Annotated[
    str, Meta(max_length=10, pattern=r"^[A-Za-z0-9-]*$", description="what its passes' numbers begin with")
]
Title = Annotated[Line, Meta(max_length=100, description="stands above the code where it is mailed or printed")]
Color = Annotated[str, Meta(pattern=r"^#[0-9a-f]{6}$", description="of the head of a printed badge, as in #1f4e79")]
Moment = Annotated[datetime, Meta(tz=True)]


class Template(msgspec.Struct, kw_only=True):
    """One template."""

    id: UUID
    schoolId: UUID
    name: str
    passType: PassType
    validDays: int | None
    numberPrefix: str
    title: str
    color: str
    isActive: bool
    createdAt: Moment
    updatedAt: Moment


class NewTemplate(msgspec.Struct, kw_only=True):
    """`schoolId` is for super admins."""

    name: Name
    passType: PassType
    validDays: Days | None = None
    numberPrefix: Prefix = ""
    title: Title = ""
    color: Color = "#1f4e79"
    isActive: bool = True
    schoolId: UUID | None = None


class ChangedTemplate(msgspec.Struct, kw_only=True):
    """What is left out stays as it is. Passes that were made stay as they are."""

    name: Name | UnsetType = UNSET
    validDays: Days | UnsetType | None = UNSET
    numberPrefix: Prefix | UnsetType = UNSET
    title: Title | UnsetType = UNSET
    color: Color | UnsetType = UNSET
    isActive: bool | UnsetType = UNSET


class TemplatesQuery(ListQuery, kw_only=True, frozen=True):
    sort: Literal["name", "-name", "createdAt", "-createdAt"] = "name"
    q: Search | UnsetType = UNSET
    passType: PassType | UnsetType = UNSET
    isActive: bool | UnsetType = UNSET


def template(row: Record) -> Template:
    return Template(**_fields(row))


def _fields(row: Record) -> dict[str, Any]:
    return {
        "id": row["id"],
        "schoolId": row["school_id"],
        "name": row["name"],
        "passType": row["pass_type"],
        "validDays": row["valid_days"],
        "numberPrefix": row["number_prefix"],
        "title": row["title"],
        "color": row["color"],
        "isActive": row["is_active"],
        "createdAt": row["created_at"],
        "updatedAt": row["updated_at"],
    }
