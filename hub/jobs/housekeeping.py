"""What keeps the database in shape: months made ahead, lost jobs found again, old change notes forgotten."""

from __future__ import annotations

import structlog

from hub.store.pg import Pg
from hub.store.queries import load_queries

log = structlog.get_logger(__name__)
queries = load_queries("hub.jobs")

MONTHS_AHEAD = 3
AMENDMENT_DAYS = 90
EXPIRED_AT_ONCE = 5000


async def ensure_partitions(pg: Pg) -> None:
    """Months of access_logs and audit_logs, so that no scan lands in the default partition."""
    for table in ("access_logs", "audit_logs"):
        async with pg.system() as tx:
            made = await tx.fetchval(queries["ensure_partitions"], table, MONTHS_AHEAD)
        if made:
            log.info("months made ahead", table=table, months=made)
    async with pg.system() as tx:
        indexed = await tx.fetchval(queries["index_past_months"])
    if indexed:
        log.info("a month that is over has an index of ids", months=indexed)
    async with pg.system() as tx:
        misplaced = await tx.fetchval(queries["misplaced_rows"])
    if misplaced:
        log.warning("scans outside every month; a reader's clock may be far off", rows=misplaced)


async def recover_jobs(pg: Pg, entrypoint: str) -> None:
    """Jobs that people asked for and that the queue has lost, if it ever does, are put back: there they would keep
    others of their school out. `entrypoint`: where such a job is carried out; what is committed under an older attempt
    of it is not, so that one that was not lost after all is done once."""
    async with pg.system() as tx:
        held = await tx.fetchval(queries["requeue_held"])
        # Not at all where none is: the queue's table notifies even of an insert of nothing.
        lost = await tx.fetchval(queries["lost_runs"], entrypoint)
        if lost is not None:
            lost = await tx.fetchval(queries["enqueue_lost"], entrypoint)
    if held or lost:
        log.warning("jobs were put back into the queue", held=held, lost=lost or 0)


async def prune(pg: Pg) -> None:
    """Change notes and repeated requests' answers older than a day. What lives longer: hub/jobs/retention."""
    async with pg.system() as tx:
        changes = await tx.fetchval(queries["prune_changes"])
    async with pg.system() as tx:
        await tx.execute(queries["prune_amendments"], AMENDMENT_DAYS)
    async with pg.system() as tx:
        answers = await tx.execute(queries["prune_idempotency_keys"])
    async with pg.system() as tx:
        await tx.execute(queries["prune_reader_tickets"])
    log.debug("pruned", changes=changes, idempotency_keys=answers)


async def expire_passes(pg: Pg) -> None:
    """Passes whose last day is over at their school are marked so, some thousand in a transaction. Doors do not wait
    for it."""
    marked = EXPIRED_AT_ONCE
    while marked == EXPIRED_AT_ONCE:
        async with pg.system() as tx:
            marked = await tx.fetchval(queries["expire_passes"], EXPIRED_AT_ONCE)
        if marked:
            log.info("passes have expired", passes=marked)
