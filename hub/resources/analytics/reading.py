"""Rows of what was counted become what is answered: by the school's clock, in the school's order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from hub.resources.analytics.model import (
    BusyHour,
    DayNumbers,
    HourNumbers,
    Passages,
    PassNumbers,
    ScanTotals,
    StudentNumbers,
)
from hub.store.pg import Record

BUSIEST = 10
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
    """Rows of hours in their order, sorted out. Hours and days that are empty are not there."""

    def __init__(self, rows: Iterable[Record], zone: ZoneInfo, *, hourly: bool) -> None:
        """`hourly`: every hour is wanted, and not only what they come to."""
        self.totals = ScanTotals()
        self.hours: list[HourNumbers] = []
        self._days: dict[date, DayNumbers] = {}
        self._week: dict[tuple[int, int], int] = defaultdict(int)
        for row in rows:
            local = row["hour"].astimezone(zone)
            self._add(row, local)
            if hourly and (row["entries"] or row["exits"] or row["undirected"] or row["denied"]):
                self.hours.append(added(HourNumbers(hour=local), row))
        totals = self.totals
        totals.scans = totals.entries + totals.exits + totals.undirected + totals.denied + totals.annulled

    def _add(self, row: Record, local: datetime) -> None:
        self.totals.add(row)
        self.totals.annulled += row["annulled"]
        day = local.date()
        if day not in self._days:
            self._days[day] = DayNumbers(day=day)
        self._days[day].add(row)
        self._week[local.isoweekday(), local.hour] += row["entries"]

    @property
    def days(self) -> list[DayNumbers]:
        return [one for one in self._days.values() if one.entries or one.exits or one.undirected or one.denied]

    @property
    def busiest(self) -> list[BusyHour]:
        found = sorted(((n, where) for where, n in self._week.items() if n), key=lambda one: (-one[0], one[1]))
        return [BusyHour(weekday=day, hour=hour, entries=n) for n, (day, hour) in found[:BUSIEST]]


def added(numbers: P, row: Record) -> P:
    numbers.add(row)
    return numbers
