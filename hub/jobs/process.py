"""The jobs process: PgQueuer on PostgreSQL, with its schedule. One a host; a job runs on one of them.

PostgreSQL away: it waits and connects again. Nothing at a door depends on it.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

import structlog
from pgqueuer import PgQueuer
from pgqueuer.errors import RetryRequested
from pgqueuer.models import Job, Schedule

from hub.accounts.letters import ENTRYPOINT as MAIL
from hub.config import Settings
from hub.errors import StoreUnavailable
from hub.integrations.mail.job import deliver
from hub.integrations.mail.sending import MailWaits
from hub.jobs import accounts, housekeeping
from hub.jobs.sealing import Sealer
from hub.store.pg import OwnConnection, Pg, Role, connect, is_outage

log = structlog.get_logger(__name__)
BACKOFF_SECONDS = 2.0
#: Letters under way at once, on all hosts; how long one waits for its next try at most, and how often it is tried.
LETTERS = 4
LONGEST_MAIL_WAIT = 600.0
MAIL_TRIES = 200


def build(connection: OwnConnection, pg: Pg, settings: Settings, sealer: Sealer) -> PgQueuer:
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

    @queuer.schedule("token_keys", "17 * * * *")
    async def token_keys(schedule: Schedule) -> None:
        await accounts.rotate_token_keys(settings, pg)

    @queuer.schedule("forget_sessions", "47 * * * *")
    async def forget_sessions(schedule: Schedule) -> None:
        await accounts.forget(pg)

    @queuer.entrypoint(MAIL, concurrency_limit=LETTERS)
    async def mail(job: Job) -> None:
        try:
            await deliver(settings, pg, job.payload or b"")
        except (MailWaits, StoreUnavailable) as error:
            if job.attempts >= MAIL_TRIES:
                log.error("a letter is given up", fault=str(error))
                return
            seconds = min(LONGEST_MAIL_WAIT, 2.0 ** min(job.attempts, 20))
            log.warning("a letter waits", fault=str(error), seconds=seconds)
            raise RetryRequested(timedelta(seconds=seconds)) from error

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
        queuer = build(connection, pg, settings, sealer)
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
