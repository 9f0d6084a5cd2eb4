"""A year ends: counted, looked at, done at once, and once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import asyncpg
import pytest

from hub.config import Settings
from tests.integration.gate.place import until
from tests.integration.jobs.world import ended, jobs_running
from tests.integration.rest.site import Answer, Site, site_running

ROLL_OVER = "/api/v1/students/roll-over"
STEPS = [
    {"action": "graduate", "filter": {"program": "Physics", "yearOfStudy": 3}},
    {"action": "promote", "filter": {"program": "Physics"}},
    {"action": "deactivate", "filter": {"q": "zoe"}},
]


@pytest.fixture
def own(settings: Callable[..., Settings]) -> Settings:
    return settings()


@pytest.fixture
async def site(own: Settings) -> AsyncIterator[Site]:
    async with site_running(own) as running:
        yield running


@pytest.fixture
async def people(site: Site) -> None:
    """Three in the last year of Physics, two in the first, one without a year, one suspended; Zoë; each with a pass."""
    for school, number, name, program, year, status in [
        *(("near", f"P3-{n}", "Ada", "Physics", 3, "active") for n in range(3)),
        *(("near", f"P1-{n}", "Ada", "Physics", 1, "active") for n in range(2)),
        ("near", "P-0", "Ada", "Physics", None, "active"),
        ("near", "P1-S", "Ada", "Physics", 1, "suspended"),
        ("near", "Z-1", "Zoë", "Arts", 1, "active"),
        ("far", "P3-0", "Zoë", "Physics", 3, "active"),
    ]:
        await site.fetch(
            "WITH s AS (INSERT INTO students"
            " (student_id, first_name, last_name, program, year_of_study, status, school_id)"
            " VALUES ($1, $2, 'L', $3, $4, $5, $6) RETURNING id, school_id)"
            " INSERT INTO passes (school_id, student_id, pass_number, qr_code, issue_date, expiry_date)"
            " SELECT school_id, id, id::text, id::text, '2026-01-01', '2027-01-01' FROM s",
            *(number, name, program, year, status, site.schools[school]),
        )


async def state(site: Site, school: str = "near") -> dict[str, tuple[Any, ...]]:
    rows = await site.fetch(
        "SELECT s.student_id, s.status, s.year_of_study, s.graduation_date, p.status AS pass"
        " FROM students AS s JOIN passes AS p ON p.student_id = s.id WHERE s.school_id = $1",
        site.schools[school],
    )
    return {row["student_id"]: tuple(row)[1:] for row in rows}


async def ask(site: Site, steps: Any = STEPS, **more: Any) -> Answer:
    return await site.ask("POST", ROLL_OVER, site.token(), {"steps": steps, **more})


@pytest.mark.usefixtures("people")
async def test_a_year_ends(site: Site, own: Settings) -> None:
    before, far = await state(site), await state(site, "far")
    asked = await ask(site, graduationDate="2026-07-31", reason="summer 2026")
    assert asked.status == 202, asked.text
    confirm = f"{ROLL_OVER}/{asked.json['id']}/confirm"
    async with jobs_running(own):
        job = await ended(site, asked.json["id"])
        shown = [
            {"action": "graduate", "students": 3, "passes": 3, "unchanged": 0},
            {"action": "promote", "students": 2, "passes": 0, "unchanged": 2},
            {"action": "deactivate", "students": 1, "passes": 1, "unchanged": 0},
        ]
        assert (job["status"], job["result"]) == ("needs_confirmation", {"steps": shown})
        assert await state(site) == before
        assert (await site.ask("POST", confirm, site.token())).status == 202
        job = await ended(site, asked.json["id"])
    assert (job["status"], job["result"]) == ("finished", {"steps": shown})
    assert job["progress"] == {"done": 6, "total": 6}
    after = await state(site)
    assert {number: values[:2] for number, values in after.items()} == {
        **{f"P3-{n}": ("graduated", 3) for n in range(3)},
        **{f"P1-{n}": ("active", 2) for n in range(2)},
        "P-0": ("active", None),
        "P1-S": ("suspended", 1),
        "Z-1": ("inactive", 1),
    }
    assert {str(values[2]) for number, values in after.items() if number.startswith("P3")} == {"2026-07-31"}
    assert {number for number, values in after.items() if values[3] == "inactive"} == {"P3-0", "P3-1", "P3-2", "Z-1"}
    assert await state(site, "far") == far
    rows = await site.fetch("SELECT action, resource_type, new_values FROM audit_logs WHERE resource_type <> 'job'")
    assert sorted((row["action"], row["resource_type"]) for row in rows) == [
        *([("update", "pass")] * 2),
        *([("update", "student")] * 3),
    ]


@pytest.mark.usefixtures("people")
async def test_who_came_meanwhile_is_not_swept_along(site: Site, own: Settings) -> None:
    asked = await ask(site)
    async with jobs_running(own):
        await ended(site, asked.json["id"])
        await site.fetch("UPDATE students SET year_of_study = 3 WHERE student_id = 'P1-0'")
        before = await state(site)
        await site.ask("POST", f"{ROLL_OVER}/{asked.json['id']}/confirm", site.token())
        job = await ended(site, asked.json["id"])
    assert job["status"] == "failed"
    assert "have changed since" in job["errors"][0]["message"]
    assert await state(site) == before


@pytest.mark.usefixtures("people")
async def test_as_many_others_are_not_the_same(site: Site, own: Settings) -> None:
    asked = await ask(site)
    async with jobs_running(own):
        shown = await ended(site, asked.json["id"])
        # One comes to the last year and one goes: every count is as it was.
        await site.fetch("UPDATE students SET year_of_study = 4 - year_of_study WHERE student_id IN ('P1-0', 'P3-0')")
        await site.fetch("UPDATE passes SET status = 'active'")
        before = await state(site)
        await site.ask("POST", f"{ROLL_OVER}/{asked.json['id']}/confirm", site.token())
        job = await ended(site, asked.json["id"])
    assert job["status"] == "failed"
    assert [step["students"] for step in job["result"]["steps"]] == [
        step["students"] for step in shown["result"]["steps"]
    ]
    assert await state(site) == before


@pytest.mark.usefixtures("people")
async def test_who_is_changed_while_it_begins_is_waited_for_and_noticed(site: Site, own: Settings) -> None:
    asked = await ask(site)
    async with jobs_running(own):
        await ended(site, asked.json["id"])
        assert own.database_url is not None
        other = await asyncpg.connect(own.database_url.get_secret_value())
        try:
            async with other.transaction():
                await other.execute("UPDATE students SET status = 'suspended' WHERE student_id = 'P1-0'")
                await site.ask("POST", f"{ROLL_OVER}/{asked.json['id']}/confirm", site.token())
                await until(lambda: _waiting(other), bool)
        finally:
            await other.close()
        before = await state(site)
        job = await ended(site, asked.json["id"])
    assert (job["status"], "have changed" in job["errors"][0]["message"]) == ("failed", True)
    assert await state(site) == before


async def _waiting(connection: asyncpg.Connection) -> bool:
    return bool(await connection.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"))


@pytest.mark.usefixtures("people")
async def test_everybody_has_to_be_meant(site: Site, own: Settings) -> None:
    refused = await ask(site, [{"action": "promote", "filter": {}}])
    assert refused.status == 400
    assert refused.json["details"][0]["field"] == "steps.0.filter"
    asked = await ask(site, [{"action": "promote", "filter": {}, "everybody": True}])
    async with jobs_running(own):
        job = await ended(site, asked.json["id"])
    assert job["result"]["steps"][0]["students"] == 6


@pytest.mark.usefixtures("people")
async def test_nobody_is_a_fault(site: Site, own: Settings) -> None:
    asked = await ask(site, [{"action": "graduate", "filter": {"program": "Alchemy"}}])
    async with jobs_running(own):
        job = await ended(site, asked.json["id"])
    assert (job["status"], job["errors"][0]["message"]) == ("failed", "no step means anybody")


BAD: dict[str, Any] = {
    "no steps": [],
    "no such action": [{"action": "erase", "filter": {"program": "x"}}],
    "no such filter": [{"action": "promote", "filter": {"colour": "x"}}],
    "a date that does not exist": [{"action": "promote", "filter": {"enrollmentDateFrom": "2026-02-30"}}],
    "everybody, and not": [{"action": "promote", "filter": {"program": "x"}, "everybody": True}],
}


@pytest.mark.parametrize("steps", BAD.values(), ids=BAD.keys())
async def test_what_cannot_be_asked(site: Site, steps: Any) -> None:
    assert (await ask(site, steps)).status == 400


async def test_not_beside_an_import(site: Site) -> None:
    await site.fetch(
        "INSERT INTO job_runs (id, school_id, kind, params, exclusive)"
        " VALUES (gen_random_uuid(), $1, 'x', '', 'students')",
        site.schools["near"],
    )
    assert (await ask(site)).status == 409
