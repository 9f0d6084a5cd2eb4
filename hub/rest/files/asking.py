"""What handlers of uploads ask on the way: whose they are, and whether they carry a virus."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from hub.errors import NotFound
from hub.rest.call import Call
from hub.rest.files.intake import INTAKE, Infected, Scan, spooled
from hub.rest.files.photos import Q
from hub.rest.jobs.spool import Spool
from hub.store.pg import Record


async def known_student(call: Call[Any, Any]) -> Record:
    """The student of the path, before anything is received: in a transaction that does not wait for it. Raises
    NotFound."""
    async with call.transaction.another() as tx:
        row = await tx.fetchrow(Q.student_of_files, call.id)
    if row is None:
        raise NotFound("no such student")
    return row


async def scanned(call: Call[Any, Any], spool: Spool, field: str, school: UUID, *, subject: UUID | None = None) -> Scan:
    """What clamd says of a file; `subject`: of whom it is. One with a virus is refused, which stays in the audit.

    Raises Infected.
    """
    try:
        return await call.part(INTAKE).scan(spooled(spool), field)
    except Infected as error:
        await call.note("refuse", field, None, new={"virus": error.virus}, school=school, subject=subject)
        raise
