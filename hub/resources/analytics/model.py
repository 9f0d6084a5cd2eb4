"""What is said of a school's numbers over the wire."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from hub.rest.pages import ListQuery
from hub.rest.sheets import Form, text_of
from hub.store.pg import Record

Moment = Annotated[datetime, Meta(tz=True)]
Days = Annotated[int, Meta(ge=1, le=3650, description="not seen for so many days")]
#: Days from the first to the last that are shown hour by hour as well, and that are shown at all.
HOURLY_DAYS, MOST_DAYS = 31, 366
MOST_POINTS = 200


class AnalyticsQuery(msgspec.Struct, kw_only=True, frozen=True):
    """Days of the school, both counted; the last 30 when they are left out."""

    dayFrom: Annotated[date, Meta(description="as in 2026-09-01")] | UnsetType = UNSET
    dayUntil: Annotated[date, Meta(description="that day too")] | UnsetType = UNSET
    notSeenDays: Days = 30


class StudentNumbers(msgspec.Struct, kw_only=True):
    total: int
    byStatus: dict[str, int]


class PassNumbers(msgspec.Struct, kw_only=True):
    total: int
    byStatus: dict[str, int]
    byType: dict[str, int]


class Passages(msgspec.Struct, kw_only=True):
    """Scans that let somebody in or out, and those that did not. `undirected`: let through where the reader did not say
    which way. What was annulled is in none of these."""

    entries: int = 0
    exits: int = 0
    undirected: int = 0
    denied: int = 0

    def add(self, row: Record) -> None:
        self.entries += row["entries"]
        self.exits += row["exits"]
        self.undirected += row["undirected"]
        self.denied += row["denied"]


class ScanTotals(Passages, kw_only=True):
    """`scans` holds all of them and `annulled`."""

    scans: int = 0
    annulled: int = 0


class HourNumbers(Passages, kw_only=True):
    """`hour`: when it begins, with the school's offset."""

    hour: Moment


class DayNumbers(Passages, kw_only=True):
    day: date


class PointNumbers(Passages, kw_only=True):
    """`name`: null for a door that nobody knows any more."""

    accessPointId: UUID
    name: str | None


class Denials(msgspec.Struct, kw_only=True):
    """`reason`: one of the hub's, `not_said`, or `other` for what readers and people wrote."""

    reason: str
    count: int


class BusyHour(msgspec.Struct, kw_only=True):
    """An hour of the week in which many enter. `weekday`: 1 is Monday; `entries`: of all such hours in the range."""

    weekday: Annotated[int, Meta(ge=1, le=7)]
    hour: Annotated[int, Meta(ge=0, le=23)]
    entries: int


class NotSeenNumber(msgspec.Struct, kw_only=True):
    days: int
    students: int


class Analytics(msgspec.Struct, kw_only=True):
    """`asOf`: what happened by then is in all of these numbers; null until they were counted for the first time.
    `perHour` is there for at most 31 days, `perPoint` holds the 200 busiest."""

    schoolId: UUID | None
    timezone: str
    dayFrom: date
    dayUntil: date
    asOf: Moment | None
    students: StudentNumbers
    passes: PassNumbers
    accessPoints: int
    scans: ScanTotals
    perHour: list[HourNumbers] | UnsetType = UNSET
    perDay: list[DayNumbers]
    perPoint: list[PointNumbers]
    denials: list[Denials]
    busiestHours: list[BusyHour]
    notSeen: NotSeenNumber


class NotSeenQuery(ListQuery, kw_only=True, frozen=True):
    sort: Literal["since", "-since"] = "since"
    days: Days = 30


class NotSeenExport(msgspec.Struct, kw_only=True, frozen=True):
    days: Days = 30
    format: Form = "csv"


class NotSeen(msgspec.Struct, kw_only=True):
    """A student whom no door has let through since `lastSeenAt`, or ever since `since`, when the record was made."""

    id: UUID
    schoolId: UUID
    studentId: str
    firstName: str
    lastName: str
    departmentId: UUID | None
    program: str | None
    yearOfStudy: int | None
    lastSeenAt: Moment | None
    since: Moment


def not_seen(row: Record) -> NotSeen:
    return NotSeen(
        id=row["id"],
        schoolId=row["school_id"],
        studentId=row["student_id"],
        firstName=row["first_name"],
        lastName=row["last_name"],
        departmentId=row["department_id"],
        program=row["program"],
        yearOfStudy=row["year_of_study"],
        lastSeenAt=row["seen_at"],
        since=row["since"],
    )


#: Of a row of the file, by the name of its column there.
_CELLS = {
    "studentId": "student_id",
    "firstName": "first_name",
    "lastName": "last_name",
    "program": "program",
    "yearOfStudy": "year_of_study",
    "departmentId": "department_id",
    "lastSeenAt": "seen_at",
    "since": "since",
    "id": "id",
}
NOT_SEEN_HEADER = list(_CELLS)


def not_seen_cells(row: Record) -> list[str]:
    return [text_of(row[column]) for column in _CELLS.values()]
