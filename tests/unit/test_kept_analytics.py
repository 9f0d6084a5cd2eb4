"""Analytics that are kept for a moment: each question's own, as they were, and gone when a door or a school changes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any, cast
from uuid import UUID

import msgspec

from hub.config import load_settings
from hub.domain.ids import new_id
from hub.resources.analytics.kept import KeptAnalytics
from hub.resources.analytics.model import (
    Analytics,
    HourNumbers,
    NotSeenNumber,
    PassNumbers,
    ScanTotals,
    StudentNumbers,
)
from hub.store.pg import Connection

NEPAL = timezone(timedelta(hours=5, minutes=45))
ONE, OTHER = new_id(), new_id()
NOBODY = cast("Connection", None)


class Numbers:
    """What is read: each time another number of doors."""

    def __init__(self) -> None:
        self.reads = 0

    def of(self, school: UUID | None) -> Callable[[], Any]:
        async def read() -> Analytics:
            self.reads += 1
            return Analytics(
                schoolId=school,
                timezone="Asia/Kathmandu",
                dayFrom=date(2026, 9, 1),
                dayUntil=date(2026, 9, 1),
                asOf=datetime(2026, 9, 2, tzinfo=UTC),
                students=StudentNumbers(total=1, byStatus={"active": 1}),
                passes=PassNumbers(total=0, byStatus={}, byType={}),
                accessPoints=self.reads,
                scans=ScanTotals(),
                perHour=[HourNumbers(hour=datetime(2026, 9, 1, 8, tzinfo=NEPAL), entries=3)],
                perDay=[],
                perPoint=[],
                denials=[],
                busiestHours=[],
                notSeen=NotSeenNumber(days=30, students=0),
            )

        return read


def kept_while(fresh: bool = True) -> KeptAnalytics:
    return KeptAnalytics(load_settings(redis_url=None), lambda: fresh)


async def test_the_same_question_is_read_once_and_answered_the_same() -> None:
    kept, numbers = kept_while(), Numbers()
    first = await kept.get(ONE, ("2026-09-01", 30), numbers.of(ONE))
    again = await kept.get(ONE, ("2026-09-01", 30), numbers.of(ONE))
    assert numbers.reads == 1
    assert (
        msgspec.json.encode(first)
        == msgspec.json.encode(again)
        == msgspec.json.encode(await numbers.of(ONE)()).replace(b'"accessPoints":2', b'"accessPoints":1')
    )
    assert b"2026-09-01T08:00:00+05:45" in msgspec.json.encode(again), "the school's own time"


async def test_no_school_is_answered_with_another_ones_numbers() -> None:
    kept, numbers = kept_while(), Numbers()
    for school in (ONE, OTHER, None):
        for asked in ((1, 30), (1, 31), (13, 0)):
            assert (await kept.get(school, asked, numbers.of(school))).schoolId == school
    assert numbers.reads == 9


async def test_a_door_that_changed_or_a_feed_that_began_anew_is_seen_at_once() -> None:
    kept, numbers = kept_while(), Numbers()
    assert [(await kept.get(ONE, (), numbers.of(ONE))).accessPoints for _ in range(2)] == [1, 1]
    await kept.reread(NOBODY, "access_point", [ONE.bytes])
    assert (await kept.get(ONE, (), numbers.of(ONE))).accessPoints == 2
    await kept.load(NOBODY)
    assert (await kept.get(ONE, (), numbers.of(ONE))).accessPoints == 3


async def test_while_the_feed_is_cut_nothing_is_kept() -> None:
    kept, numbers = kept_while(fresh=False), Numbers()
    assert [(await kept.get(ONE, (), numbers.of(ONE))).accessPoints for _ in range(2)] == [1, 2]
