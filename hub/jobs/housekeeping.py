"""What keeps the database in shape: months made ahead, old change notes and scan identities forgotten."""

from __future__ import annotations

import structlog

from hub.store.pg import Pg
from hub.store.queries import load_queries

log = structlog.get_logger(__name__)
queries = load_queries("hub.jobs")
jobs = load_queries("hub.rest.jobs")

MONTHS_AHEAD = 3
SCAN_ID_DAYS = 90
EXPIRED_AT_ONCE = 5000
JOB_DAYS = 30
JOB_FILE_DAYS = 7


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


async def prune(pg: Pg) -> None:
    """Change notes and repeated requests' answers older than a day, scan identities older than 90 days, jobs older than
    30 and their files older than 7."""
    async with pg.system() as tx:
        changes = await tx.fetchval(queries["prune_changes"])
    async with pg.system() as tx:
        ids = await tx.execute(queries["prune_scan_ids"], SCAN_ID_DAYS)
    async with pg.system() as tx:
        await tx.execute(queries["prune_amendments"], SCAN_ID_DAYS)
    async with pg.system() as tx:
        answers = await tx.execute(queries["prune_idempotency_keys"])
    async with pg.system() as tx:
        await tx.execute(jobs.prune_job_files, JOB_FILE_DAYS)
        await tx.execute(jobs.prune_jobs, JOB_DAYS)
    log.debug("pruned", changes=changes, scan_ids=ids, idempotency_keys=answers)


async def expire_passes(pg: Pg) -> None:
    """Passes whose last day is over at their school are marked so, some thousand in a transaction. Doors do not wait
    for it."""
    marked = EXPIRED_AT_ONCE
    while marked == EXPIRED_AT_ONCE:
        async with pg.system() as tx:
            marked = await tx.fetchval(queries["expire_passes"], EXPIRED_AT_ONCE)
        if marked:
            log.info("passes have expired", passes=marked)
