"""/jobs: what was asked for that takes a while, and what became of it. Each is started by the route of what it does."""

from __future__ import annotations

from datetime import datetime

from hub.accounts.permissions import Permission
from hub.errors import NotFound
from hub.rest.call import Call
from hub.rest.jobs.model import Job, JobsQuery, job
from hub.rest.pages import Page, read_page
from hub.rest.route import Route
from hub.store.keyset import Column, Filter, Listing
from hub.store.queries import load_queries

Q = load_queries("hub.rest.jobs")

LISTING = Listing(
    Q.list_jobs,
    sorts={"createdAt": Column("created_at", datetime)},
    filters={"kind": Filter("kind"), "status": Filter("status")},
)


async def list_jobs(call: Call[JobsQuery, None]) -> Page[Job]:
    return await read_page(call, LISTING, job)


async def get_job(call: Call[None, None]) -> Job:
    row = await (await call.tx()).fetchrow(Q.get_job, call.id)
    if row is None:
        raise NotFound("no such job")
    return job(row)


ROUTES = [
    Route(
        "GET",
        "/jobs",
        list_jobs,
        summary="List jobs",
        permission=Permission.jobs_read,
        query=JobsQuery,
        answer=Page[Job],
    ),
    Route(
        "GET",
        "/jobs/{id}",
        get_job,
        summary="One job: how far it is, what came of it",
        permission=Permission.jobs_read,
        answer=Job,
        errors=(NotFound,),
    ),
]
