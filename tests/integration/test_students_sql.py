"""The search of students where it looks beyond row-level security: who may call it, and what it keeps to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from hub.store.migrate import find_migrations, migrate
from tests.integration.rows import add_school, add_student
from tests.services import Cluster

ANYBODY = '[["%ada%"]]'
OWN = "20000000-0000-7000-8000-000000000000"


@pytest.fixture
async def db(database: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database)
    yield connection
    await connection.close()


@pytest.fixture
async def schools(db: asyncpg.Connection) -> tuple[UUID, UUID]:
    """Two schools, each with an Ada Lovelace."""
    found = await add_school(db, "ONE"), await add_school(db, "TWO")
    for school in found:
        await add_student(db, school)
    return found


async def enter(connection: asyncpg.Connection, role: str, school: UUID | str) -> None:
    await connection.execute(f"SET LOCAL ROLE {role}")
    await connection.execute("SELECT set_config('hub.school_id', $1, true)", str(school))


@pytest.mark.parametrize("school", ["", OWN])
async def test_a_search_without_a_school_finds_nobody(
    db: asyncpg.Connection, schools: tuple[UUID, UUID], school: str
) -> None:
    assert schools
    async with db.transaction():
        await enter(db, "hub_api", school)
        assert await db.fetch("SELECT hub_search_students($1::jsonb)", ANYBODY) == []
        assert await db.fetch("SELECT hub_similar_words('lovelase')") == []
        assert await db.fetch("SELECT * FROM hub_reads_in_lists($1)", schools[0]) == []


async def test_a_search_keeps_to_its_school(db: asyncpg.Connection, schools: tuple[UUID, UUID]) -> None:
    for school in schools:
        async with db.transaction():
            await enter(db, "hub_api", school)
            ids = [row[0] for row in await db.fetch("SELECT hub_search_students($1::jsonb)", ANYBODY)]
            assert ids == [row[0] for row in await db.fetch("SELECT id FROM students")]
            assert [row[0] for row in await db.fetch("SELECT hub_similar_words('lovelase')")] == ["lovelace"]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT hub_search_all_students('[]')",
        "SELECT hub_found_students('', '[]', '[]', NULL, false, NULL, NULL, NULL)",
        "SELECT hub_similar_words_of_all('ada')",
        "SELECT word FROM student_words",
        "DELETE FROM student_words",
    ],
)
async def test_a_school_may_not_look_beyond_itself(
    db: asyncpg.Connection, schools: tuple[UUID, UUID], statement: str
) -> None:
    transaction = db.transaction()
    await transaction.start()
    await enter(db, "hub_api", schools[0])
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await db.execute(statement)
    await transaction.rollback()


@pytest.mark.parametrize("pattern", ["'", "%'); DROP TABLE students; --", "\\", "%%", "%L", "%1$I", "{}", '"'])
async def test_a_pattern_is_only_a_pattern(db: asyncpg.Connection, schools: tuple[UUID, UUID], pattern: str) -> None:
    async with db.transaction():
        await enter(db, "hub_api", schools[0])
        await db.execute("SELECT hub_search_students(jsonb_build_array(jsonb_build_array($1::text)))", f"%{pattern}x%")
        await db.execute("SELECT hub_similar_words($1)", pattern)
        await db.execute("SELECT hub_forget_student_words(ARRAY[$1::text])", pattern)
        assert len(await db.fetch("SELECT id FROM students")) == 1


@pytest.fixture
def older(cluster: Cluster, tmp_path: Path) -> Iterator[str]:
    """A database from before there was a search."""
    for migration in find_migrations():
        if migration.name < "0014":
            (tmp_path / migration.name).write_text(migration.sql)
    name = cluster.create(template="template1")
    asyncio.run(migrate(cluster.url(name), tmp_path))
    yield cluster.url(name)
    cluster.drop(name)


async def test_students_of_an_older_schema_are_found_too(older: str) -> None:
    connection = await asyncpg.connect(older)
    school = await add_school(connection, "ONE")
    await add_student(connection, school)
    await connection.close()
    await migrate(older)
    connection = await asyncpg.connect(older)
    rows = await connection.fetch("SELECT school_id, word FROM student_words ORDER BY word")
    assert [tuple(row) for row in rows] == [(school, "ada"), (school, "lovelace")]
    assert await connection.fetchval("SELECT search FROM students") == " ada lovelace s1"
    await connection.close()
