"""The runner: once, whatever happens; what went wrong is said; nobody else's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import UUID

import msgspec
import pytest

from hub.accounts.permissions import Permission
from hub.config import Settings
from hub.errors import Conflict, NotFound
from hub.resources.jobs.routes import ROUTES
from hub.rest.call import Call
from hub.rest.jobs.kinds import JobFailed, JobKind, NeedsConfirmation
from hub.rest.jobs.model import Job, JobError
from hub.rest.jobs.run import Run, TakenOver
from hub.rest.jobs.starting import confirm_job, start_job
from hub.rest.route import Route
from tests.integration.jobs.world import ended, forget_heartbeat, jobs_running, seen
from tests.integration.rest.site import Site, site_running

TELL = "/api/v1/telling"


class Asked(msgspec.Struct):
    what: str = "well"


class World:
    """`work` is what the one kind of job does; a test puts its own there."""

    def __init__(self) -> None:
        self.work: Callable[[Run[Asked]], Awaitable[dict[str, Any]]] = self.write_row
        self.kind = JobKind("telling", Asked, self.carry_out, exclusive="telling")
        self.begun = asyncio.Event()
        self.go_on = asyncio.Event()

    async def carry_out(self, run: Run[Asked]) -> dict[str, Any]:
        return await self.work(run)

    async def write_row(self, run: Run[Asked]) -> dict[str, Any]:
        run.done, run.total = 1, 1
        async with run.tx() as tx:
            await tx.execute(
                "INSERT INTO departments (name, code, school_id) VALUES ($1, gen_random_uuid()::text::varchar(20), $2)",
                *(run.params.what, run.school),
            )
            await run.audit(tx, "create", "department", new={"name": run.params.what})
        return {"said": run.params.what}

    async def wait(self, run: Run[Asked]) -> dict[str, Any]:
        self.begun.set()
        await self.go_on.wait()
        return await self.write_row(run)

    def routes(self) -> list[Route]:
        async def tell(call: Call[None, Asked]) -> Job:
            return await start_job(call, self.kind, call.body, school=call.school_for())

        async def confirm(call: Call[None, None]) -> Job:
            return await confirm_job(call, self.kind)

        may = Permission.students_import
        more: dict[str, Any] = {"answer": Job, "status": 202, "location": "/jobs/{id}"}
        return [
            Route("POST", "/telling", tell, summary="t", permission=may, body=Asked, errors=(Conflict,), **more),
            Route("POST", "/telling/{id}/confirm", confirm, summary="c", permission=may, errors=(NotFound,), **more),
            *ROUTES,
        ]


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def site(settings: Callable[..., Settings], world: World) -> AsyncIterator[Site]:
    async with site_running(settings(), world.routes()) as running:
        yield running


async def told(site: Site) -> int:
    return len(await site.fetch("SELECT 1 FROM departments"))


async def test_a_job_is_asked_for_carried_out_and_looked_at(
    site: Site, world: World, settings: Callable[..., Settings]
) -> None:
    asked = await site.ask("POST", TELL, site.token(), {"what": "Physics"})
    assert (asked.status, asked.json["status"], asked.json["kind"]) == (202, "queued", "telling")
    assert asked.headers["Location"] == f"/api/v1/jobs/{asked.json['id']}"
    assert asked.json["progress"] == {"done": 0, "total": None}
    assert await told(site) == 0
    async with jobs_running(settings(), [world.kind]):
        job = await ended(site, asked.json["id"])
    assert (job["status"], job["result"], job["errors"]) == ("finished", {"said": "Physics"}, [])
    assert job["progress"] == {"done": 1, "total": 1}
    assert job["finishedAt"] is not None
    assert await told(site) == 1
    rows = await site.fetch("SELECT * FROM audit_logs ORDER BY created_at, id")
    assert [(row["resource_type"], row["user_id"], row["school_id"]) for row in rows] == [
        ("job", site.users["near"], site.schools["near"]),
        ("department", site.users["near"], site.schools["near"]),
    ]
    assert len({row["request_id"] for row in rows}) <= 2
    rows = await site.fetch("SELECT params FROM job_runs")
    assert b"Physics" not in rows[0]["params"]


async def test_it_is_nobody_elses(site: Site) -> None:
    asked = await site.ask("POST", TELL, site.token(), {})
    other = site.token("school_admin", "far")
    assert (await site.ask("GET", f"/api/v1/jobs/{asked.json['id']}", other)).status == 404
    assert (await site.ask("GET", "/api/v1/jobs", other)).json["data"] == []
    listed = await site.ask("GET", "/api/v1/jobs?status=queued&kind=telling", site.token())
    assert [job["id"] for job in listed.json["data"]] == [asked.json["id"]]


async def test_two_at_once_is_a_conflict_until_the_first_has_ended(
    site: Site, world: World, settings: Callable[..., Settings]
) -> None:
    first = await site.ask("POST", TELL, site.token(), {})
    assert (await site.ask("POST", TELL, site.token(), {})).status == 409
    assert (await site.ask("POST", TELL, site.token("school_admin", "far"), {})).status == 202
    async with jobs_running(settings(), [world.kind]):
        await ended(site, first.json["id"])
    assert (await site.ask("POST", TELL, site.token(), {})).status == 202


async def test_what_cannot_be_done_is_said(site: Site, world: World, settings: Callable[..., Settings]) -> None:
    async def fail(_: Run[Asked]) -> dict[str, Any]:
        raise JobFailed([JobError(message="no", line=3, field="x")], {"seen": 1})

    world.work = fail
    asked = await site.ask("POST", TELL, site.token(), {})
    async with jobs_running(settings(), [world.kind]):
        job = await ended(site, asked.json["id"])
    assert (job["status"], job["result"]) == ("failed", {"seen": 1})
    assert job["errors"] == [{"message": "no", "line": 3, "field": "x"}]


async def test_a_fault_of_ours_is_tried_again_and_then_told_without_its_text(
    site: Site, world: World, settings: Callable[..., Settings]
) -> None:
    async def break_down(_: Run[Asked]) -> dict[str, Any]:
        raise ValueError("SECRET")

    world.work = break_down
    asked = await site.ask("POST", TELL, site.token(), {})
    await site.fetch("UPDATE job_runs SET attempt = 1")
    async with jobs_running(settings(), [world.kind]):
        job = await ended(site, asked.json["id"], hurry=True)
    assert job["status"] == "failed"
    assert "SECRET" not in str(job)
    assert [row["attempt"] for row in await site.fetch("SELECT attempt FROM job_runs")] == [3]


async def test_an_end_that_cannot_be_written_is_tried_again_and_then_a_failure(
    site: Site, world: World, settings: Callable[..., Settings]
) -> None:
    async def say_what_no_column_holds(_: Run[Asked]) -> dict[str, Any]:
        return {"said": "\x00"}

    world.work = say_what_no_column_holds
    asked = await site.ask("POST", TELL, site.token(), {})
    await site.fetch("UPDATE job_runs SET attempt = 1")
    async with jobs_running(settings(), [world.kind]):
        job = await ended(site, asked.json["id"], hurry=True)
    assert (job["status"], job["result"], len(job["errors"])) == ("failed", None, 1)
    assert [row["attempt"] for row in await site.fetch("SELECT attempt FROM job_runs")] == [3]


async def test_a_run_that_was_taken_over_commits_nothing(
    site: Site, world: World, settings: Callable[..., Settings]
) -> None:
    """Its process was believed dead: another carried the job out meanwhile."""
    world.work = world.wait
    asked = await site.ask("POST", TELL, site.token(), {})
    async with jobs_running(settings(), [world.kind]):
        await world.begun.wait()
        world.work = world.write_row
        await forget_heartbeat(site)
        async with jobs_running(settings(), [world.kind]):
            job = await ended(site, asked.json["id"])
        world.go_on.set()
    assert job["status"] == "finished"
    assert await told(site) == 1


async def test_what_was_committed_is_known_to_the_next_attempt(
    site: Site, world: World, settings: Callable[..., Settings]
) -> None:
    states: list[Any] = []

    async def step(run: Run[Asked]) -> dict[str, Any]:
        states.append(run.state)
        if run.state is None:
            run.state = {"row": 1}
            await world.write_row(run)
            raise ConnectionResetError("away")
        return {"at": run.state["row"]}

    world.work = step
    asked = await site.ask("POST", TELL, site.token(), {})
    async with jobs_running(settings(), [world.kind]):
        job = await ended(site, asked.json["id"], hurry=True)
    assert (job["result"], states) == ({"at": 1}, [None, {"row": 1}])
    assert await told(site) == 1


async def test_a_preview_waits_for_whoever_asked(site: Site, world: World, settings: Callable[..., Settings]) -> None:
    async def show(run: Run[Asked]) -> dict[str, Any]:
        if not run.confirmed:
            raise NeedsConfirmation({"would": 1})
        return await world.write_row(run)

    world.work = show
    asked = await site.ask("POST", TELL, site.token(), {})
    confirm = f"{TELL}/{asked.json['id']}/confirm"
    assert (await site.ask("POST", confirm, site.token())).status == 404
    async with jobs_running(settings(), [world.kind]):
        job = await ended(site, asked.json["id"])
        assert (job["status"], job["result"]) == ("needs_confirmation", {"would": 1})
        assert await told(site) == 0
        assert (await site.ask("POST", confirm, site.token("school_admin", "far"))).status == 404
        assert (await site.ask("POST", confirm, site.token())).status == 202
        assert (await ended(site, asked.json["id"]))["status"] == "finished"
        assert (await site.ask("POST", confirm, site.token())).status == 404
    assert await told(site) == 1


async def test_progress_is_written_and_lost_with_the_run(
    site: Site, world: World, settings: Callable[..., Settings]
) -> None:
    async def count(run: Run[Asked]) -> dict[str, Any]:
        await run.progress(5, 10)
        await site.fetch("UPDATE job_runs SET attempt = attempt + 1")
        with pytest.raises(TakenOver):
            async with run.tx():
                run.done = 6
        assert (await seen(site, run.id))["progress"] == {"done": 5, "total": 10}
        await site.fetch("UPDATE job_runs SET attempt = attempt - 1")
        return {}

    world.work = count
    asked = await site.ask("POST", TELL, site.token(), {})
    async with jobs_running(settings(), [world.kind]):
        assert (await ended(site, asked.json["id"]))["status"] == "finished"


async def test_a_kind_that_nobody_knows(site: Site, settings: Callable[..., Settings]) -> None:
    asked = await site.ask("POST", TELL, site.token(), {})
    async with jobs_running(settings(), []):
        job = await ended(site, UUID(asked.json["id"]))
    assert (job["status"], job["errors"]) == ("failed", [{"message": "no such kind of job here"}])
