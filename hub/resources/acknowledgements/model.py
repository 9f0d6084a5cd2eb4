"""What is said of an acknowledgement over the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from hub.rest.pages import ListQuery
from hub.rest.texts import Written
from hub.store.pg import Record

Moment = Annotated[datetime, Meta(tz=True)]
Note = Annotated[Written, Meta(max_length=500, description="for whoever has the next shift")]


class Acknowledgement(msgspec.Struct, kw_only=True):
    """Somebody has seen to a scan or, where `scanId` is null, to a door. `userName`: null for super admins."""

    id: UUID
    schoolId: UUID
    scanId: UUID | None
    accessPointId: UUID
    note: str | None
    userId: UUID
    userName: str | None
    createdAt: Moment


class NewAcknowledgement(msgspec.Struct, kw_only=True):
    """Either `scanId` or `accessPointId`."""

    scanId: UUID | None = None
    accessPointId: UUID | None = None
    note: Note | None = None


class AcknowledgementsQuery(ListQuery, kw_only=True, frozen=True):
    sort: Literal["createdAt", "-createdAt"] = "-createdAt"
    scanId: UUID | UnsetType = UNSET
    accessPointId: UUID | UnsetType = UNSET
    userId: UUID | UnsetType = UNSET


def acknowledgement(row: Record) -> Acknowledgement:
    return Acknowledgement(
        id=row["id"],
        schoolId=row["school_id"],
        scanId=row["scan_id"],
        accessPointId=row["access_point_id"],
        note=row["note"],
        userId=row["user_id"],
        userName=row["user_name"],
        createdAt=row["created_at"],
    )
