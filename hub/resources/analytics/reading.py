"""Rows of what was counted become what is answered: by the school's clock, in the school's order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from hub.domain.ids import NIL
from hub.resources.analytics.model import (
    BusyHour,
    DayNumbers,
    Denials,
    HourNumbers,
    Passages,
    PassNumbers,
    PointNumbers,
    ScanTotals,
    StudentNumbers,
)
from hub.store.pg import Record

BUSIEST, MOST_POINTS = 10, 200
STUDENT_STATUS = ("active", "inactive", "graduated", "suspended")
PASS_STATUS = ("active", "inactive", "expired", "revoked")
PASS_TYPE = ("standard", "temporary", "visitor")
P = TypeVar("P", bound=Passages)


def bounds(first: date, last: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The moments in which these days begin and are over."""
    ends = (first, last + timedelta(days=1))
    begin, end = (datetime.combine(day, time(), zone).astimezone(UTC) for day in ends)
    return begin, end


def students(row: Mapping[str, Any]) -> StudentNumbers:
    return StudentNumbers(total=row["total_students"], byStatus=_numbers(row, STUDENT_STATUS, "students"))


def passes(row: Mapping[str, Any]) -> PassNumbers:
    by_status, by_type = (_numbers(row, names, "passes") for names in (PASS_STATUS, PASS_TYPE))
    return PassNumbers(total=row["total_passes"], byStatus=by_status, byType=by_type)


def _numbers(row: Mapping[str, Any], names: Iterable[str], of: str) -> dict[str, int]:
    return {name: row[f"{name}_{of}"] for name in names}


class Counted:
    """The rows of one question, sorted out. Hours that are empty are not there."""

    def __init__(self, rows: Iterable[Record], zone: ZoneInfo) -> None:
        self.totals = ScanTotals()
        self.hours: list[HourNumbers] = []
        self._days: dict[date, DayNumbers] = {}
        self._week: dict[tuple[int, int], int] = defaultdict(int)
        self._points: list[PointNumbers] = []
        self._denials: list[Denials] = []
        for row in rows:
            if row["hour"] is not None:
                self._add_hour(row, row["hour"].astimezone(zone))
            elif row["access_point_id"] is not None:
                self._points.append(_added(PointNumbers(accessPointId=row["access_point_id"], name=None), row))
            elif row["reason"] and row["denied"]:
                self._denials.append(Denials(reason=row["reason"], count=row["denied"]))
        self.hours.sort(key=lambda one: one.hour)

    def _add_hour(self, row: Record, local: datetime) -> None:
        hour = _added(HourNumbers(hour=local), row)
        passed = hour.entries + hour.exits + hour.undirected
        if passed or hour.denied:
            self.hours.append(hour)
            self._days.setdefault(local.date(), DayNumbers(day=local.date())).add(row)
        self._week[local.isoweekday(), local.hour] += hour.entries
        self.totals.add(row)
        self.totals.annulled += row["annulled"]
        self.totals.scans += passed + hour.denied + row["annulled"]

    @property
    def days(self) -> list[DayNumbers]:
        return [self._days[day] for day in sorted(self._days)]

    @property
    def denials(self) -> list[Denials]:
        """The most frequent first."""
        return sorted(self._denials, key=lambda one: (-one.count, one.reason))

    @property
    def busiest(self) -> list[BusyHour]:
        found = sorted(((n, where) for where, n in self._week.items() if n), key=lambda one: (-one[0], one[1]))
        return [BusyHour(weekday=day, hour=hour, entries=n) for n, (day, hour) in found[:BUSIEST]]

    @property
    def points(self) -> list[PointNumbers]:
        """The busiest first, without their names."""
        nobody = UUID(bytes=NIL)
        known = (one for one in self._points if one.accessPointId != nobody)
        return sorted(known, key=lambda one: (-_all(one), one.accessPointId))[:MOST_POINTS]


def _added(numbers: P, row: Record) -> P:
    numbers.add(row)
    return numbers


def _all(one: Passages) -> int:
    return one.entries + one.exits + one.undirected + one.denied
