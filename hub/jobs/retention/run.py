"""The run: what would go, as a table; or it goes, batch by batch, each step with a row in the audit.

Every batch is a transaction of its own with a pause behind it, so that the drain and the feed, whose turn it is then,
do not wait; a scan at a door needs no database anyway. A run that is cut goes on the next time where it was.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from uuid import UUID

import msgspec
import structlog

from hub.accounts.audit import AuditEntry
from hub.accounts.ledger import pruning
from hub.accounts.ledger.digests import Signer
from hub.accounts.trail import AuditTrail
from hub.config import Settings, audit_seeds
from hub.domain.ids import new_id
from hub.jobs.retention.audit import audit_steps
from hub.jobs.retention.months import month_steps
from hub.jobs.retention.schools import erase_late_traces, read_schools, school_steps
from hub.jobs.retention.steps import Place, Step
from hub.jobs.retention.tables import table_steps
from hub.store.pg import Connection, Pg

log = structlog.get_logger(__name__)
#: Between two batches, in seconds.
PAUSE = 0.02


class Outcome(msgspec.Struct, frozen=True):
    """Of one step: how many rows went, or would."""

    table: str
    code: str
    keep: str
    rows: int


def place_of(settings: Settings, pg: Pg, trail: AuditTrail) -> Place:
    seeds = audit_seeds(settings)
    return Place(settings, pg, trail, Signer(seeds[0]) if seeds else None, datetime.now(UTC))


async def dry_run(place: Place) -> list[Outcome]:
    """What would go; nothing does. Rows of a month that is dropped count there and in their schools."""
    return [Outcome(step.table, step.code, step.keep, await step.count()) for step in await _steps(place)]


async def run(place: Place) -> list[Outcome]:
    """What went."""
    done = [
        Outcome(step.table, step.code, step.keep, rows)
        for step in await _steps(place)
        if (rows := await _carry_out(place, step))
    ]
    await erase_late_traces(place)
    await pruning.raise_floor(place.pg, place.signer)
    log.info("what was too old is gone", rows=sum(one.rows for one in done))
    return done


async def _steps(place: Place) -> list[Step]:
    schools = await read_schools(place)
    of_schools = [step for school in schools for step in school_steps(place, school)]
    return [*await month_steps(place, schools), *of_schools, *audit_steps(place, schools), *table_steps(place)]


async def _carry_out(place: Place, step: Step) -> int:
    total = 0
    try:
        while rows := await step.prune():
            total += rows
            await asyncio.sleep(PAUSE)
    finally:
        if total:
            await _audit(place, step, total)
    return total


async def _audit(place: Place, step: Step, rows: int) -> None:
    entry = AuditEntry(
        id=new_id(),
        at=time.time_ns() // 1000,
        school_id=step.school,
        user_id=None,
        action="delete",
        resource_type="retention",
        new={"table": step.table, "keep": step.keep, "rows": rows},
    )
    async with _writing(place, step.school) as tx:
        await place.trail.write(tx, entry)


def _writing(place: Place, school: UUID | None) -> AbstractAsyncContextManager[Connection]:
    return place.pg.system() if school is None else place.pg.tenant(school)
