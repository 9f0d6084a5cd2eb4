"""The jobs process: PgQueuer on PostgreSQL, with its schedule. One a host; a job runs on one of them.

PostgreSQL away: it waits and connects again. Nothing at a door depends on it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from uuid import UUID

import structlog
from pgqueuer import PgQueuer
from pgqueuer.errors import RetryRequested
from pgqueuer.models import Job, Schedule

from hub.accounts.letters import ENTRYPOINT as MAIL
from hub.accounts.trail import AuditTrail
from hub.config import Settings, key_ring
from hub.domain.audit_row import AuditRow
from hub.errors import StoreUnavailable
from hub.integrations.mail.job import deliver, give_up
from hub.integrations.mail.sending import MailWaits
from hub.jobs import accounts, counting, housekeeping
from hub.jobs.files import FileWork
from hub.jobs.retention import run as retention
from hub.jobs.sealing import Sealer
from hub.jobs.underway import Underway
from hub.resources import declared_jobs
from hub.rest.files.following import FORGET, SCAN
from hub.rest.jobs.carrying import Carrier, TryAgain
from hub.rest.jobs.kinds import JobKind
from hub.rest.jobs.starting import ENTRYPOINT as RUN
from hub.store.clamd import ClamdAway
from hub.store.files import open_files
from hub.store.pg import OwnConnection, Pg, Role, connect, is_outage

log = structlog.get_logger(__name__)
BACKOFF_SECONDS = 2.0
#: Letters under way at once, on all hosts; how long one waits for its next try at most, and how often it is tried.
LETTERS = 4
LONGEST_MAIL_WAIT = 600.0
MAIL_TRIES = 200
#: Jobs that people asked for, under way at once on all hosts; what one statement of theirs may take, in seconds.
RUNS = 4
RUN_STATEMENT = 120.0
#: Files that go or are scanned at once, on all hosts; how long one waits for its next try at most.
FILES_AT_ONCE = 4
LONGEST_FILE_WAIT = 60.0


def build(
    connection: OwnConnection,
    pg: Pg,
    bulk: Pg,
    settings: Settings,
    sealer: Sealer,
    carrier: Carrier,
    work: FileWork,
    underway: Underway,
) -> PgQueuer:
    """All entry points and schedules. `bulk`: for statements that may take a while."""
    queuer = PgQueuer.from_asyncpg_connection(connection)
    _schedule(queuer, pg, bulk, settings, sealer)
    _schedule_counting(queuer, bulk)
    _enter(queuer, pg, settings, carrier, underway)
    _enter_files(queuer, work, underway)
    return queuer


def _schedule(queuer: PgQueuer, pg: Pg, bulk: Pg, settings: Settings, sealer: Sealer) -> None:

    @queuer.schedule("ensure_partitions", "7 * * * *")
    async def ensure_partitions(schedule: Schedule) -> None:
        await housekeeping.ensure_partitions(pg)

    @queuer.schedule("recover_jobs", "57 * * * *")
    async def recover_jobs(schedule: Schedule) -> None:
        await housekeeping.recover_jobs(pg, RUN)

    @queuer.schedule("prune", "37 * * * *")
    async def prune(schedule: Schedule) -> None:
        await housekeeping.prune(pg)

    # Midnight comes at a quarter of an hour everywhere.
    @queuer.schedule("expire_passes", "1,16,31,46 * * * *")
    async def expire_passes(schedule: Schedule) -> None:
        await housekeeping.expire_passes(pg)

    @queuer.schedule("seal_audit", "* * * * *")
    async def seal_audit(schedule: Schedule) -> None:
        await sealer.run(pg)

    @queuer.schedule("token_keys", "17 * * * *")
    async def token_keys(schedule: Schedule) -> None:
        await accounts.rotate_token_keys(settings, pg)

    @queuer.schedule("retention", "13 2 * * *")
    async def let_go(schedule: Schedule) -> None:
        await retention.run(retention.place_of(settings, bulk, AuditTrail(key_ring(settings), bulk, _no_journal)))

    @queuer.schedule("forget_sessions", "47 * * * *")
    async def forget_sessions(schedule: Schedule) -> None:
        await accounts.forget(pg)


def _schedule_counting(queuer: PgQueuer, bulk: Pg) -> None:
    @queuer.schedule("count_scans", "* * * * *")
    async def count_scans(schedule: Schedule) -> None:
        await counting.count_scans(bulk)

    @queuer.schedule("refresh_summary", "*/5 * * * *")
    async def refresh_summary(schedule: Schedule) -> None:
        await counting.refresh_summary(bulk)


def _enter(queuer: PgQueuer, pg: Pg, settings: Settings, carrier: Carrier, underway: Underway) -> None:
    # Held: a row that could not be put back is not deleted, but due again with `recover_jobs`.
    @queuer.entrypoint(MAIL, concurrency_limit=LETTERS, on_failure="hold")
    async def mail(job: Job) -> None:
        await underway.see_to(job, _mail(job, pg, settings))

    @queuer.entrypoint(RUN, concurrency_limit=RUNS, on_failure="hold")
    async def job_run(job: Job) -> None:
        await underway.see_to(job, _job_run(job, carrier))


async def _mail(job: Job, pg: Pg, settings: Settings) -> None:
    try:
        await deliver(settings, pg, job.payload or b"")
    except (MailWaits, StoreUnavailable) as error:
        if job.attempts >= MAIL_TRIES:
            await give_up(pg, job.payload or b"", str(error))
            return
        seconds = min(LONGEST_MAIL_WAIT, 2.0 ** min(job.attempts, 20))
        log.warning("a letter waits", fault=str(error), seconds=seconds)
        raise RetryRequested(timedelta(seconds=seconds)) from error


async def _job_run(job: Job, carrier: Carrier) -> None:
    try:
        await carrier.carry_out(UUID(bytes=job.payload or b""))
    except (TryAgain, StoreUnavailable) as error:
        seconds = error.seconds if isinstance(error, TryAgain) else BACKOFF_SECONDS
        raise RetryRequested(timedelta(seconds=seconds)) from error


def _enter_files(queuer: PgQueuer, work: FileWork, underway: Underway) -> None:
    @queuer.schedule("sweep_files", "27 * * * *")
    async def sweep_files(schedule: Schedule) -> None:
        await work.sweep.run()

    @queuer.entrypoint(FORGET, concurrency_limit=FILES_AT_ONCE, on_failure="hold")
    async def files_forget(job: Job) -> None:
        await underway.see_to(job, _again(job, work.forget))

    @queuer.entrypoint(SCAN, concurrency_limit=FILES_AT_ONCE, on_failure="hold")
    async def files_scan(job: Job) -> None:
        await underway.see_to(job, _again(job, work.scan))


async def _again(job: Job, work: Callable[[bytes], Awaitable[None]]) -> None:
    """For as long as it takes."""
    try:
        await work(job.payload or b"")
    except (ClamdAway, StoreUnavailable) as error:
        seconds = min(LONGEST_FILE_WAIT, 2.0 ** min(job.attempts, 20))
        log.warning("a file's job waits", job=job.entrypoint, fault=str(error), seconds=seconds)
        raise RetryRequested(timedelta(seconds=seconds)) from error


async def run(settings: Settings, stop: asyncio.Event, kinds: Mapping[str, JobKind] | None = None) -> None:
    """Until `stop` is set: then what is under way has half of HUB_SHUTDOWN_TIMEOUT, and what has not ended by then is
    put back into the queue. Months are made ahead and lost jobs found again at the start as well. `kinds`: instead of
    those that the resources declare."""
    logging.getLogger("pgqueuer").setLevel(logging.WARNING)
    pg = await Pg.open(settings, [Role.hub_system])
    bulk = await Pg.open(
        settings,
        [Role.hub_system, Role.hub_api, Role.hub_admin],
        statement_timeout=RUN_STATEMENT,
        command_timeout=RUN_STATEMENT + 5.0,
        bulk=True,
    )
    files = await open_files(settings)
    trail = AuditTrail(key_ring(settings), bulk, _no_journal)
    carrier = Carrier(settings, bulk, trail, files, declared_jobs() if kinds is None else kinds)
    work = FileWork(settings, bulk, files, trail)
    try:
        while not stop.is_set():
            try:
                await _session(settings, pg, bulk, stop, carrier, work)
            except Exception as error:
                if not (isinstance(error, StoreUnavailable | OSError | TimeoutError) or is_outage(error)):
                    raise
                log.warning("jobs wait for PostgreSQL", error=str(error))
                await _wait(stop, BACKOFF_SECONDS)
    finally:
        await files.close()
        await bulk.close()
        await pg.close()


async def _no_journal(row: AuditRow) -> None:
    raise RuntimeError("a job keeps what it does in its own transaction")


async def _session(settings: Settings, pg: Pg, bulk: Pg, stop: asyncio.Event, carrier: Carrier, work: FileWork) -> None:
    await housekeeping.ensure_partitions(pg)
    await housekeeping.recover_jobs(pg, RUN)
    sealer = Sealer(settings)
    await sealer.run(pg)
    connection = await connect(settings, Role.hub_system)
    try:
        underway = Underway()
        queuer = build(connection, pg, bulk, settings, sealer, carrier, work, underway)
        stopper = asyncio.create_task(_end(stop, queuer, underway, settings.shutdown_timeout / 2))
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


async def _end(stop: asyncio.Event, queuer: PgQueuer, underway: Underway, patience: float) -> None:
    await stop.wait()
    queuer.shutdown.set()
    await asyncio.sleep(patience)
    underway.leave()


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        pass
