"""A job as it is answered."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from hub.rest.pages import ListQuery
from hub.store.pg import Record

Status = Literal["queued", "running", "finished", "failed", "needs_confirmation"]
Moment = Annotated[datetime, Meta(tz=True)]


class Progress(msgspec.Struct, kw_only=True):
    """`total` is null while nobody knows it."""

    done: int
    total: int | None


class JobError(msgspec.Struct, kw_only=True):
    """What was wrong; `line` of a file, where there is one."""

    message: str
    line: int | UnsetType = UNSET
    field: str | UnsetType = UNSET


class Job(msgspec.Struct, kw_only=True):
    """What was asked for, and what became of it. `result` depends on the kind."""

    id: UUID
    kind: str
    status: Status
    schoolId: UUID | None
    progress: Progress
    result: dict[str, Any] | None
    errors: list[JobError]
    createdAt: Moment
    startedAt: Moment | None
    finishedAt: Moment | None


class JobsQuery(ListQuery, kw_only=True, frozen=True):
    sort: Literal["createdAt", "-createdAt"] = "-createdAt"
    kind: Annotated[str, Meta(max_length=100)] | UnsetType = UNSET
    status: Status | UnsetType = UNSET


def job(row: Record) -> Job:
    return Job(
        id=row["id"],
        kind=row["kind"],
        status=row["status"],
        schoolId=row["school_id"],
        progress=Progress(done=row["done"], total=row["total"]),
        result=None if row["result"] is None else msgspec.json.decode(row["result"]),
        errors=msgspec.json.decode(row["errors"], type=list[JobError]),
        createdAt=row["created_at"],
        startedAt=row["started_at"],
        finishedAt=row["finished_at"],
    )
