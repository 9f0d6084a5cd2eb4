"""Students of a filter, batch by batch, for jobs that do something to each; and whether a request names any."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from hub.config import Settings, key_ring
from hub.errors import Unprocessable
from hub.resources.passes.model import Whom
from hub.rest.call import Call
from hub.rest.faults import fault, refusal
from hub.rest.jobs.run import Run
from hub.rest.students.query import StudentFilters
from hub.rest.students.whole import whole
from hub.store.keyset import After
from hub.store.pg import Connection, Record

BATCH = 500


class Place(msgspec.Struct, array_like=True):
    """The last student that was seen to: when it was made, and its id."""

    at: datetime
    id: UUID


async def check_whom(call: Call[Any, Any], whom: Whom, school: UUID) -> None:
    """Raises BadRequest when no filter is given and not everybody is meant, Unprocessable when it matches nobody."""
    if whom.everybody == (whom.students != StudentFilters()):
        message = "say which, or everybody: true and no filter"
        raise refusal([fault("students", message)])
    rows = await _students(await call.tx(), whom.students, call.settings, school, None, 1)
    if not rows:
        raise Unprocessable("students: nobody is like that", [fault("students", "nobody is like that")])


async def next_students(run: Run[Any], tx: Connection, which: StudentFilters, after: Place | None) -> list[Record]:
    """The next BATCH of them, the first made first."""
    return await _students(tx, which, run.settings, run.school, after, BATCH)


def place_of(row: Record) -> Place:
    return Place(row["created_at"], row["id"])


async def _students(
    tx: Connection, which: StudentFilters, settings: Settings, school: UUID, after: Place | None, limit: int
) -> list[Record]:
    behind = None if after is None else After(after.at, after.id)
    found = await whole(tx, which, key_ring(settings), school, limit=limit, after=behind)
    return [] if found is None else list(await tx.fetch(found[0], *found[1]))
