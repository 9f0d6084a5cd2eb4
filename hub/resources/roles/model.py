"""What is said of a role over the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from hub.accounts.permissions import Permission
from hub.rest.pages import ListQuery, Search
from hub.rest.texts import Named, Text
from hub.store.pg import Record

RoleName = Annotated[Named, Meta(max_length=100)]
Description = Annotated[Text, Meta(max_length=1000)]
Permissions = Annotated[list[Permission], Meta(max_length=200, description="only what you hold yourself")]
Moment = Annotated[datetime, Meta(tz=True)]


class Role(msgspec.Struct, kw_only=True):
    """`schoolId`: null for roles of the installation, which every school may give."""

    id: UUID
    name: str
    description: str | None
    builtIn: bool
    schoolId: UUID | None
    permissions: list[str]
    createdAt: Moment
    updatedAt: Moment


class NewRole(msgspec.Struct, kw_only=True):
    """`schoolId` is for super admins; without it the role is for every school."""

    name: RoleName
    permissions: Permissions
    description: Description | None = None
    schoolId: UUID | None = None


class ChangedRole(msgspec.Struct, kw_only=True):
    """What is left out stays as it is."""

    name: RoleName | UnsetType = UNSET
    permissions: Permissions | UnsetType = UNSET
    description: Description | UnsetType | None = UNSET


class RolesQuery(ListQuery, kw_only=True, frozen=True):
    sort: Literal["name", "-name", "createdAt", "-createdAt"] = "name"
    q: Search | UnsetType = UNSET
    builtIn: bool | UnsetType = UNSET


def role(row: Record) -> Role:
    return Role(
        id=row["id"],
        name=row["name"],
        description=row["description"],
        builtIn=row["built_in"],
        schoolId=row["school_id"],
        permissions=row["permissions"],
        createdAt=row["created_at"],
        updatedAt=row["updated_at"],
    )
