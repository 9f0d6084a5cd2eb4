"""The feed: every change reaches the index, whatever else happens to the database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import asyncpg
import pytest
from structlog.testing import capture_logs

from hub.config import Settings
from hub.index.comparison import find_drift
from hub.store.pg import Role, connect
from tests.integration.feed_world import AFTER, BEFORE, World, key_hash, until
from tests.integration.rows import add_pass, lookup_key
from tests.services import Cluster


@pytest.fixture
async def world(database: str, settings: Callable[..., Settings]) -> AsyncIterator[World]:
    async with World(database, settings(feed_heartbeat=60)) as world:
        assert world.verdicts() == BEFORE
        yield world


async def fetch_safe(world: World) -> int:
    return int(await world.owner.fetchval("SELECT pg_snapshot_xmin(pg_current_snapshot())::text"))


# ------------------------------------------------------------------------------------------------------- following


async def test_every_kind_of_change_reaches_the_index(world: World) -> None:
    await world.change_everything()
    await until(lambda: world.verdicts() == AFTER, "all changes are in the index")
    assert not world.ask("kept").stale
    assert world.feed.reloads == 1


async def test_a_pass_that_comes_back_is_granted_again(world: World) -> None:
    for status, verdict in (("revoked", "revoked_pass"), ("inactive", "inactive_pass"), ("active", "granted")):
        await world.owner.execute("UPDATE passes SET status = $1 WHERE qr_code = 'kept'", status)
        await world.verdict_becomes("kept", verdict)


async def test_codes_that_change_places_are_each_others(world: World) -> None:
    await world.owner.execute("UPDATE passes SET status = 'revoked' WHERE qr_code = 'revoked'")
    async with world.owner.transaction():
        await world.owner.execute("UPDATE passes SET qr_code = 'tmp' WHERE qr_code = 'kept'")
        await world.owner.execute("UPDATE passes SET qr_code = 'kept' WHERE qr_code = 'revoked'")
        await world.owner.execute("UPDATE passes SET qr_code = 'revoked' WHERE qr_code = 'tmp'")
    await world.verdict_becomes("kept", "revoked_pass")
    await world.verdict_becomes("revoked", "granted")


async def test_a_school_that_is_deactivated_opens_nothing(world: World) -> None:
    await world.owner.execute("UPDATE schools SET is_active = false")
    await world.verdict_becomes("kept", "school_inactive")
    await world.owner.execute("UPDATE schools SET is_active = true")
    await world.verdict_becomes("kept", "granted")


async def test_commit_order_is_not_the_order_of_numbers(database: str, world: World) -> None:
    """The lower number is committed last, after the feed has read the higher one."""
    slow = await asyncpg.connect(database)
    try:
        async with slow.transaction():
            await slow.execute("UPDATE passes SET status = 'revoked' WHERE qr_code = 'revoked'")
            await world.owner.execute("UPDATE passes SET status = 'inactive' WHERE qr_code = 'kept'")
            await world.verdict_becomes("kept", "inactive_pass")
            assert world.verdict("revoked") == "granted"
        await world.verdict_becomes("revoked", "revoked_pass")
    finally:
        await slow.close()


async def test_the_last_commit_wins_whatever_was_written_first(database: str, world: World) -> None:
    """The same pass in two statements: the feed's row is the table's, not that of the highest number."""
    other = await asyncpg.connect(database)
    try:
        for status in ("revoked", "inactive", "active", "revoked", "active"):
            await asyncio.gather(
                world.owner.execute("UPDATE passes SET status = $1 WHERE qr_code = 'kept'", status),
                other.execute("UPDATE passes SET status = 'inactive' WHERE qr_code IN ('kept', 'deleted')"),
            )
        await other.execute("UPDATE passes SET status = 'revoked' WHERE qr_code = 'deleted'")
        await world.verdict_becomes("deleted", "revoked_pass")
        now = await world.owner.fetchval("SELECT status FROM passes WHERE qr_code = 'kept'")
        await world.verdict_becomes("kept", "granted" if now == "active" else f"{now}_pass")
    finally:
        await other.close()


async def test_an_open_writer_elsewhere_delays_nothing(cluster: Cluster, world: World) -> None:
    """Not even one in another database, which holds back the cluster's oldest transaction."""
    name = await asyncio.to_thread(cluster.create)
    elsewhere = await asyncpg.connect(cluster.url(name))
    try:
        async with elsewhere.transaction():
            await elsewhere.execute("INSERT INTO schools (name, code) VALUES ('open', 'open')")
            held = int(await elsewhere.fetchval("SELECT pg_current_xact_id()::text"))
            await world.change_everything()
            await until(lambda: world.verdicts() == AFTER, "all changes are in the index")
            assert await fetch_safe(world) <= held
            assert not world.ask("kept").stale
    finally:
        await elsewhere.close()
        await asyncio.to_thread(cluster.drop, name)


