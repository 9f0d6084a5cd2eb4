"""What is said of an access point over the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from hub.rest.pages import ListQuery, Search
from hub.rest.texts import Line, Named
from hub.store.pg import Record

AccessType = Literal["entry", "exit", "both"]
Name = Annotated[Named, Meta(max_length=200, description="what people call the door")]
Location = Annotated[Line, Meta(max_length=200, description="where it is")]
DeviceId = Annotated[Named, Meta(max_length=100, description="the reader's serial number; nobody else's")]
Staleness = Annotated[
    int, Meta(ge=0, le=86_400 * 30, description="seconds it may answer without fresh passes; null: as the school says")
]
FailOpen = Annotated[
    bool, Meta(description="past maxStalenessSeconds: grant what was known last; null: as the school says")
]
Moment = Annotated[datetime, Meta(tz=True)]


class AccessPoint(msgspec.Struct, kw_only=True):
    """One door."""

    id: UUID
    schoolId: UUID
    name: str
    location: str | None
    deviceId: str | None
    accessType: AccessType
    isActive: bool
    maxStalenessSeconds: int | None
    failOpen: bool | None
    createdAt: Moment
    updatedAt: Moment


class NewAccessPoint(msgspec.Struct, kw_only=True):
    """`schoolId` is for super admins."""

    name: Name
    accessType: AccessType
    location: Location | None = None
    deviceId: DeviceId | None = None
    isActive: bool = True
    maxStalenessSeconds: Staleness | None = None
    failOpen: FailOpen | None = None
    schoolId: UUID | None = None


class ChangedAccessPoint(msgspec.Struct, kw_only=True):
    """What is left out stays as it is; null empties."""

    name: Name | UnsetType = UNSET
    accessType: AccessType | UnsetType = UNSET
    location: Location | UnsetType | None = UNSET
    deviceId: DeviceId | UnsetType | None = UNSET
    isActive: bool | UnsetType = UNSET
    maxStalenessSeconds: Staleness | UnsetType | None = UNSET
    failOpen: FailOpen | UnsetType | None = UNSET


class EnrolledAccessPoint(AccessPoint, kw_only=True):
    """`deviceKey` is shown this once; only its digest is kept."""

    deviceKey: str


class RotatedKey(msgspec.Struct, kw_only=True):
    """The new key, shown this once. The old ones work until `oldKeysExpireAt`."""

    deviceKey: str
    oldKeysExpireAt: Moment


class Ticket(msgspec.Struct, kw_only=True):
    """Connects a browser once, as the subprotocol `passhub.ticket.<ticket>`. `expiresIn`: seconds."""

    ticket: str
    expiresIn: int


class AccessPointsQuery(ListQuery, kw_only=True, frozen=True):
    sort: Literal["name", "-name", "createdAt", "-createdAt"] = "-createdAt"
    q: Search | UnsetType = UNSET
    accessType: AccessType | UnsetType = UNSET
    isActive: bool | UnsetType = UNSET


def point(row: Record) -> AccessPoint:
    return AccessPoint(**_fields(row))


def enrolled(row: Record, key: str) -> EnrolledAccessPoint:
    return EnrolledAccessPoint(**_fields(row), deviceKey=key)


def _fields(row: Record) -> dict[str, Any]:
    return {
        "id": row["id"],
        "schoolId": row["school_id"],
        "name": row["name"],
        "location": row["location"],
        "deviceId": row["device_id"],
        "accessType": row["access_type"],
        "isActive": row["is_active"],
        "maxStalenessSeconds": row["max_staleness_seconds"],
        "failOpen": row["fail_open"],
        "createdAt": row["created_at"],
        "updatedAt": row["updated_at"],
    }
