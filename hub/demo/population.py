"""Who studies at a school of the demo and what passes they hold: pure, the same for the same seed and day.

Besides everybody's current pass there are old ones (expired, revoked, handed back), next term's, and visitors'. Of each
state that a scan can be denied for there are at least `LEAST` in a school.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, timedelta
from typing import NamedTuple

from hub.demo.names import draw_name
from hub.demo.schools import School

LEAST = 6
SPECIAL_SHARE = 0.01
VISITORS = 8
# Enough for twenty who may enter beside those who may not.
FEWEST_STUDENTS = 40
REVOKE_REASONS = ("lost", "stolen", "card damaged", "left the school", "lent to somebody else")


class Student(NamedTuple):
    """Phones in E.164; `department` is a position in the school's list."""

    student_id: str
    email: str
    first_name: str
    middle_name: str | None
    last_name: str
    gender: str
    date_of_birth: date
    phone: str
    address: str
    emergency_contact_name: str
    emergency_contact_phone: str
    department: int
    program: str
    year_of_study: int
    enrollment_date: date
    graduation_date: date | None
    status: str


class Pass(NamedTuple):
    """`student`: position of its holder in `draw_students`, None for a visitor. Days are the school's, inclusive."""

    student: int | None
    pass_number: str
    issue_date: date
    expiry_date: date
    status: str
    pass_type: str
    revoke_reason: str | None


def special_count(students: int) -> int:
    """How many of each special state a school of this size has."""
    return max(LEAST, int(students * SPECIAL_SHARE))


def draw_students(school: School, count: int, seed: int, today: date) -> Iterator[Student]:
    """`count` students; the first are suspended, inactive or have graduated, the others are active."""
    rng = random.Random(f"{seed} {school.code} students")
    special = special_count(count)
    term = _term_start(today)
    for index in range(count):
        status = _status(index, special)
        year = (
            school.years
            if status == "graduated"
            else 1 + min(int(rng.triangular(0, school.years, 0)), school.years - 1)
        )
        enrolled = date(term.year - year + 1, term.month, 1)
        department = rng.randrange(len(school.departments))
        name = draw_name(rng)
        student_id = f"{school.code}-{enrolled.year}-{index + 1:05d}"
        yield Student(
            student_id=student_id,
            email=f"{student_id.lower()}@{school.domain}",
            first_name=name.first,
            middle_name=name.middle,
            last_name=name.last,
            gender=name.gender,
            date_of_birth=_birthday(rng, enrolled),
            phone=_phone(rng, school),
            address=rng.choice(school.streets).format(rng.randint(1, 180)),
            emergency_contact_name=f"{draw_name(rng).first} {name.last}",
            emergency_contact_phone=_phone(rng, school),
            department=department,
            program=rng.choice(school.departments[department].programmes),
            year_of_study=year,
            enrollment_date=enrolled,
            graduation_date=today - timedelta(days=rng.randint(20, 90)) if status == "graduated" else None,
            status=status,
        )


def draw_passes(school: School, count: int, seed: int, today: date) -> Iterator[Pass]:
    """Everybody's current pass, in the order of the students, then the special ones and the visitors'."""
    rng = random.Random(f"{seed} {school.code} passes")
    special = special_count(count)
    for index in range(count):
        issued = today - timedelta(days=rng.randint(5, 300))
        yield _pass(school, index, index, issued, today + timedelta(days=rng.randint(180, 700)))
    number = count
    for kind in ("expired", "revoked", "inactive", "next"):
        for turn in range(special):
            # Holders in good standing: this card is denied, their current one is not.
            holder = rng.randrange(2 * special, count)
            yield _special(school, kind, turn, number, holder, rng, today)
            number += 1
    for turn in range(VISITORS):
        visit = today - timedelta(days=turn % 3)
        yield _pass(school, number, None, visit, visit + timedelta(days=30), type_="visitor")
        number += 1


def split(students: int, shares: list[float]) -> list[int]:
    """`students` divided by `shares`, whole numbers that add up to it."""
    parts = [int(students * share) for share in shares]
    parts[0] += students - sum(parts)
    return parts


def _status(index: int, special: int) -> str:
    if index < special:
        return "suspended"
    if index < special + (special + 1) // 2:
        return "inactive"
    return "graduated" if index < 2 * special else "active"


def _special(school: School, kind: str, turn: int, number: int, holder: int, rng: random.Random, today: date) -> Pass:
    days = rng.randint(10, 200)
    past, future = today - timedelta(days=days), today + timedelta(days=days)
    year = timedelta(days=365)
    if kind == "expired":
        # Half are found by their date alone, as on the morning after; half were marked by a job.
        return _pass(school, number, holder, past - year, past, status="active" if turn % 2 else "expired")
    if kind == "revoked":
        return _pass(school, number, holder, past, future, status="revoked", reason=rng.choice(REVOKE_REASONS))
    if kind == "inactive":
        return _pass(school, number, holder, past, future, status="inactive")
    return _pass(school, number, holder, future, future + year, type_="temporary" if turn % 3 == 0 else "standard")


def _pass(
    school: School,
    number: int,
    student: int | None,
    issued: date,
    expires: date,
    *,
    status: str = "active",
    type_: str = "standard",
    reason: str | None = None,
) -> Pass:
    return Pass(student, f"{school.code}-P-{number + 1:06d}", issued, expires, status, type_, reason)


def _term_start(today: date) -> date:
    """The first day of the school year that `today` is in."""
    return date(today.year if today.month >= 9 else today.year - 1, 9, 1)


def _birthday(rng: random.Random, enrolled: date) -> date:
    years = min(17 + rng.expovariate(0.5), 60)
    return enrolled - timedelta(days=int(years * 365.25))


def _phone(rng: random.Random, school: School) -> str:
    return school.phone.format(rng.randrange(1000) if ":03d" in school.phone else rng.randrange(10_000))
