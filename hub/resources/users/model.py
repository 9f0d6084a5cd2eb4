"""What is said of an account over the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from hub.rest.pages import ListQuery, Search
from hub.rest.texts import Named
from hub.store.pg import Record

# Little is certain of an address but this; whether mail arrives is found out by sending some.
Email = Annotated[
    str,
    Meta(
        max_length=254,
        pattern=r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,185}[A-Za-z0-9])?$",
        description="where invitations go, and what one signs in with",
    ),
]
PersonName = Annotated[Named, Meta(max_length=100)]
Moment = Annotated[datetime, Meta(tz=True)]


class User(msgspec.Struct, kw_only=True):
    """An account. `schoolId`: null for super admins. Nobody sees a password, or what is kept of one."""

    id: UUID
    email: str
    firstName: str
    lastName: str
    roleId: UUID
    role: str
    schoolId: UUID | None
    isActive: bool
    secondFactor: bool
    emailVerifiedAt: Moment | None
    lastLoginAt: Moment | None
    createdAt: Moment
    updatedAt: Moment


class NewUser(msgspec.Struct, kw_only=True):
    """An invitation is mailed to the address. `schoolId` is for super admins; a new super admin has none."""

    email: Email
    firstName: PersonName
    lastName: PersonName
    roleId: UUID
    schoolId: UUID | None = None


class ChangedUser(msgspec.Struct, kw_only=True):
    """What is left out stays as it is. Another role, and `isActive` or `secondFactor` false, end the sessions."""

    email: Email | UnsetType = UNSET
    firstName: PersonName | UnsetType = UNSET
    lastName: PersonName | UnsetType = UNSET
    roleId: UUID | UnsetType = UNSET
    isActive: bool | UnsetType = UNSET
    secondFactor: Annotated[
        Literal[False] | UnsetType, Meta(description="false takes a lost second factor away; nobody else can set one")
    ] = UNSET


class UsersQuery(ListQuery, kw_only=True, frozen=True):
    sort: Literal["email", "-email", "lastName", "-lastName", "createdAt", "-createdAt"] = "-createdAt"
    q: Search | UnsetType = UNSET
    roleId: UUID | UnsetType = UNSET
    isActive: bool | UnsetType = UNSET


def user(row: Record) -> User:
    fields: dict[str, Any] = {
        "id": row["id"],
        "email": row["email"],
        "firstName": row["first_name"],
        "lastName": row["last_name"],
        "roleId": row["role_id"],
        "role": row["role"],
        "schoolId": row["school_id"],
        "isActive": row["is_active"],
        "secondFactor": row["second_factor"],
        "emailVerifiedAt": row["email_verified_at"],
        "lastLoginAt": row["last_login_at"],
        "createdAt": row["created_at"],
        "updatedAt": row["updated_at"],
    }
    return User(**fields)
