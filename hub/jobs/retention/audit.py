"""Entries of the audit that are older than their school wants them; the chain keeps a signed note of each."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from hub.accounts.ledger import pruning
from hub.jobs.retention.schools import School
from hub.jobs.retention.steps import Place, Step


def audit_steps(place: Place, schools: list[School]) -> list[Step]:
    days = place.settings.retention_audit_days
    return [
        _step(place, f"{days} days", None, "", place.now - timedelta(days=days)),
        *(
            _step(place, f"{school.keeps.auditLogs} days", school.id, school.code, before)
            for school in schools
            if (before := school.before("auditLogs", place.now)) is not None
        ),
    ]


def _step(place: Place, keep: str, school: UUID | None, code: str, before: datetime) -> Step:
    return Step(
        table="audit_logs",
        keep=keep,
        count=partial(_count, place, school, before),
        prune=partial(_prune, place, school, before),
        school=school,
        code=code,
    )


async def _count(place: Place, school: UUID | None, before: datetime) -> int:
    async with place.pg.system() as tx:
        return await pruning.count_before(tx, school, before)


async def _prune(place: Place, school: UUID | None, before: datetime) -> int:
    most = min(place.settings.retention_batch, pruning.MOST)
    return await pruning.prune(place.pg, place.signer, school, before, most)
