"""Months of the logs: one that nobody wants any more goes whole, which costs nothing; rows go one by one otherwise."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import partial
from uuid import UUID

import msgspec
import structlog

from hub.accounts.ledger import pruning
from hub.domain.ids import NIL
from hub.errors import StoreTooSlow
from hub.jobs.retention.schools import School
from hub.jobs.retention.steps import Place, Step
from hub.store.pg import Connection
from hub.store.queries import load_queries

log = structlog.get_logger(__name__)
Q = load_queries(__package__)
#: Of the entries of the audit that belong to no school.
NOBODY = UUID(bytes=NIL)


class Month(msgspec.Struct, frozen=True):
    """`end`: the first moment of the next one."""

    log: str
    first: date

    @property
    def start(self) -> datetime:
        return datetime(self.first.year, self.first.month, 1, tzinfo=UTC)

    @property
    def end(self) -> datetime:
        return (self.start + timedelta(days=31)).replace(day=1)


async def month_steps(place: Place, schools: list[School]) -> list[Step]:
    """For each month that is past for somebody: drop it, if it is past for everybody who has rows in it."""
    steps = []
    for log_, setting in (("access_logs", "accessLogs"), ("audit_logs", "auditLogs")):
        before = {school.id: at for school in schools if (at := school.before(setting, place.now)) is not None}
        if log_ == "audit_logs":
            before[NOBODY] = place.now - timedelta(days=place.settings.retention_audit_days)
        for month in await _months(place, log_):
            past = {id_: at for id_, at in before.items() if at >= month.end}
            if past and not await _wanted(place, month, past):
                steps.append(
                    Step(
                        table=log_,
                        keep=f"the month {month.first:%Y-%m}, dropped",
                        count=partial(_count, place, month),
                        prune=partial(_drop, place, month, past),
                    )
                )
    return steps


async def _months(place: Place, log_: str) -> list[Month]:
    async with place.pg.system() as tx:
        names = [row["name"] for row in await tx.fetch(Q.months, log_)]
    return [Month(log_, date(int(name[-7:-3]), int(name[-2:]), 1)) for name in names]


async def _wanted(place: Place, month: Month, past: dict[UUID, datetime]) -> bool:
    async with place.pg.system() as tx:
        return await _is_wanted(tx, month, past)


async def _is_wanted(tx: Connection, month: Month, past: dict[UUID, datetime]) -> bool:
    if month.log == "audit_logs":
        return await pruning.is_wanted(tx, month.start, month.end, list(past))
    # A scan may have come long after the time that its reader's clock said.
    return bool(await tx.fetchval(Q.scans_wanted, month.start, month.end, list(past), list(past.values())))


async def _count(place: Place, month: Month) -> int:
    async with place.pg.system() as tx:
        if month.log == "audit_logs":
            return await pruning.count_between(tx, month.start, month.end)
        found: int = await tx.fetchval(Q.scans_of_month, month.start, month.end)
    return found


async def _drop(place: Place, month: Month, past: dict[UUID, datetime]) -> int:
    """0 where somebody has come to want it, and where its lock is not to be had: another night."""
    if month.log == "audit_logs" and not await pruning.let_go_between(place.pg, place.signer, month.start, month.end):
        return 0
    rows = await _count(place, month)
    try:
        async with place.pg.system() as tx:
            if await _is_wanted(tx, month, past) or not await tx.fetchval(Q.drop_month, month.log, month.first):
                return 0
    except StoreTooSlow:
        log.warning("a month is not dropped tonight: its log is busy", log=month.log, month=str(month.first))
        return 0
    return rows
