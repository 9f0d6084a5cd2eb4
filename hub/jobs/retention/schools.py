"""What a school says how long it is kept: students who left, files about them, scans."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

import msgspec
import structlog

from hub.accounts.audit import AuditEntry
from hub.domain.clock import micros
from hub.domain.ids import new_id
from hub.domain.school_settings import Retention, school_settings
from hub.errors import Conflict
from hub.jobs.retention.steps import Place, Step
from hub.resources.students.erasing import erase_student, erase_traces
from hub.store.queries import load_queries

log = structlog.get_logger(__name__)
Q = load_queries(__package__)
#: What a school's time holds for beside its own table, by the statements' names.
DATED = {
    "documents": [("documents", "documents")],
    "accessLogs": [
        ("access_logs", "scans"),
        ("scan_annulments", "annulments"),
        ("acknowledgements", "acknowledgements"),
    ],
}
#: People erased in one transaction.
LEAVERS = 20
#: How long a journal may have held what tells of somebody who was erased meanwhile.
LATE_DAYS = 3


class School(msgspec.Struct, frozen=True):
    id: UUID
    code: str
    keeps: Retention

    def before(self, name: str, now: datetime) -> datetime | None:
        """What is older goes; None: nothing does."""
        days: int | None = getattr(self.keeps, name)
        return None if days is None else now - timedelta(days=days)


async def read_schools(place: Place) -> list[School]:
    async with place.pg.system() as tx:
        rows = await tx.fetch(Q.schools)
    return [
        School(row["id"], row["code"], school_settings(msgspec.json.decode(row["settings"])).retention) for row in rows
    ]


def school_steps(place: Place, school: School) -> list[Step]:
    found = []
    if (before := school.before("students", place.now)) is not None:
        found.append(
            Step(
                table="students",
                keep=f"{school.keeps.students} days after they were deleted",
                count=partial(_count, place, "leavers", school.id, before),
                prune=partial(_erase, place, school, before),
                school=school.id,
                code=school.code,
            )
        )
    for setting, tables in DATED.items():
        if (before := school.before(setting, place.now)) is None:
            continue
        for table, name in tables:
            found.append(
                Step(
                    table=table,
                    keep=f"{getattr(school.keeps, setting)} days",
                    count=partial(_count, place, name, school.id, before),
                    prune=partial(_prune, place, name, school.id, before),
                    school=school.id,
                    code=school.code,
                )
            )
    return found


async def _count(place: Place, name: str, school: UUID, before: datetime) -> int:
    async with place.pg.system() as tx:
        found: int = await tx.fetchval(Q[f"count_{name}"], school, before)
    return found


async def _prune(place: Place, name: str, school: UUID, before: datetime) -> int:
    async with place.pg.system() as tx:
        if name == "scans":
            pruned: int = await tx.fetchval(Q.prune_scans, school, before, place.settings.retention_batch)
            return pruned
        told: str = await tx.execute(Q[f"prune_{name}"], school, before, place.settings.retention_batch)
    return int(told.rpartition(" ")[2])


async def _erase(place: Place, school: School, before: datetime) -> int:
    """As an administrator erases them; while a file is imported, another night."""
    try:
        async with place.pg.tenant(school.id) as tx:
            rows = await tx.fetch(Q.leavers, before, LEAVERS)
            for row in rows:
                await erase_student(tx, place.settings, row["id"], school.id, by=None, email=row["email"])
                await place.trail.write(tx, _entry(place, school.id, row["id"]))
    except Conflict as error:
        log.warning("students who left are not erased tonight", school=school.code, fault=str(error))
        return 0
    return len(rows)


def _entry(place: Place, school: UUID, student: UUID) -> AuditEntry:
    return AuditEntry(
        id=new_id(),
        at=micros(place.now),
        school_id=school,
        user_id=None,
        action="delete",
        resource_type="student",
        resource_id=student,
        new={"fields": "erased"},
        subject_id=student,
    )


async def erase_late_traces(place: Place) -> None:
    """Of those who were erased in the last days: scans that were in a journal then are in the log by now."""
    async with place.pg.system() as tx:
        rows = await tx.fetch(Q.lately_erased, LATE_DAYS)
    for row in rows:
        async with place.pg.tenant(row["school_id"]) as tx:
            await erase_traces(tx, row["student_id"], row["erased_at"])
