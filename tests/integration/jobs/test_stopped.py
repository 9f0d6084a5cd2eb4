"""A job outlives the process that carries it out, however that ends, and every fault that is not its own."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from typing import Any

import asyncpg
import pytest

from hub.config import Settings, to_environment
from tests.integration.gate.place import until
from tests.integration.jobs.world import ROOT, ended, jobs_running, seen
from tests.integration.rest.site import Site, site_running

ISSUE = "/api/v1/passes/issue"
COMMAND = [sys.executable, "-m", "hub.supervisor.child", "jobs"]
HELD_UP = "SELECT pid FROM pg_locks WHERE relation = 'passes'::regclass AND NOT granted"


@pytest.fixture
def own(settings: Callable[..., Settings]) -> Settings:
    return settings(shutdown_timeout=12)


@pytest.fixture
async def site(own: Settings) -> AsyncIterator[Site]:
    async with site_running(own) as running:
        yield running


async def asked(site: Site) -> str:
    """The id of a job: a pass for the one student of the school."""
    await site.fetch(
        "INSERT INTO students (student_id, first_name, last_name, school_id) VALUES ('S-1', 'Ada', 'L', $1)",
        site.schools["near"],
    )
    answer = await site.ask("POST", ISSUE, site.token(), {"everybody": True, "expiryDate": "2099-07-31"})
    assert answer.status == 202, answer.text
    id_: str = answer.json["id"]
    return id_


async def queued(site: Site) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in await site.fetch("SELECT entrypoint, status, attempts FROM pgqueuer")]


async def finish(site: Site, own: Settings, id_: str) -> None:
    async with jobs_running(own):
        job = await ended(site, id_, hurry=True)
    assert (job["status"], job["result"]["made"]) == ("finished", 1), job
    assert len(await site.fetch("SELECT FROM passes")) == 1


async def test_a_process_that_is_stopped_leaves_its_job_to_the_next(site: Site, own: Settings) -> None:
    id_ = await asked(site)
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **to_environment(own)}
    holder = await asyncpg.connect(site.database)
    try:
        async with holder.transaction():
            await holder.execute("LOCK TABLE passes IN EXCLUSIVE MODE")
            process = await asyncio.create_subprocess_exec(*COMMAND, env=environment)
            try:
                await until(lambda: site.fetch(HELD_UP), bool)
            finally:
                process.send_signal(signal.SIGTERM)
                status = await process.wait()
            assert status == 0
            assert await queued(site) == [("job_run", "queued", 1)]
            assert (await seen(site, id_))["status"] == "running"
    finally:
        await holder.close()
    await finish(site, own, id_)


async def test_a_job_whose_row_of_the_queue_is_gone_is_put_back(site: Site, own: Settings) -> None:
    id_ = await asked(site)
    await site.fetch("UPDATE job_runs SET status = 'running', attempt = 1")
    await site.fetch("DELETE FROM pgqueuer")
    await finish(site, own, id_)


async def test_a_row_that_could_not_be_put_back_is_due_again(site: Site, own: Settings) -> None:
    """PgQueuer holds it so when its own statement fails."""
    id_ = await asked(site)
    await site.fetch("UPDATE pgqueuer SET status = 'failed'")
    await finish(site, own, id_)


async def test_what_nobody_thought_of_loses_no_job(site: Site, own: Settings) -> None:
    id_ = await asked(site)
    await site.fetch("ALTER TABLE job_runs RENAME COLUMN started_at TO begun_at")
    async with jobs_running(own):
        await until(lambda: queued(site), lambda rows: rows == [("job_run", "queued", 1)])
    await site.fetch("ALTER TABLE job_runs RENAME COLUMN begun_at TO started_at")
    await finish(site, own, id_)
