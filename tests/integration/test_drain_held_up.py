"""What holds a drain up does so for a bounded time: then it begins again, and no scan is written twice or lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import asyncpg
import pytest

from hub.config import Settings
from hub.recorder import access_log
from tests.integration.feed_world import until
from tests.integration.test_drain import Bench, entry
from tests.services import Cluster
from tests.tcp_proxy import TcpProxy


@asynccontextmanager
async def draining(settings: Settings, database: str) -> AsyncIterator[Bench]:
    """With one scan drained, over the connection that it goes on with."""
    connection = await asyncpg.connect(database)
    bench = Bench(settings, connection)
    task = asyncio.create_task(bench.drain.run())
    keep(bench)
    await until(lambda: bench.drain.drained == 1, "the first scan is drained")
    try:
        yield bench
    finally:
        task.cancel()
        await asyncio.wait([task])
        bench.journal.close()
        await connection.close()


def keep(bench: Bench) -> None:
    bench.keep(entry())
    bench.drain.wake()


async def test_a_network_that_goes_silent(
    settings: Callable[..., Settings], database: str, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_log, "COMMAND_SECONDS", 3.0)
    with TcpProxy(cluster.postgres.socket_dir / ".s.PGSQL.5432") as proxy:
        async with draining(settings(database_url=proxy.url(database)), database) as bench:
            await asyncio.to_thread(proxy.silence, 0)
            keep(bench)
            await until(lambda: bench.drain.drained == 2, "over another connection")
            assert len(await bench.rows()) == 2


async def test_a_lock_that_somebody_holds(
    settings: Callable[..., Settings], database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_log, "STATEMENT_SECONDS", 1.0)
    async with draining(settings(), database) as bench:
        async with bench.connection.transaction():
            await bench.connection.execute("LOCK TABLE scan_ids")
            keep(bench)
            await until(lambda: bench.drain.fault is not None, "the drain says that it is held up")
            assert "statement timeout" in str(bench.drain.fault)
        await until(lambda: bench.drain.drained == 2, "the lock is gone")
        assert bench.drain.fault is None
        assert len(await bench.rows()) == 2