# ------------------------------------------------------------------------------------------------------- reloading


@pytest.mark.parametrize(("table", "left"), [("passes", True), ("device_keys", False), ("schools", False)])
async def test_truncate_loads_everything_again(world: World, table: str, left: bool) -> None:
    await world.owner.execute(f"TRUNCATE {table} CASCADE")
    await until(lambda: world.feed.reloads == 2 and world.feed.stale_since is None, "loaded again")
    key = world.directory.device(key_hash("secret"), 0)
    assert (key is not None) is left
    assert len(world.index) == (0 if table != "device_keys" else len(world.CODES))
    # The same TRUNCATE does not do it again, neither now nor after a cut.
    if left:
        await add_pass(world.owner, world.school, world.student, "new")
        await world.verdict_becomes("new", "granted")
        assert world.feed.reloads == 2


async def test_drift_is_noticed_counted_and_mended(database: str, settings: Callable[..., Settings]) -> None:
    async with World(database, settings(feed_heartbeat=60, feed_check_interval=0.3)) as world:
        world.index.remove(lookup_key("kept"))
        await until(lambda: world.feed.drift == 1, "the drift is counted")
        await until(lambda: world.feed.reloads == 2, "everything is loaded again")
        assert world.verdict("kept") == "granted"
        await until(lambda: world.feed.drift == 0, "the next comparison finds nothing")
        assert world.feed.stale_since is None


@pytest.mark.parametrize("planted", [b"", b"x"])
async def test_a_comparison_finds_what_is_too_much_and_what_is_wrong(world: World, planted: bytes) -> None:
    key = lookup_key("kept")
    packed = world.index.get(key)
    assert packed is not None
    world.index.put(lookup_key("kept" + planted.decode()), packed + b"x")
    connection = await connect(world.settings, Role.hub_system)
    try:
        number = await world.owner.fetchval("SELECT number FROM schools")
        assert await find_drift(connection, world.index, no_wait) == {number}
    finally:
        await connection.close()


async def test_changes_during_a_comparison_are_no_drift(database: str, world: World) -> None:
    connection = await connect(world.settings, Role.hub_system)
    stop = asyncio.Event()

    async def keep_changing() -> None:
        other = await asyncpg.connect(database)
        while not stop.is_set():
            await other.execute(
                "UPDATE passes SET pass_type = CASE pass_type WHEN 'visitor' THEN 'standard' "
                "ELSE 'visitor' END WHERE qr_code = 'kept'"
            )
        await other.close()

    changing = asyncio.create_task(keep_changing())
    try:
        await world.feed.compare(connection)
        assert world.feed.drift == 0
        assert world.feed.reloads == 1
    finally:
        stop.set()
        await changing
        await connection.close()


async def test_a_comparison_that_cannot_be_made_is_no_cut(database: str, settings: Callable[..., Settings]) -> None:
    async with World(database, settings(feed_heartbeat=60, feed_check_interval=0.2)) as world:
        with capture_logs() as said:
            await world.owner.execute("ALTER TABLE passes RENAME TO passes_away")
            await until(lambda: [x for x in said if "could not be compared" in x["event"]], "it tried, and said so")
            await world.owner.execute("ALTER TABLE passes_away RENAME TO passes")
        assert world.feed.stale_since is None
        assert world.feed.reconnects == 0
        await world.owner.execute("UPDATE passes SET status = 'revoked' WHERE qr_code = 'kept'")
        await world.verdict_becomes("kept", "revoked_pass")


async def test_a_count_that_was_interrupted_is_made_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cut ends a comparison wherever it is; half of a count is no drift."""
    monkeypatch.setattr("hub.index.comparison.SLICE_ROWS", 1)
    connection = await connect(world.settings, Role.hub_system)
    try:
        assert not world.index.counted
        comparing = asyncio.create_task(find_drift(connection, world.index, no_wait))
        await asyncio.sleep(0)
        assert sum(passes for passes, _ in world.index.checksums().values()) == 1  # it has begun
        comparing.cancel()
        await asyncio.gather(comparing, return_exceptions=True)
        await world.feed.compare(connection)
        assert world.feed.drift == 0
    finally:
        await connection.close()


async def no_wait() -> None:
    """The index of a test that changes nothing meanwhile is settled."""
