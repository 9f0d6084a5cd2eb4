"""The feed cut off: it is said while it lasts, it has an end, and nothing is missed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator

import asyncpg
import pytest

from hub.config import Settings
from hub.index import loader
from hub.index.index import PassIndex
from tests.integration.feed_world import AFTER, BEFORE, World, until
from tests.integration.rows import add_pass, lookup_key
from tests.services import Cluster
from tests.tcp_proxy import HOWS, How, TcpProxy

LISTENING, READING = 0, 1  # the order in which the feed connects


@pytest.fixture
def proxy(cluster: Cluster) -> Iterator[TcpProxy]:
    with TcpProxy(cluster.postgres.socket_dir / ".s.PGSQL.5432") as proxy:
        yield proxy


@pytest.fixture
async def world(database: str, proxy: TcpProxy, settings: Callable[..., Settings]) -> AsyncIterator[World]:
    async with World(database, settings(database_url=proxy.url(database), feed_heartbeat=0.2)) as world:
        assert world.verdicts() == BEFORE
        yield world


async def becomes_stale(world: World) -> None:
    await until(lambda: world.feed.stale_since is not None, "the feed is stale")


async def becomes_fresh(world: World) -> None:
    await until(lambda: world.feed.stale_since is None, "the feed is fresh")


# ------------------------------------------------------------------------------------------------------------ cuts


@pytest.mark.parametrize("how", HOWS)
async def test_nothing_is_missed_while_the_connections_are_cut(world: World, proxy: TcpProxy, how: How) -> None:
    proxy.cut(how)
    await becomes_stale(world)
    await world.change_everything()
    # What is known is still answered from, and every answer says that it may be old.
    assert world.verdicts() == BEFORE
    assert all(world.ask(code).stale for code in world.CODES)
    proxy.heal()
    await becomes_fresh(world)
    assert world.verdicts() == AFTER
    assert not world.ask("kept").stale
    assert world.feed.reloads == 1  # caught up, not loaded again


@pytest.mark.parametrize("how", HOWS)
async def test_a_cut_is_flagged_within_two_heartbeats(
    database: str, proxy: TcpProxy, settings: Callable[..., Settings], how: How
) -> None:
    """With the default of one second, that is two seconds; a minute is allowed to a busy machine. An end that is
    heard is flagged at once."""
    async with World(database, settings(database_url=proxy.url(database))) as world:
        cut = time.monotonic()
        proxy.cut(how)
        await becomes_stale(world)
        took = time.monotonic() - cut
        print(f"{how}: flagged after {took:.2f} s")
        assert took < 60
        # It counts from the last sign of life, so that a bound on staleness is one on what was missed.
        assert world.feed.stale_since is not None
        assert world.feed.stale_since <= cut + 0.1


@pytest.mark.parametrize("how", HOWS)
async def test_changes_before_the_cut_is_noticed_are_not_missed(world: World, proxy: TcpProxy, how: How) -> None:
    proxy.cut(how)
    await world.change_everything()
    await becomes_stale(world)
    proxy.heal()
    await becomes_fresh(world)
    assert world.verdicts() == AFTER


@pytest.mark.parametrize("which", [LISTENING, READING])
async def test_one_silent_connection_is_a_cut_too(world: World, proxy: TcpProxy, which: int) -> None:
    """The one that reads is not asked while nothing changes: the first change finds it out."""
    proxy.silence(which)
    await world.change_everything()
    await until(lambda: world.feed.reconnects > 0, "it connects again")
    await becomes_fresh(world)
    assert world.verdicts() == AFTER
    assert world.feed.reloads == 1


async def test_silence_while_catching_up_ends(world: World, proxy: TcpProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.index.feed.CATCH_UP_SECONDS", 0.5)
    proxy.cut("reset")
    await becomes_stale(world)
    await world.change_everything()
    seen = proxy.accepted
    proxy.heal()
    await until(lambda: proxy.accepted >= seen + 2, "it connects again")
    proxy.cut("silence")
    await asyncio.sleep(0.1)
    proxy.heal()
    await becomes_fresh(world)
    assert world.verdicts() == AFTER


async def test_a_cut_during_a_load_is_loaded_again(world: World, proxy: TcpProxy) -> None:
    """Half of a load is no load: catching up from there would miss what came before."""
    proxy.cut("reset")
    await becomes_stale(world)
    await world.owner.execute("DELETE FROM passes")
    await add_pass(world.owner, world.school, world.student, "fresh")
    await world.owner.execute("SELECT hub_prune_changes(pg_snapshot_xmin(pg_current_snapshot()))")
    loads = 0

    class Cutting(PassIndex):
        """Cuts the line as the first rows of the first load arrive."""

        __slots__ = ()

        def fill(self, rows: Iterable[tuple[bytes, bytes]]) -> None:
            nonlocal loads
            loads += 1
            if loads == 1:
                proxy.cut("reset")
                proxy.heal()
            super().fill(rows)

    world.index.__class__ = Cutting
    proxy.heal()
    await becomes_fresh(world)
    assert loads == 2
    assert world.feed.reloads == 2
    assert world.index.keys() == {lookup_key("fresh")}


async def test_what_was_notified_and_not_read_survives_a_cut(world: World, proxy: TcpProxy) -> None:
    """However old it is: notes of `safe` say what was notified, not what was read."""
    backlog = world.feed._backlog
    low = await world.owner.fetchval("SELECT max(seq) + 1 FROM index_changes")
    proxy.cut("reset")
    await becomes_stale(world)
    await world.owner.execute("UPDATE passes SET status = 'revoked' WHERE qr_code = 'revoked'")
    # As if the notification had come before the cut, and catching up began after it.
    backlog.add(low, low)
    note = int(await world.owner.fetchval("SELECT pg_snapshot_xmin(pg_current_snapshot())::text"))
    world.feed._notes.clear()
    world.feed._note(note)
    proxy.heal()
    await becomes_fresh(world)
    await world.verdict_becomes("revoked", "revoked_pass")


async def test_what_was_being_read_survives_a_cut(world: World, proxy: TcpProxy) -> None:
    """The notification was taken, the answer never came."""
    proxy.silence(READING)
    await world.owner.execute("UPDATE passes SET status = 'revoked' WHERE qr_code = 'revoked'")
    await until(lambda: not world.feed._idle.is_set(), "it is notified")
    note = int(await world.owner.fetchval("SELECT pg_snapshot_xmin(pg_current_snapshot())::text"))
    # As if it had been under way for so long that no note reaches back to before it.
    world.feed._notes.clear()
    world.feed._note(note)
    await until(lambda: world.feed.reconnects > 0, "it connects again")
    await becomes_fresh(world)
    await world.verdict_becomes("revoked", "revoked_pass")
    assert world.feed.reloads == 1


# ------------------------------------------------------------------------------------------------------- staleness


async def test_past_max_staleness_the_door_is_denied_until_the_feed_is_back(world: World, proxy: TcpProxy) -> None:
    await world.owner.execute("UPDATE schools SET max_staleness_seconds = 1")
    await until(lambda: world.point.door.max_staleness == 1, "the school's bound is known")
    proxy.cut("silence")
    await becomes_stale(world)
    await until(lambda: world.verdict("kept") == "stale_index", "denied")
    assert world.ask("kept").stale
    assert world.verdict("nobody's") == "stale_index"
    proxy.heal()
    await world.verdict_becomes("kept", "granted")
    assert not world.ask("kept").stale


async def test_a_doors_own_bound_wins_and_fail_open_goes_on(world: World, proxy: TcpProxy) -> None:
    strict, open_ = [
        await world.owner.fetchval(
            "INSERT INTO access_points (name, school_id, max_staleness_seconds, fail_open)"
            " VALUES ($2, $1, 0, $3) RETURNING id",
            world.school,
            name,
            name == "open",
        )
        for name in ("strict", "open")
    ]
    points = world.directory.points
    await until(lambda: {strict.bytes, open_.bytes} <= points.keys(), "both doors are known")
    own = world.door
    proxy.cut("close")
    await becomes_stale(world)
    for door, verdict in ((own, "granted"), (strict, "stale_index"), (open_, "granted")):
        world.door = door
        assert world.verdict("kept") == verdict
        assert world.ask("kept").stale
    # Open means: as the old index says, not for everybody.
    assert world.verdict("nobody's") == "malformed_code"


# ---------------------------------------------------------------------------------------------------- catching up


async def test_a_transaction_that_was_open_before_the_cut_is_caught_up_on(
    database: str, world: World, proxy: TcpProxy
) -> None:
    """Its number is lower than those the feed has read; another writer, elsewhere, stays open all the time."""
    slow, open_ = await asyncpg.connect(database), await asyncpg.connect(database)
    try:
        await open_.execute("BEGIN; INSERT INTO schools (name, code) VALUES ('open', 'open')")
        await slow.execute("BEGIN; UPDATE passes SET status = 'revoked' WHERE qr_code = 'revoked'")
        await world.owner.execute("UPDATE passes SET status = 'inactive' WHERE qr_code = 'kept'")
        await world.verdict_becomes("kept", "inactive_pass")
        heard = world.feed.last_heartbeat
        await until(lambda: world.feed.last_heartbeat > heard, "another note")
        proxy.cut("reset")
        await becomes_stale(world)
        await slow.execute("COMMIT")
        proxy.heal()
        await becomes_fresh(world)
        assert world.verdict("revoked") == "revoked_pass"
        assert world.feed.reloads == 1
    finally:
        await slow.close()
        await open_.close()


async def test_pruned_beyond_what_was_noted_is_loaded_again(world: World, proxy: TcpProxy) -> None:
    proxy.cut("reset")
    await becomes_stale(world)
    await world.change_everything()
    await world.owner.execute("SELECT hub_prune_changes(pg_snapshot_xmin(pg_current_snapshot()))")
    assert await world.owner.fetchval("SELECT count(*) FROM index_changes") == 0
    proxy.heal()
    await becomes_fresh(world)
    assert world.feed.reloads == 2
    assert world.verdicts() == AFTER


async def test_more_than_can_be_caught_up_on_is_loaded_again(
    world: World, proxy: TcpProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.index.feed.CATCH_UP_LIMIT", 3)
    proxy.cut("reset")
    await becomes_stale(world)
    await world.change_everything()
    proxy.heal()
    await becomes_fresh(world)
    assert world.feed.reloads == 2
    assert world.verdicts() == AFTER


async def test_another_cluster_is_loaded_again(world: World, proxy: TcpProxy) -> None:
    system, timeline, oid = world.feed._cluster.split("/")
    assert int(system) > 0
    assert len(timeline) == 8
    assert int(oid) > 0
    proxy.cut("reset")
    await becomes_stale(world)
    world.feed._cluster = f"{system}/{int(timeline) + 1:08}/{oid}"
    proxy.heal()
    await becomes_fresh(world)
    assert world.feed.reloads == 2
    assert world.verdicts() == BEFORE


async def test_a_database_restored_under_the_same_name_is_loaded_again(
    cluster: Cluster, database: str, world: World, proxy: TcpProxy
) -> None:
    """The changes of the restored one are old: nothing in them says what is different now."""
    proxy.cut("reset")
    await becomes_stale(world)
    await world.owner.close()
    name = database.rpartition("/")[2].partition("?")[0]
    await asyncio.to_thread(cluster.drop, name)
    copy = await asyncio.to_thread(cluster.create)
    await asyncio.to_thread(cluster.run, f"ALTER DATABASE {copy} RENAME TO {name}")
    proxy.heal()
    await becomes_fresh(world)
    assert len(world.index) == 0
    assert not world.directory.schools


async def test_rows_removed_while_the_feed_was_down_are_gone_after_a_load(world: World) -> None:
    """A load into an index that holds something already, as after a TRUNCATE or a restore."""
    connection = await asyncpg.connect(world._database, server_settings={"role": "hub_system"})
    try:
        await world.owner.execute(
            "ALTER TABLE passes DISABLE TRIGGER USER; ALTER TABLE device_keys DISABLE TRIGGER USER"
        )
        await world.owner.execute("DELETE FROM passes WHERE qr_code = 'deleted'; DELETE FROM device_keys")
        before = world.index.get(lookup_key("kept"))
        for _ in range(2):
            await loader.load(connection, world.index, world.directory)
            assert world.index.get(lookup_key("deleted")) is None
            assert world.index.get(lookup_key("kept")) == before
            assert len(world.index) == len(World.CODES) - 1
    finally:
        await connection.close()
