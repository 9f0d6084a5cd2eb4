"""The jobs process: PgQueuer on PostgreSQL, with its schedule. One a host; a job runs on one of them.

PostgreSQL away: it waits and connects again. Nothing at a door depends on it.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

import structlog
from pgqueuer import PgQueuer
from pgqueuer.models import Schedule

from hub.config import Settings
from hub.errors import StoreUnavailable
from hub.jobs import housekeeping
from hub.jobs.sealing import Sealer
from hub.store.pg import OwnConnection, Pg, Role, connect, is_outage

log = structlog.get_logger(__name__)
BACKOFF_SECONDS = 2.0


def build(connection: OwnConnection, pg: Pg, sealer: Sealer) -> PgQueuer:
    """All entry points and schedules."""
    queuer = PgQueuer.from_asyncpg_connection(connection)

    @queuer.schedule("ensure_partitions", "7 * * * *")
    async def ensure_partitions(schedule: Schedule) -> None:
        await housekeeping.ensure_partitions(pg)

    @queuer.schedule("prune", "37 * * * *")
    async def prune(schedule: Schedule) -> None:
        await housekeeping.prune(pg)

    @queuer.schedule("seal_audit", "* * * * *")
    async def seal_audit(schedule: Schedule) -> None:
        await sealer.run(pg)

    return queuer


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Until `stop` is set. What jobs.housekeeping does every hour is done once at the start as well."""
    logging.getLogger("pgqueuer").setLevel(logging.WARNING)
    pg = await Pg.open(settings, [Role.hub_system])
    try:
        while not stop.is_set():
            try:
                await _session(settings, pg, stop)
            except Exception as error:
                if not (isinstance(error, StoreUnavailable | OSError | TimeoutError) or is_outage(error)):
                    raise
                log.warning("jobs wait for PostgreSQL", error=str(error))
                await _wait(stop, BACKOFF_SECONDS)
    finally:
        await pg.close()


async def _session(settings: Settings, pg: Pg, stop: asyncio.Event) -> None:
    await housekeeping.ensure_partitions(pg)
    sealer = Sealer(settings)
    await sealer.run(pg)
    connection = await connect(settings, Role.hub_system)
    try:
        queuer = build(connection, pg, sealer)
        stopper = asyncio.create_task(stop.wait())
        stopper.add_done_callback(lambda _: queuer.shutdown.set())
        lost = asyncio.Event()

        def note_loss(_: object) -> None:
            lost.set()
            queuer.shutdown.set()

        connection.add_termination_listener(note_loss)
        try:
            await queuer.run(dequeue_timeout=timedelta(seconds=10))
        finally:
            stopper.cancel()
        if lost.is_set() and not stop.is_set():
            raise StoreUnavailable("the jobs' connection to PostgreSQL was lost")
    finally:
        connection.terminate()


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        pass
