"""A revocation overtakes an import, however the import is cut into statements, and the feed stays fresh."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from itertools import pairwise

import asyncpg
import pytest

from hub.config import Settings
from tests.integration.feed_world import World, until
from tests.integration.rows import add_pass, lookup_key

ROWS = 40_000
INSERT = (
    "INSERT INTO passes (school_id, pass_number, qr_code, issue_date, expiry_date)"
    " SELECT $1, code, code, '2026-09-01', '2027-08-31'"
    " FROM (SELECT 'i' || i AS code FROM generate_series($2::int, $3::int) AS i) AS codes"
)


@pytest.fixture
async def world(database: str, settings: Callable[..., Settings]) -> AsyncIterator[World]:
    # What is late here is late because of the import: a machine that is busy with other things is no cut.
    async with World(database, settings(feed_heartbeat=10)) as world:
        yield world


class Revocations:
    """Revokes and reinstates one pass again and again; `delays` are the seconds until each was in the index."""

    def __init__(self, world: World, connection: asyncpg.Connection) -> None:
        self._world = world
        self._connection = connection
        self.delays: list[tuple[float, float]] = []
        self.stale = False
        self._stop = asyncio.Event()

    async def run(self) -> None:
        revoked = False
        while not self._stop.is_set():
            revoked = not revoked
            status, verdict = ("revoked", "revoked_pass") if revoked else ("active", "granted")
            await self._connection.execute("UPDATE passes SET status = $1 WHERE qr_code = 'revoked'", status)
            committed = time.monotonic()
            await self._world.verdict_becomes("revoked", verdict)
            self.delays.append((committed, time.monotonic() - committed))
            self.stale = self.stale or self._world.feed.stale_since is not None

    def stop(self) -> None:
        self._stop.set()


@pytest.mark.parametrize("statements", [1, 200, 2_000])
async def test_a_revocation_overtakes_an_import(database: str, world: World, statements: int) -> None:
    other = await asyncpg.connect(database)
    revocations = Revocations(world, other)
    running = asyncio.create_task(revocations.run())
    try:
        await until(lambda: len(revocations.delays) >= 5, "some revocations before")
        bounds = [1 + ROWS * i // statements for i in range(statements + 1)]
        for low, high in pairwise(bounds):
            await world.owner.execute(INSERT, world.school, low, high - 1)
        imported = time.monotonic()
        await until(lambda: len(world.index) == ROWS + len(world.CODES), "all of it is in the index")
        indexed = time.monotonic()
    finally:
        revocations.stop()
        await running
        await other.close()
    slowest = max(delay for _, delay in revocations.delays)
    between = [delay for at, delay in revocations.delays if imported <= at and at + delay < indexed]
    print(
        f"{ROWS} rows in {statements} statements: in the index {indexed - imported:.2f} s after their commit; "
        f"{len(revocations.delays)} revocations meanwhile, the slowest {slowest * 1000:.0f} ms"
    )
    if statements == 1:
        # Made after the import and applied before the end of it: this is what overtaking means.
        assert len(between) > 3
    assert not revocations.stale
    assert world.feed.reconnects == 0
    assert slowest < 30


async def test_a_revocation_just_before_an_import_does_not_wait_for_it(world: World) -> None:
    """Both are notified in one turn, the revocation first: the newest first would bury it."""
    async with world.owner.transaction():
        await world.owner.execute("UPDATE passes SET status = 'revoked' WHERE qr_code = 'revoked'")
        await world.owner.execute(INSERT, world.school, 1, 20_000)
    await world.verdict_becomes("revoked", "revoked_pass")
    assert len(world.index) < 20_000
    assert world.index.get(lookup_key("i1")) is None
    await until(lambda: len(world.index) == 20_000 + len(world.CODES), "all of it is in the index")
    assert world.feed.stale_since is None


async def test_an_import_into_an_empty_database_is_read_with_the_plans_of_a_full_one(
    database: str, settings: Callable[..., Settings]
) -> None:
    """A plan that was kept from when the tables were empty reads them whole for every key."""
    async with World(database, settings(feed_heartbeat=10)) as world:
        await world.owner.execute("TRUNCATE students CASCADE")
        await until(lambda: world.feed.reloads == 2 and world.feed.stale_since is None, "nothing is left")
        await add_pass(world.owner, world.school, None, "kept")
        await world.verdict_becomes("kept", "granted")
        await world.owner.execute("ANALYZE passes, students, schools")
        await world.owner.execute("UPDATE passes SET status = 'revoked'")
        await world.verdict_becomes("kept", "revoked_pass")
        await world.owner.execute(
            "INSERT INTO students (student_id, first_name, last_name, school_id)"
            " SELECT 's' || i, 'F', 'L', $1 FROM generate_series(1, 50000) AS i",
            world.school,
        )
        await world.owner.execute(
            "INSERT INTO passes (school_id, student_id, pass_number, qr_code, issue_date, expiry_date)"
            " SELECT school_id, id, student_id, student_id, '2026-09-01', '2027-08-31' FROM students"
        )
        await until(lambda: len(world.index) == 50_001, "all of it is in the index")
        await world.owner.execute("UPDATE passes SET status = 'revoked' WHERE qr_code = 's1'")
        await world.verdict_becomes("s1", "revoked_pass")
        assert world.feed.reconnects == 0
