"""What is said of a school over the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from hub.domain.school_settings import (
    PasswordRules,
    Retention,
    RoleNames,
    SchoolSettings,
    StudentFields,
    school_settings,
)
from hub.rest.pages import ListQuery, Search
from hub.rest.texts import Named, Text
from hub.store.pg import Record

Name = Annotated[Named, Meta(max_length=200)]
Code = Annotated[
    str, Meta(min_length=1, max_length=20, pattern=r"^[A-Za-z0-9-]+$", description="short, and no other school's")
]
Address = Annotated[Text, Meta(max_length=1000)]
Phone = Annotated[str, Meta(max_length=20, pattern=r"^\+?[0-9][0-9 ()/.-]*$")]
Email = Annotated[
    str, Meta(max_length=254, pattern=r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9][A-Za-z0-9.-]*[A-Za-z0-9]$")
]
Website = Annotated[str, Meta(max_length=255, pattern=r"^https?://[!-~]+$")]
Logo = Annotated[
    str,
    Meta(
        max_length=500,
        pattern=r"^(https?://[!-~]+|/api/v1/schools/[0-9a-f-]{36}/logo)$",
        description="an address elsewhere; or, of a logo that is kept here, its own",
    ),
]
Zone = Annotated[
    str, Meta(min_length=1, max_length=64, description="whose days passes are valid on, as in Europe/Lisbon")
]
Staleness = Annotated[int, Meta(ge=0, le=86_400 * 30, description="seconds that doors may answer without fresh passes")]
Moment = Annotated[datetime, Meta(tz=True)]


class School(msgspec.Struct, kw_only=True):
    """One school. `settings` are those in force, whether they were ever set or not."""

    id: UUID
    name: str
    code: str
    address: str | None
    phone: str | None
    email: str | None
    website: str | None
    logoUrl: str | None
    isActive: bool
    timezone: str
    maxStalenessSeconds: int
    settings: SchoolSettings
    createdAt: Moment
    updatedAt: Moment


class GivenSettings(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Settings to change; what is left out stays as it is. `passwords`, `studentFields` and `retention` are replaced
    as wholes."""

    failOpen: bool | UnsetType = UNSET
    guardDesk: bool | UnsetType = UNSET
    secondFactor: RoleNames | UnsetType = UNSET
    passwords: PasswordRules | UnsetType = UNSET
    studentFields: StudentFields | UnsetType = UNSET
    retention: Retention | UnsetType = UNSET


class NewSchool(msgspec.Struct, kw_only=True):
    """Its people come later, by invitation."""

    name: Name
    code: Code
    address: Address | None = None
    phone: Phone | None = None
    email: Email | None = None
    website: Website | None = None
    logoUrl: Logo | None = None
    isActive: bool = True
    timezone: Zone = "UTC"
    maxStalenessSeconds: Staleness = 300
    settings: GivenSettings | UnsetType = UNSET


class ChangedSchool(msgspec.Struct, kw_only=True):
    """What is left out stays as it is; null empties. `isActive` is for super admins: nobody of a school that is not
    active gets in any more, neither at its doors nor here."""

    name: Name | UnsetType = UNSET
    code: Code | UnsetType = UNSET
    address: Address | UnsetType | None = UNSET
    phone: Phone | UnsetType | None = UNSET
    email: Email | UnsetType | None = UNSET
    website: Website | UnsetType | None = UNSET
    logoUrl: Logo | UnsetType | None = UNSET
    isActive: bool | UnsetType = UNSET
    timezone: Zone | UnsetType = UNSET
    maxStalenessSeconds: Staleness | UnsetType = UNSET
    settings: GivenSettings | UnsetType = UNSET


class SchoolsQuery(ListQuery, kw_only=True, frozen=True):
    sort: Literal["name", "-name", "code", "-code", "createdAt", "-createdAt"] = "name"
    q: Search | UnsetType = UNSET
    code: Annotated[str, Meta(min_length=1, max_length=20)] | UnsetType = UNSET
    isActive: bool | UnsetType = UNSET
    timezone: Zone | UnsetType = UNSET


def school(row: Record) -> School:
    return School(
        id=row["id"],
        name=row["name"],
        code=row["code"],
        address=row["address"],
        phone=row["phone"],
        email=row["email"],
        website=row["website"],
        logoUrl=row["logo_url"],
        isActive=row["is_active"],
        timezone=row["timezone"],
        maxStalenessSeconds=row["max_staleness_seconds"],
        settings=school_settings(msgspec.json.decode(row["settings"])),
        createdAt=row["created_at"],
        updatedAt=row["updated_at"],
    )


def stored(given: GivenSettings | UnsetType) -> str:
    """As JSON for the table, only what was given."""
    return "{}" if given is UNSET else msgspec.json.encode(given).decode()
