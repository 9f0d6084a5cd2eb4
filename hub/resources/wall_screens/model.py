"""What is said of a wall screen over the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from hub.rest.pages import ListQuery
from hub.rest.texts import Named
from hub.store.pg import Record

Moment = Annotated[datetime, Meta(tz=True)]
Name = Annotated[Named, Meta(max_length=100, description="where it hangs")]
Code = Annotated[str, Meta(min_length=8, max_length=20, description="as the screen shows it, with or without spaces")]


class WallScreen(msgspec.Struct, kw_only=True):
    """One wall screen. `claimedAt`: null until it has come for its session; `lastSeenAt`: it says so daily."""

    id: UUID
    schoolId: UUID
    name: str
    createdBy: UUID
    createdAt: Moment
    claimedAt: Moment | None
    lastSeenAt: Moment | None
    expiresAt: Moment


class NewWallScreen(msgspec.Struct, kw_only=True):
    """`schoolId` is for super admins."""

    code: Code
    name: Name
    schoolId: UUID | None = None


class ChangedWallScreen(msgspec.Struct, kw_only=True):
    name: Name | UnsetType = UNSET


class WallScreensQuery(ListQuery, kw_only=True, frozen=True):
    sort: Literal["name", "-name", "createdAt", "-createdAt"] = "-createdAt"


def wall_screen(row: Record) -> WallScreen:
    return WallScreen(
        id=row["id"],
        schoolId=row["school_id"],
        name=row["name"],
        createdBy=row["created_by"],
        createdAt=row["created_at"],
        claimedAt=row["claimed_at"],
        lastSeenAt=row["last_seen_at"],
        expiresAt=row["expires_at"],
    )
