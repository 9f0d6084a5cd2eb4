"""GET /access-logs/counts: how many, by time, by door and by reason. It names nobody."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from hub.resources.access_logs.queries import Q
from hub.rest.call import Call
from hub.rest.faults import fault, refusal
from hub.store.pg import Record

#: What may be asked for at once: the width of a column, and of the whole.
STEPS = {"minute": (timedelta(minutes=1), timedelta(days=2)), "hour": (timedelta(hours=1), timedelta(days=62))}


class CountsQuery(msgspec.Struct, kw_only=True, frozen=True):
    """Scans from `accessTimeFrom` on, until now when no end is given: two days by the minute, 62 by the hour."""

    accessTimeFrom: Annotated[datetime, Meta(tz=True, description="at this moment or later")]
    accessTimeUntil: Annotated[datetime, Meta(tz=True, description="before this moment")] | UnsetType = UNSET
    step: Literal["minute", "hour"] = "minute"


class Counted(msgspec.Struct, kw_only=True):
    granted: int = 0
    denied: int = 0


class CountedTime(Counted, kw_only=True):
    """`at`: where the column begins. One without scans is left out."""

    at: Annotated[datetime, Meta(tz=True)]


class CountedDoor(Counted, kw_only=True):
    accessPointId: UUID


class CountedReason(msgspec.Struct, kw_only=True):
    """`reason`: of a denial; what the guard wrote, where a person decided."""

    reason: str | None
    count: int


class Counts(msgspec.Struct, kw_only=True):
    """`times` in their order; doors and reasons with the most first, at most a hundred each."""

    times: list[CountedTime]
    doors: list[CountedDoor]
    reasons: list[CountedReason]


async def count_logs(call: Call[CountsQuery, None]) -> Counts:
    query, now = call.query, datetime.now(UTC)
    until = now if query.accessTimeUntil is UNSET else query.accessTimeUntil
    step, most = STEPS[query.step]
    if not timedelta() < until - query.accessTimeFrom <= most:
        raise refusal([fault("accessTimeFrom", f"must be before the end, by {most.days} days at most")])
    rows = await (await call.tx()).fetch(Q.count_logs, step, query.accessTimeFrom, until)
    return _counts(list(rows))


def _counts(rows: list[Record]) -> Counts:
    times: dict[datetime, CountedTime] = {}
    doors: dict[UUID, CountedDoor] = {}
    reasons = []
    for row in rows:
        if row["kind"] == "time":
            _add(times.setdefault(row["at"], CountedTime(at=row["at"])), row)
        elif row["kind"] == "door":
            if row["access_point_id"] is not None:
                door = row["access_point_id"]
                _add(doors.setdefault(door, CountedDoor(accessPointId=door)), row)
        elif row["status"] != "granted":
            reasons.append(CountedReason(reason=row["reason"], count=row["count"]))
    return Counts(
        times=sorted(times.values(), key=lambda one: one.at),
        doors=sorted(doors.values(), key=lambda one: -(one.granted + one.denied))[:100],
        reasons=sorted(reasons, key=lambda one: -one.count)[:100],
    )


def _add(counted: Counted, row: Record) -> None:
    if row["status"] == "granted":
        counted.granted += row["count"]
    else:
        counted.denied += row["count"]
