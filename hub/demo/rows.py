"""Students and passes as columns of arrays, sealed and signed, a few thousand rows a statement."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from hub.demo.codes import Q
from hub.demo.population import Pass, Student, draw_passes, draw_students
from hub.demo.schools import School
from hub.domain.ids import new_id
from hub.domain.issue import pass_code
from hub.domain.keyring import KeyRing
from hub.domain.qr import SigningKey
from hub.domain.vault import column_place
from hub.store.pg import Connection

CHUNK = 2_500
T = TypeVar("T")


async def insert_population(
    connection: Connection,
    school: School,
    school_id: UUID,
    count: int,
    issuer: UUID,
    key: SigningKey,
    ring: KeyRing,
    progress: Callable[[str], None],
    random_seed: int,
) -> tuple[list[UUID], int]:
    """Inserts `count` students of a school and their passes; returns who they are, in order, and how many passes."""
    today = datetime.now(ZoneInfo(school.timezone)).date()
    departments = await _department_ids(connection, school, school_id)
    students: list[UUID] = []
    for rows in _chunks(draw_students(school, count, random_seed, today), CHUNK):
        ids = [new_id() for _ in rows]
        columns = _student_columns(ring, school_id, rows, ids, departments)
        await connection.execute(Q.insert_students, school_id, *columns)
        students += ids
        progress(f"{school.name}: {len(students):,} of {count:,} students")
    passes = 0
    for cards in _chunks(draw_passes(school, count, random_seed, today), CHUNK):
        columns = _pass_columns(key, school, school_id, cards, students)
        await connection.execute(Q.insert_passes, school_id, issuer, key.kid, issuer, *columns)
        passes += len(cards)
        progress(f"{school.name}: {passes:,} passes signed")
    return students, passes


async def _department_ids(connection: Connection, school: School, school_id: UUID) -> list[UUID]:
    found = {row["code"]: row["id"] for row in await connection.fetch(Q.departments_of_school, school_id)}
    return [found[department.code] for department in school.departments]


def _student_columns(
    ring: KeyRing, school: UUID, rows: list[Student], ids: list[UUID], departments: list[UUID]
) -> list[list[Any]]:
    def sealed(column: str, values: Iterable[str]) -> list[bytes]:
        return [
            ring.seal(value.encode(), column_place("students", column, id_))
            for id_, value in zip(ids, values, strict=True)
        ]

    def indexed(column: str, values: Iterable[str]) -> list[bytes]:
        return [ring.blind_index(column, school, value) for value in values]

    birthdays = [row.date_of_birth.isoformat() for row in rows]
    phones = [row.phone for row in rows]
    return [
        ids,
        [row.student_id for row in rows],
        [row.email for row in rows],
        [row.first_name for row in rows],
        [row.middle_name for row in rows],
        [row.last_name for row in rows],
        [row.gender for row in rows],
        sealed("date_of_birth", birthdays),
        indexed("date_of_birth", birthdays),
        sealed("phone", phones),
        indexed("phone", phones),
        sealed("address", (row.address for row in rows)),
        sealed("emergency_contact_name", (row.emergency_contact_name for row in rows)),
        sealed("emergency_contact_phone", (row.emergency_contact_phone for row in rows)),
        [departments[row.department] for row in rows],
        [row.program for row in rows],
        [row.year_of_study for row in rows],
        [row.enrollment_date for row in rows],
        [row.graduation_date for row in rows],
        [row.status for row in rows],
    ]


def _pass_columns(
    key: SigningKey, school: School, school_id: UUID, rows: list[Pass], students: list[UUID]
) -> list[list[Any]]:
    ids = [new_id() for _ in rows]
    return [
        ids,
        [None if row.student is None else students[row.student] for row in rows],
        [row.pass_number for row in rows],
        [
            pass_code(key, school_id, id_, row.issue_date, row.expiry_date, school.timezone)
            for id_, row in zip(ids, rows, strict=True)
        ],
        [row.issue_date for row in rows],
        [row.expiry_date for row in rows],
        [row.status for row in rows],
        [row.pass_type for row in rows],
        [row.revoke_reason for row in rows],
    ]


def _chunks(rows: Iterator[T], size: int) -> Iterator[list[T]]:
    while chunk := list(islice(rows, size)):
        yield chunk
