"""Lists, filters and searches of students: a school of 50,000 in a database of many, and all schools at once.

`python -m loadtests.bench.students URL N` fills a database of its own beside the one of URL, measures, and prints JSON.
A page's time is the server's: transaction, statements, opening of what is sealed, JSON; and not HTTP.
"""

from __future__ import annotations

import json
import random
import sys
import time
from datetime import date
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg
import msgspec
import uvloop

from hub.accounts.personal import students as personal
from hub.config import Settings, key_ring, load_settings
from hub.demo.names import draw_name
from hub.resources.students.model import student
from hub.rest.pages import Asked
from hub.rest.students.query import PRESENT, SORTS
from hub.rest.students.search import Searched
from hub.store.keyset import After
from hub.store.migrate import migrate
from hub.store.pg import Pg, Role
from loadtests.bench.world import SERVER_CORE, pin

DATABASE = "people"
SIZE, CHUNK, PAGE, NAMES = 50_000, 5_000, 50, 30_000
#: Pages of each question: those at the beginning, and those before the end.
EDGE = 20
SEED = 20261124

_TABLES = """
CREATE TABLE drawn (n integer PRIMARY KEY, first text, middle text, last text, gender text);
INSERT INTO schools (id, name, code) SELECT ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, n, n
FROM generate_series(1, $1::integer) AS n;
"""
#: The other schools, one after another, as imports bring them.
_OTHERS = """
INSERT INTO students (id, school_id, student_id, email, first_name, middle_name, last_name, gender, program,
    year_of_study, enrollment_date, graduation_date, status, created_at)
SELECT ('00000001-0000-7000-8000-' || lpad(to_hex(g.n), 12, '0'))::uuid,
    ('00000000-0000-7000-8000-' || lpad(to_hex($2::integer), 12, '0'))::uuid,
    (2018 + k % 8) || '-' || lpad(g.n::text, 7, '0'), 'u' || g.n || '@school.example', first, middle, last, gender,
    'Program ' || k % 40, 1 + k % 6, date '2018-09-01' + 365 * (k % 8), date '2022-07-01' + 365 * (k % 8),
    (ARRAY['active', 'active', 'active', 'active', 'active', 'active', 'active', 'inactive', 'graduated',
           'suspended'])[1 + k / 7 % 10], timestamptz '2020-01-01' + g.n * interval '30 seconds'
FROM (SELECT n, ('x' || substr(md5(n::text), 1, 7))::bit(28)::int AS k FROM generate_series($1::integer,
    $1 + $3 - 1) AS n) AS g JOIN drawn ON drawn.n = k % $4
"""
_SEALED = """
UPDATE students AS s SET date_of_birth = v.a, phone = v.b, address = v.c, emergency_contact_name = v.d,
    emergency_contact_phone = v.e, date_of_birth_bidx = v.f, phone_bidx = v.g
FROM unnest($1::uuid[], $2::bytea[], $3::bytea[], $4::bytea[], $5::bytea[], $6::bytea[], $7::bytea[], $8::bytea[])
    AS v (id, a, b, c, d, e, f, g) WHERE s.id = v.id
"""


class Question(NamedTuple):
    kind: str
    sort: str = "-createdAt"
    q: str | None = None
    filters: dict[str, Any] = {}  # noqa: RUF012 - a tuple's default, never changed


QUESTIONS = (
    *(Question("list", sort) for sort in ("-createdAt", "lastName", "studentId", "-updatedAt")),
    Question("filter", filters={"status": "suspended"}),
    Question("filter", "lastName", filters={"program": "Program 3", "yearOfStudy": 4}),
    Question("filter", filters={"gender": "non-binary", "status": "graduated"}),
    Question("filter", filters={"firstName": "Łukasz"}),
    Question("filter", "studentId", filters={"lastName": "Novák"}),
    Question("filter", filters={"enrollmentDateFrom": date(2020, 1, 1), "enrollmentDateUntil": date(2021, 12, 31)}),
    *(Question("q", q=q) for q in ("müller", "SCHMIDT", "Wisniewski", "garcia lorca", "Шевченко", "王", "zoe", "li")),
    *(Question("q", q=q) for q in ("2021", "0004321", "u4321@school.example", "school.example", "nobody at all")),
    *(Question("typo", q=q) for q in ("Mullre", "Shmidt", "Wisniewsky", "Gracia", "Шевчинко", "Zoe Kowalczik")),
    Question("q", "lastName", "kowalczyk"),
    Question("q", q="schmidt", filters={"status": "active"}),
)


