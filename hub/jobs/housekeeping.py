"""What keeps the database in shape: months made ahead, old change notes forgotten."""

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
