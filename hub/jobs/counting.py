"""What analytics shows is counted here: scans once a minute as they come into the log, students and passes every five.

Each step is one transaction, and within it one statement: a run that is killed has counted all of a step or nothing. Of
two runs at once one finds the other at it and leaves it to that one.
"""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import structlog

from hub.issuing.signing import known_zone
from hub.store.pg import Connection, Pg
from hub.store.queries import load_queries

log = structlog.get_logger(__name__)
Q = load_queries("hub.jobs", "counting.sql")

#: Scans of one transaction, about; it holds locks on the rows of hours and of students, which nobody else changes.
STEP = 20_000


async def count_scans(pg: Pg, step: int = STEP) -> int:
    """Until all is counted that the log holds; how many scans that were."""
    counted, more = 0, True
    while more:
        async with pg.system() as tx:
            if not await tx.fetchval(Q.lock_counting):
                return counted
            await _place(tx)
            row = await tx.fetchrow(Q.count_scans, step)
            assert row is not None
            more = row["more"]
            counted += row["scans"]
            if not more:
                await tx.execute(Q.note_counted)
    if counted:
        log.debug("scans counted", scans=counted)
    return counted


async def _place(tx: Connection) -> None:
    """Schools that are new, or have moved to another time zone: when their hours and days begin."""
    for row in await tx.fetch(Q.schools_to_place):
        school, zone = row["id"], known_zone(row["timezone"])
        if zone == row["zone"]:
            continue
        await tx.execute(Q.place_school, school, _minutes(zone), zone)
        for table in ("points", "denials"):
            await tx.execute(Q[f"forget_days_of_{table}"], school)
            await tx.execute(Q[f"add_days_of_{table}"], school)


def _minutes(zone: str) -> int:
    offset = datetime.now(UTC).astimezone(ZoneInfo(zone)).utcoffset()
    assert offset is not None
    return -int(offset.total_seconds() // 60) % 60


async def refresh_summary(pg: Pg) -> None:
    """Students and passes of each school."""
    async with pg.system() as tx:
        await tx.execute(Q.refresh_summary)
