"""Asking for a job, in the request's own transaction: it begins after the commit, and only then."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec

from hub.config import key_ring
from hub.domain.ids import new_id
from hub.domain.vault import column_place
from hub.errors import NotFound
from hub.rest.call import Call
from hub.rest.jobs.kinds import JobKind
from hub.rest.jobs.model import Job, job
from hub.store.jobs import enqueue
from hub.store.pg import Connection, conflicts
from hub.store.queries import load_queries

Q = load_queries("hub.rest.jobs")
#: PgQueuer's name for all of them; the payload is the 16 bytes of a job's id.
ENTRYPOINT = "job_run"
RESOURCE = "job"


def params_place(job_id: UUID) -> bytes:
    return column_place("job_runs", "params", job_id)


async def start_job(
    call: Call[Any, Any],
    kind: JobKind,
    params: msgspec.Struct,
    *,
    school: UUID | None,
    id_: UUID | None = None,
    told: dict[str, Any] | None = None,
) -> Job:
    """The job, to be answered with 202 and its address. `id_`: where it had to be known before, for its files;
    `told`: what the audit keeps of it. Raises Conflict while another shuts it out."""
    tx, id_ = await call.tx(), id_ or new_id()
    sealed = key_ring(call.settings).seal(msgspec.json.encode(params), params_place(id_))
    with conflicts(
        job_runs_exclusive_key="another of these is under way in this school; wait until it has ended",
        job_runs_school_id_fkey="no such school",
    ):
        row = await tx.fetchrow(
            Q.insert_job,
            *(id_, school, kind.name, sealed, kind.exclusive, call.identity.user_id, call.request_id[:128]),
        )
    assert row is not None
    await enqueue_job(tx, id_)
    await call.audit("create", RESOURCE, id_, new={"kind": kind.name, **(told or {})}, school=school)
    return job(row)


async def confirm_job(call: Call[Any, Any], kind: JobKind) -> Job:
    """The job of the path, which waits for this. Raises NotFound, Conflict."""
    tx = await call.tx()
    with conflicts(job_runs_exclusive_key="another of these is under way in this school; wait until it has ended"):
        row = await tx.fetchrow(Q.confirm_job, call.id, kind.name, kind.exclusive)
    if row is None:
        raise NotFound("no such job waits for a confirmation")
    await enqueue_job(tx, call.id)
    await call.audit("update", RESOURCE, call.id, new={"kind": kind.name, "confirmed": True}, school=row["school_id"])
    return job(row)


async def enqueue_job(tx: Connection, id_: UUID) -> None:
    await enqueue(tx, ENTRYPOINT, id_.bytes)
