"""/admin/analytics: numbers that were counted beforehand, so they cost the same however long the log is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from msgspec import UNSET

from hub.accounts.permissions import Permission
from hub.errors import BadRequest, NotFound
from hub.issuing.signing import known_zone
from hub.resources.analytics import reading
from hub.resources.analytics.kept import KEPT
from hub.resources.analytics.model import (
    HOURLY_DAYS,
    MOST_DAYS,
    MOST_POINTS,
    Analytics,
    AnalyticsQuery,
    Denials,
    NotSeen,
    NotSeenNumber,
    NotSeenQuery,
    PointNumbers,
    not_seen,
)
from hub.rest.call import Call
from hub.rest.faults import fault, refusal
from hub.rest.pages import Page, read_page
from hub.rest.route import Route
from hub.store.keyset import Column, Listing
from hub.store.pg import Connection, Record
from hub.store.queries import load_queries

Q = load_queries(__package__)
USUAL_DAYS = 30
NOT_SEEN = Listing(Q.not_seen, sorts={"since": Column("since", datetime)})
_NOTHING: Mapping[str, Any] = defaultdict(int, as_of=None)


async def analytics(call: Call[AnalyticsQuery, None]) -> Analytics:
    async def reading_now() -> Analytics:
        return await read(await call.tx(), call.school, call.query)

    query = call.query
    # The hour too: the last thirty days are others tomorrow, wherever the school is.
    asked = (query.dayFrom, query.dayUntil, query.notSeenDays, f"{datetime.now(UTC):%Y%m%d%H}")
    return await call.part(KEPT).get(call.school, asked, reading_now)


async def read(tx: Connection, school: UUID | None, query: AnalyticsQuery) -> Analytics:
    """Of the school that the transaction sees; None: of all, as hub_admin. Raises NotFound, BadRequest."""
    zone = await _zone(tx, school)
    first, last = _days(query, datetime.now(zone).date())
    everywhere = school is None
    row = await tx.fetchrow(Q.summary_of_all if everywhere else Q.summary)
    summary = _NOTHING if row is None or row["as_of"] is None else dict(row)
    unseen = Q.count_not_seen_of_all if everywhere else Q.count_not_seen
    hourly, days = (last - first).days < HOURLY_DAYS, query.notSeenDays
    counted = reading.Counted(await tx.fetch(Q.hours, *reading.bounds(first, last, zone)), zone, hourly=hourly)
    return Analytics(
        schoolId=school,
        timezone=zone.key,
        dayFrom=first,
        dayUntil=last,
        asOf=_older(summary["as_of"], await tx.fetchval(Q.counted_at)),
        students=reading.students(summary),
        passes=reading.passes(summary),
        accessPoints=await tx.fetchval(Q.points_in_use),
        scans=counted.totals,
        perHour=counted.hours if hourly else UNSET,
        perDay=counted.days,
        perPoint=[_point(one) for one in await tx.fetch(Q.busiest_points, first, last, MOST_POINTS)],
        denials=[Denials(reason=one["reason"], count=one["count"]) for one in await tx.fetch(Q.denials, first, last)],
        busiestHours=counted.busiest,
        notSeen=NotSeenNumber(days=days, students=await tx.fetchval(unseen, _before(days))),
    )


async def list_not_seen(call: Call[NotSeenQuery, None]) -> Page[NotSeen]:
    return await read_page(call, NOT_SEEN, not_seen, base=[call.school_for(), _before(call.query.days)], filters={})


async def _zone(tx: Connection, school: UUID | None) -> ZoneInfo:
    """The school's; of all schools at once, UTC."""
    if school is None:
        return ZoneInfo("UTC")
    name = await tx.fetchval(Q.zone, school)
    if name is None:
        raise NotFound("no such school")
    return ZoneInfo(known_zone(name))


def _days(query: AnalyticsQuery, today: date) -> tuple[date, date]:
    """Raises BadRequest when there are too many, or none."""
    last = today if query.dayUntil is UNSET else query.dayUntil
    if not date(1970, 1, 1) <= last <= date(9990, 1, 1):
        raise refusal([fault("dayUntil", "is no day of a school")])
    first = last - timedelta(days=USUAL_DAYS - 1) if query.dayFrom is UNSET else query.dayFrom
    if not timedelta() <= last - first < timedelta(days=MOST_DAYS):
        raise refusal([fault("dayFrom", f"has to be before dayUntil, by {MOST_DAYS - 1} days at most")])
    return first, last


def _before(days: int) -> datetime:
    return datetime.now(UTC) - timedelta(days=days)


def _older(one: datetime | None, other: datetime | None) -> datetime | None:
    return None if one is None or other is None else min(one, other)


def _point(row: Record) -> PointNumbers:
    return reading.added(PointNumbers(accessPointId=row["access_point_id"], name=row["name"]), row)


ROUTES = [
    Route(
        "GET",
        "/admin/analytics",
        analytics,
        summary="Numbers of a school: students, passes, scans by hour, day, door and reason",
        permission=Permission.analytics_read,
        query=AnalyticsQuery,
        answer=Analytics,
        errors=(NotFound, BadRequest),
    ),
    Route(
        "GET",
        "/admin/analytics/not-seen",
        list_not_seen,
        summary="Students whom no door has let through for so many days",
        permission=Permission.students_read,
        query=NotSeenQuery,
        answer=Page[NotSeen],
        reads="student",
    ),
]