async def fill(url: str, count: int) -> UUID:
    """Schools of 50,000 each. Returns the one in the middle, whose sensitive columns are filled too."""
    await migrate(url)
    connection = await asyncpg.connect(url, server_settings={"statement_timeout": "0"})
    ring, middle = key_ring(_settings(url)), max(1, count // SIZE // 2)
    school = UUID(f"00000000-0000-7000-8000-{middle:012x}")
    rng = random.Random(SEED)
    try:
        for statement in _TABLES.split(";")[:-1]:
            await connection.execute(statement, *([count // SIZE] if "$1" in statement else []))
        names = (draw_name(rng) for _ in range(NAMES))
        await connection.copy_records_to_table("drawn", records=[(n, *_parts(name)) for n, name in enumerate(names)])
        for number in range(1, count // SIZE + 1):
            await connection.execute(_OTHERS, (number - 1) * SIZE, number, SIZE, NAMES, timeout=600)
        ids = [row[0] for row in await connection.fetch("SELECT id FROM students WHERE school_id = $1", school)]
        for start in range(0, len(ids), CHUNK):
            some = ids[start : start + CHUNK]
            columns = zip(*([id_, *_values(ring, id_, school)] for id_ in some), strict=True)
            await connection.execute(_SEALED, *map(list, columns), timeout=600)
        await connection.execute("VACUUM ANALYZE", timeout=600)
    finally:
        await connection.close()
    return school


def _parts(name: Any) -> tuple[str, str | None, str, str]:
    return name.first, name.middle, name.last, name.gender


def _values(ring: Any, id_: UUID, school: UUID) -> list[bytes | None]:
    plain = {
        "date_of_birth": "2010-04-30",
        "phone": f"+4930{id_.int % 10**8}",
        "address": "12 North Street, Springfield",
        "emergency_contact_name": "Grace Hopper",
        "emergency_contact_phone": "+493012345678",
    }
    return [*personal.sealed(ring, id_, plain), *personal.indexed(ring, school, plain)]


def _settings(url: str) -> Settings:
    return load_settings(database_url=url, secret_key="A" * 43)


class Pages:
    """Reads pages as /students does."""

    def __init__(self, pg: Pg, settings: Settings, school: UUID | None) -> None:
        self._pg = pg
        self._school = school
        self._rows = Searched(PRESENT, everywhere=school is None)
        self._make = partial(student, ring=key_ring(settings))

    async def page(self, question: Question, after: After | None) -> tuple[float, After | None]:
        """Seconds, and where the next page begins."""
        started = time.perf_counter()
        asked = Asked(question.sort, PAGE + 1, after, question.filters, question.q)
        async with self._pg.admin() if self._school is None else self._pg.tenant(self._school) as tx:
            rows = await self._rows.page(tx, asked)
        msgspec.json.encode([self._make(row) for row in rows[:PAGE]])
        seconds = time.perf_counter() - started
        if len(rows) <= PAGE:
            return seconds, None
        return seconds, After(rows[PAGE - 1][SORTS[question.sort.removeprefix("-")].name], rows[PAGE - 1]["id"])

    async def edges(self, question: Question) -> tuple[list[float], list[float]]:
        """Seconds of the first pages, and of the last ones: those found by reading from the other end."""
        first, after = await self._walk(question, None)
        if after is None:
            return first, []
        down = question.sort.startswith("-")
        turned = question._replace(sort=question.sort.removeprefix("-") if down else f"-{question.sort}")
        _, end = await self._walk(turned, None)
        last, _ = await self._walk(question, end)
        return first, last

    async def _walk(self, question: Question, after: After | None) -> tuple[list[float], After | None]:
        taken = []
        for _ in range(EDGE):
            seconds, after = await self.page(question, after)
            taken.append(seconds)
            if after is None:
                break
        return taken, after


async def measure(url: str, count: int) -> dict[str, Any]:
    owner = await asyncpg.connect(url)
    await owner.execute(f"CREATE DATABASE {DATABASE}")
    await owner.close()
    own = url.replace(urlsplit(url).path, f"/{DATABASE}", 1)
    school = await fill(own, count)
    settings = _settings(own)
    pg = await Pg.open(settings, [Role.hub_api, Role.hub_admin])
    try:
        found: dict[str, Any] = {"students": count, "school": SIZE}
        for name, where in (("one", school), ("all", None)):
            pages = Pages(pg, settings, where)
            for question in QUESTIONS:  # what is asked for a second time is what is measured
                await pages.edges(question)
            found[name] = _summary([(question, *await pages.edges(question)) for question in QUESTIONS])
    finally:
        await pg.close()
    return found


def _summary(answers: list[tuple[Question, list[float], list[float]]]) -> dict[str, Any]:
    kinds: dict[str, list[float]] = {}
    for question, first, last in answers:
        kinds.setdefault(question.kind, []).extend(first + last)
    every = sorted(seconds for taken in kinds.values() for seconds in taken)
    lists = [(first, last) for question, first, last in answers if question.kind == "list"]
    return {
        "p50": _quantile(every, 0.5),
        "p99": _quantile(every, 0.99),
        "pages": len(every),
        "kinds": {kind: _quantile(sorted(taken), 0.99) for kind, taken in kinds.items()},
        "worst": max((max(first + last), str(question)) for question, first, last in answers),
        "flat": _mean([s for _, last in lists for s in last]) / _mean([s for first, _ in lists for s in first]),
    }


def _quantile(taken: list[float], part: float) -> float:
    return taken[min(len(taken) - 1, int(len(taken) * part))]


def _mean(taken: list[float]) -> float:
    return sum(taken) / len(taken)


if __name__ == "__main__":
    pin(SERVER_CORE)
    print(json.dumps(uvloop.run(measure(sys.argv[1], int(sys.argv[2])))))
