"""A card that the query packs is the card that Python packs: hub/index/queries.sql against hub/domain/card.py."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from hub.domain.card import unpack
from hub.index.loader import queries
from tests.integration.pass_rows import LAST_DAY, add_random
from tests.integration.rows import add_pass, add_school, add_student, lookup_key


@pytest.fixture
async def db(database: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database)
    yield connection
    await connection.close()


@pytest.mark.parametrize("seed", range(4))
async def test_the_query_packs_what_python_packs(db: asyncpg.Connection, seed: int) -> None:
    wanted = await add_random(db, seed, 100)
    assert {row["lookup_key"]: row["packed"] for row in await db.fetch(queries["load_passes"])} == wanted
    some = list(wanted)[::3]
    reread = await db.fetch(queries["reread_passes"], [*some, bytes(16)])
    assert {row["lookup_key"]: row["packed"] for row in reread} == {key: wanted[key] for key in some}


async def test_a_pass_for_ever_is_no_trouble(db: asyncpg.Connection) -> None:
    """'infinity' is a date to PostgreSQL, and no number of days: one such pass must not cost all the others."""
    school = await add_school(db, "ONE")
    await add_pass(db, school, None, "A")
    await db.execute("UPDATE passes SET issue_date = '-infinity', expiry_date = 'infinity'")
    (row,) = await db.fetch(queries["load_passes"])
    card = unpack(row["packed"])
    assert (card.first_day, card.last_day) == (0, LAST_DAY)


async def test_the_longest_name_there_can_be(db: asyncpg.Connection) -> None:
    school = await add_school(db, "ONE")
    student = await add_student(db, school)
    await add_pass(db, school, student, "A")
    long = "\U0001f393" * 100
    await db.execute("UPDATE students SET first_name = $1, middle_name = $1, last_name = $1", long)
    packed = await db.fetchval(queries["reread_passes"], [lookup_key("A")], column=1)
    card = unpack(packed)
    assert card.name == long[:60]
    assert card.number == "A"
    assert len(packed) < 400
