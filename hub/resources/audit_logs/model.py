"""What is said of an audit entry over the wire."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from hub.accounts.audit import Action
from hub.accounts.trail import opened
from hub.rest.pages import CursorText, Limit, WithTotal
from hub.store.pg import Record

Moment = Annotated[datetime, Meta(tz=True)]
Kind = Annotated[str, Meta(min_length=1, max_length=100, description="as in access_point, student, user")]
Values = dict[str, Any] | None


class AuditLog(msgspec.Struct, kw_only=True):
    """One entry. Of a change, `oldValues` and `newValues` hold what differed; credentials are `***`, and what was a
    student's own is `(sealed)` once the student's data were erased. `isErased`: the values were erased one by one."""

    id: UUID
    createdAt: Moment
    schoolId: UUID | None
    userId: UUID | None
    action: str
    resourceType: str
    resourceId: UUID | None
    studentId: UUID | None
    oldValues: Values
    newValues: Values
    isErased: bool
    ipAddress: str | None
    userAgent: str | None
    requestId: str | None


class AuditFilters(msgspec.Struct, kw_only=True, frozen=True):
    """`studentId`: entries about one student; those of lists in which the student stood are found by `action`."""

    sort: Literal["createdAt", "-createdAt"] = "-createdAt"
    createdFrom: Annotated[datetime, Meta(tz=True, description="at this moment or later")] | UnsetType = UNSET
    createdUntil: Annotated[datetime, Meta(tz=True, description="before this moment")] | UnsetType = UNSET
    userId: Annotated[UUID, Meta(description="who did it")] | UnsetType = UNSET
    action: Action | UnsetType = UNSET
    resourceType: Kind | UnsetType = UNSET
    resourceId: Annotated[UUID, Meta(description="to what")] | UnsetType = UNSET
    studentId: Annotated[UUID, Meta(description="about whom")] | UnsetType = UNSET

    def __post_init__(self) -> None:
        """Raises ValueError for a moment that is in no year of UTC."""
        for value in (self.createdFrom, self.createdUntil):
            try:
                _ = None if value is UNSET else value.astimezone(UTC)
            except OverflowError:
                raise ValueError("createdFrom and createdUntil must be in the years 1 to 9999 of UTC") from None


class AuditLogsQuery(AuditFilters, kw_only=True, frozen=True):
    """The filters, and what ListQuery has: a Struct has one base only."""

    limit: Limit = 50
    cursor: CursorText | UnsetType = UNSET
    total: WithTotal = False


class AuditExportQuery(AuditFilters, kw_only=True, frozen=True):
    format: Annotated[Literal["csv", "jsonl"], Meta(description="a table, or an object a line")] = "csv"


def audit_log(row: Record, key: bytes | None) -> AuditLog:
    """`key`: the student's, with which the values open that are the student's own."""
    values = opened(_values(row["old_values"]), _values(row["new_values"]), row["personal"], key, row["id"])
    return AuditLog(
        id=row["id"],
        createdAt=row["created_at"],
        schoolId=row["school_id"],
        userId=row["user_id"],
        action=row["action"] or "",
        resourceType=row["resource_type"] or "",
        resourceId=row["resource_id"],
        studentId=row["subject_id"],
        oldValues=values.old,
        newValues=values.new,
        isErased=row["is_erased"],
        ipAddress=row["ip_address"],
        userAgent=row["user_agent"],
        requestId=row["request_id"],
    )


def _values(text: str | None) -> Values:
    """What plain SQL has written may be no object."""
    values = None if text is None else msgspec.json.decode(text)
    return values if values is None or isinstance(values, dict) else {"value": values}
