"""Statements over a school that the planner has never heard of: it is being filled, among many thousand others."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import date
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from hub.resources.imports.writing import Q as IMPORTS
from hub.resources.passes.rules import Q as PASSES
from tests.integration.rows import add_school

#: As many as make a look at all of a school show.
OLD, NEW = 3_000, 600
STUDENTS = (
    "INSERT INTO students (school_id, student_id, first_name, last_name)"
    " SELECT $1, $2 || n, 'x', 'x' FROM generate_series(1, $3::int) AS n"
)


@pytest.fixture
async def db(database: str) -> AsyncIterator[asyncpg.Connection]:
    """As a job of the new school, whose tables were analyzed before it came."""
    connection = await asyncpg.connect(database)
    old, new = await add_school(connection, "OLD"), await add_school(connection, "NEW")
    await connection.execute("ALTER TABLE students SET (autovacuum_enabled = false)")
    await connection.execute(STUDENTS, old, "O", OLD)
    await connection.execute("ANALYZE students, passes")
    await connection.execute(STUDENTS, new, "N", NEW)
    await connection.execute(
        "INSERT INTO passes (school_id, student_id, pass_number, qr_code, issue_date, expiry_date)"
        " SELECT school_id, id, student_id, student_id, '2026-01-01', '2099-01-01' FROM students WHERE school_id = $1",
        new,
    )
    await connection.execute("SET ROLE hub_api")
    await connection.execute("SELECT set_config('hub.school_id', $1, false)", str(new))
    yield connection
    await connection.close()


async def read_for_nothing(db: asyncpg.Connection, statement: str, *values: Any, plan: str) -> int:
    """Rows that were read and then thrown away."""
    await db.execute(f"SET plan_cache_mode = {plan}")
    lines = [row[0] for row in await db.fetch(f"EXPLAIN (ANALYZE, TIMING OFF) {statement}", *values)]
    every = [
        int(rows) * int(loops)
        for loops, rows in re.findall(r"loops=(\d+)\).*?Rows Removed by Filter: (\d+)", "\n".join(lines), re.DOTALL)
    ]
    return sum(every)


async def test_each_is_looked_up_and_the_school_is_not_read_for_each(db: asyncpg.Connection) -> None:
    numbers = [f"N{n}" for n in range(NEW - 50, NEW + 50)]
    ids: list[UUID] = [row[0] for row in await db.fetch("SELECT id FROM students LIMIT 100")]
    assert len(ids) == 100
    for plan in ("force_custom_plan", "force_generic_plan"):
        for statement in (IMPORTS.find_students, IMPORTS.lock_students):
            assert await read_for_nothing(db, statement, numbers, plan=plan) <= len(numbers), statement
    for statement, *values in ((IMPORTS.holders, ids, date(2026, 1, 1)), (PASSES.holding, ids, "x", date(2026, 1, 1))):
        assert await read_for_nothing(db, statement, *values, plan="force_custom_plan") <= NEW, statement
    for statement in (IMPORTS.find_students, IMPORTS.lock_students):
        found = await db.fetch(statement, ["N1", "N2", f"N{NEW + 1}", "O1"])
        assert sorted(row["student_id"] for row in found) == ["N1", "N2"]
