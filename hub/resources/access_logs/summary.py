"""/access-logs/summary: how many passed when, where, and why not; counted from the log itself, over a bounded time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from hub.resources.access_logs.model import Moment
from hub.resources.access_logs.queries import Q
from hub.rest.call import Call
from hub.rest.faults import fault, refusal
from hub.store.pg import Record

BUCKETS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1)}
#: A school day with its longest night, when clocks go back; a month.
LONGEST = {"minute": timedelta(hours=25), "hour": timedelta(days=31)}
_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)


class SummaryQuery(msgspec.Struct, kw_only=True, frozen=True, rename={"from_": "from"}):
    from_: Annotated[datetime, Meta(tz=True, description="at this moment or later; buckets begin here")]
    to: Annotated[datetime, Meta(tz=True, description="before this moment; at most 25 hours later, by hours 31 days")]
    bucket: Literal["minute", "hour"] = "minute"
    accessPointId: UUID | UnsetType = UNSET


class Bucket(msgspec.Struct, kw_only=True):
    """`entries` and `exits`: of the granted, where the way is known."""

    at: Moment
    granted: int
    denied: int
    entries: int
    exits: int


class DoorSummary(msgspec.Struct, kw_only=True):
    id: UUID
    name: str
    granted: int
    denied: int


class ReasonCount(msgspec.Struct, kw_only=True):
    reason: str
    denied: int


class Summary(msgspec.Struct, kw_only=True, rename={"from_": "from"}):
    """Buckets in order of time, those with scans alone; doors with the busiest first; reasons with the commonest first.
    What a reader did by itself counts when it was, and as what it did; annulled scans count."""

    from_: Moment
    to: Moment
    bucket: str
    granted: int
    denied: int
    buckets: list[Bucket]
    accessPoints: list[DoorSummary]
    reasons: list[ReasonCount]


async def summary(call: Call[SummaryQuery, None]) -> Summary:
    query, tx = call.query, await call.tx()
    _check(query)
    point = None if query.accessPointId is UNSET else query.accessPointId
    rows = await tx.fetch(Q.summary, query.from_, query.to, point, BUCKETS[query.bucket])
    doors = [row for row in rows if row["kind"] == "door"]
    names = {row["id"]: row["name"] for row in await tx.fetch(Q.door_names, [row["access_point_id"] for row in doors])}
    return Summary(
        from_=query.from_,
        to=query.to,
        bucket=query.bucket,
        granted=sum(row["granted"] for row in doors),
        denied=sum(row["denied"] for row in doors),
        buckets=[_bucket(row) for row in rows if row["kind"] == "bucket"],
        accessPoints=sorted((_door(row, names) for row in doors), key=lambda d: (-d.granted - d.denied, d.name)),
        reasons=sorted(
            (ReasonCount(reason=row["reason"] or "", denied=row["denied"]) for row in rows if _is_reason(row)),
            key=lambda one: (-one.denied, one.reason),
        ),
    )


def _check(query: SummaryQuery) -> None:
    for name, value in (("from", query.from_), ("to", query.to)):
        if not _FIRST <= value <= _LAST:
            raise refusal([fault(name, "must be within the years 1970 to 9998")])
    if not query.from_ < query.to <= query.from_ + LONGEST[query.bucket]:
        raise refusal([fault("to", f"must be after from, and at most {LONGEST[query.bucket]} later")])


def _bucket(row: Record) -> Bucket:
    return Bucket(
        at=row["at"], granted=row["granted"], denied=row["denied"], entries=row["entries"], exits=row["exits"]
    )


def _door(row: Record, names: dict[UUID, str]) -> DoorSummary:
    id_ = row["access_point_id"]
    return DoorSummary(id=id_, name=names.get(id_, ""), granted=row["granted"], denied=row["denied"])


def _is_reason(row: Record) -> bool:
    return bool(row["kind"] == "reason" and row["denied"])
