"""What is said of a scan over the wire."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from hub.rest.pages import ListQuery
from hub.rest.texts import Named
from hub.store.pg import Record

Moment = Annotated[datetime, Meta(tz=True)]
Status = Literal["granted", "denied"]
AccessType = Literal["entry", "exit"]
Reason = Annotated[Named, Meta(max_length=200)]


class AccessLog(msgspec.Struct, kw_only=True):
    """One scan. `status` and `reason` are what the reader was told; where it decided by itself (`offline`) or a person
    did (`recordedBy`), what they did, and `hubStatus` and `hubReason` are what the hub would have said. Somebody who
    was granted and did not pass after all: `annulledAt`."""

    id: UUID
    schoolId: UUID
    studentId: UUID | None
    passId: UUID | None
    accessPointId: UUID | None
    accessTime: Moment
    accessType: str | None
    status: str
    reason: str | None
    deviceInfo: dict[str, Any] | None
    createdAt: Moment | None
    receivedAt: Moment
    readerTime: Moment | None
    skewMs: int | None
    stale: bool
    offline: bool
    hubStatus: str | None
    hubReason: str | None
    readerStatus: str | None
    readerReason: str | None
    conflict: bool
    recordedBy: UUID | None
    annulledAt: Moment | None
    annulledBy: UUID | None
    annulReason: str | None


class NewAccessLog(msgspec.Struct, kw_only=True):
    """Somebody let in, or sent away, by hand: a student or a pass. The same `scanId` again is the same entry,
    and so is the same Idempotency-Key: after a 503, or no answer, send either again."""

    accessPointId: UUID
    decision: Status
    reason: Annotated[Reason, Meta(description="why a person decided")]
    studentId: UUID | None = None
    passId: UUID | None = None
    accessType: AccessType | None = None
    accessTime: Annotated[datetime, Meta(tz=True, description="when it was, at most a day ago; now")] | None = None
    scanId: UUID | None = None


class Annul(msgspec.Struct, kw_only=True):
    """Why nobody passed. `accessPointId` where scans of several doors have this id."""

    reason: Reason | None = None
    accessPointId: UUID | None = None


class AccessLogsQuery(ListQuery, kw_only=True, frozen=True):
    """`accessTimeUntil` is not among them any more."""

    sort: Literal["accessTime", "-accessTime"] = "-accessTime"
    accessTimeFrom: Annotated[datetime, Meta(tz=True, description="at this moment or later")] | UnsetType = UNSET
    accessTimeUntil: Annotated[datetime, Meta(tz=True, description="before this moment")] | UnsetType = UNSET
    studentId: UUID | UnsetType = UNSET
    passId: UUID | UnsetType = UNSET
    accessPointId: UUID | UnsetType = UNSET
    accessType: AccessType | UnsetType = UNSET
    status: Status | UnsetType = UNSET
    reason: Annotated[str, Meta(min_length=1, max_length=200, description="as in expired_pass")] | UnsetType = UNSET
    offline: bool | UnsetType = UNSET
    stale: bool | UnsetType = UNSET
    conflict: bool | UnsetType = UNSET
    recordedBy: Annotated[UUID, Meta(description="entries by hand, of this user")] | UnsetType = UNSET

    def __post_init__(self) -> None:
        """Raises ValueError for a moment that is in no year of UTC."""
        for value in (self.accessTimeFrom, self.accessTimeUntil):
            try:
                _ = None if value is UNSET else value.astimezone(UTC)
            except OverflowError:
                raise ValueError("accessTimeFrom and accessTimeUntil must be in the years 1 to 9999 of UTC") from None


class AccessLogsExport(AccessLogsQuery, kw_only=True, frozen=True):
    limit: Annotated[int, Meta(ge=1, le=10_000, description="scans of one part, as JSON")] = 5_000
    format: Annotated[Literal["json", "csv", "xlsx"], Meta(description="JSON in parts, or all scans as one file")] = (
        "json"
    )


def access_log(row: Record) -> AccessLog:
    return AccessLog(
        id=row["id"],
        schoolId=row["school_id"],
        studentId=row["student_id"],
        passId=row["pass_id"],
        accessPointId=row["access_point_id"],
        accessTime=row["access_time"],
        accessType=row["access_type"],
        status=row["status"],
        reason=row["reason"],
        deviceInfo=_object(row["device_info"]),
        createdAt=row["created_at"],
        receivedAt=row["received_at"],
        readerTime=row["reader_time"],
        skewMs=row["skew_ms"],
        stale=row["stale"],
        offline=row["offline"],
        hubStatus=row["hub_status"],
        hubReason=row["hub_reason"],
        readerStatus=row["reader_status"],
        readerReason=row["reader_reason"],
        conflict=row["conflict"],
        recordedBy=row["recorded_by"],
        annulledAt=row["annulled_at"],
        annulledBy=row["annulled_by"],
        annulReason=row["annul_reason"],
    )


def _object(text: str | None) -> dict[str, Any] | None:
    """What plain SQL has written may be no object."""
    value = None if text is None else msgspec.json.decode(text)
    return value if value is None or isinstance(value, dict) else {"value": value}
