"""Badges of one and of many: with the student's photo, of nobody else, and whole after a kill."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import pytest
from PIL import Image

from hub.accounts.permissions import Permission
from hub.config import Settings
from hub.domain.ids import new_id
from hub.resources.passes import everybody
from hub.rest.files.naming import photo_keys
from hub.store.files import open_files
from tests.badge_pages import Printed
from tests.integration.jobs.world import ended, forget_heartbeat, jobs_process, jobs_running, seen
from tests.integration.rest.site import Site, site_running

PASSES = "/api/v1/passes"
CODE = "SP1:" + "6BF+70000 $%*" * 16


@pytest.fixture
def own(settings: Callable[..., Settings], tmp_path: Path) -> Settings:
    return settings(rate_anonymous=10_000, files_dir=tmp_path / "files", files_unscanned="serve", badge_processes=2)


@pytest.fixture
async def site(own: Settings) -> AsyncIterator[Site]:
    async with site_running(own) as running:
        yield running


async def a_pass(site: Site, name: str = "Lovelace", school: str = "near", **more: Any) -> tuple[UUID, UUID]:
    """A student and the pass."""
    student, id_ = new_id(), new_id()
    values = {"program": "Physics", "status": "active", "last": "2099-07-31", "template": None} | more
    await site.fetch(
        "INSERT INTO students (id, school_id, student_id, first_name, last_name, program)"
        " VALUES ($1, $2, $3, 'Ada', $4, $5)",
        *(student, site.schools[school], str(student), name, values["program"]),
    )
    await site.fetch(
        "INSERT INTO passes (id, school_id, student_id, pass_number, qr_code, issue_date, expiry_date, status,"
        " template_id) VALUES ($1, $2, $3, $4, $5, '2020-01-01', $6::text::date, $7, $8)",
        *(id_, site.schools[school], student, str(id_)[-12:], CODE + str(id_).upper(), values["last"]),
        *(values["status"], values["template"]),
    )
    return student, id_


async def add_photo(site: Site, own: Settings, student: UUID) -> None:
    """Red all over."""
    kept, version, school = io.BytesIO(), new_id(), site.schools["near"]
    Image.new("RGB", (400, 400), (210, 20, 20)).save(kept, "JPEG")

    async def chunks() -> AsyncIterator[bytes]:
        yield kept.getvalue()

    files = await open_files(own)
    for key in photo_keys(school, student, version):
        await files.put(key, chunks(), "image/jpeg", 10**6)
    await files.close()
    await site.fetch(
        "INSERT INTO student_photos (student_id, school_id, version, scan) VALUES ($1, $2, $3, 'clean')",
        *(student, school, version),
    )


async def pdf(site: Site, path: str, token: str | None = None) -> Printed:
    headers = {"Authorization": f"Bearer {token or site.token()}"}
    async with aiohttp.ClientSession() as http, http.get(site.url + path, headers=headers) as answer:
        body = await answer.read()
        assert (answer.status, answer.content_type) == (200, "application/pdf"), body
        return Printed(body)


async def test_one_badge_with_its_photo(site: Site, own: Settings) -> None:
    template = new_id()
    await site.fetch(
        "INSERT INTO pass_templates (id, school_id, name, title, color) VALUES ($1, $2, 'x', 'Boarder', '#7a1f3d')",
        *(template, site.schools["near"]),
    )
    student, id_ = await a_pass(site, template=template)
    bare = await pdf(site, f"{PASSES}/{id_}/badge", site.token("security"))
    await add_photo(site, own, student)
    shown = await pdf(site, f"{PASSES}/{id_}/badge")
    assert shown.codes == bare.codes == [CODE + str(id_).upper()]
    assert all(word in shown.texts[0] for word in ("near", "Boarder", "Ada Lovelace", "Physics", "2099-07-31"))
    assert shown.pictures[0].getpixel((500, 4)) == (122, 31, 61)
    assert bare.pictures[0].getpixel((180, 290))[1] > 150
    assert shown.pictures[0].getpixel((180, 290))[1] < 60
    kept = [(one.action, one.resource_type, one.resource_id, one.subject_id) for one in site.trail.kept]
    assert kept == [("read", "pass", id_, student)] * 2


async def test_badges_have_the_logo_that_is_in_use(site: Site, own: Settings) -> None:
    """Of their own school, on single ones and on sheets."""
    green = io.BytesIO()
    Image.new("RGB", (320, 320), (20, 160, 40)).save(green, "JPEG")
    for school in site.schools.values():
        await site.fetch(
            "INSERT INTO school_logos (school_id, version, picture) VALUES ($1, $1, $2)", school, green.getvalue()
        )
    near, url = site.schools["near"], f"/api/v1/schools/{site.schools['near']}/logo"
    _, id_ = await a_pass(site)

    async def color(path: str, place: tuple[int, int]) -> Any:
        return (await pdf(site, path)).pictures[0].getpixel(place)

    plain = await color(f"{PASSES}/{id_}/badge", (96, 70))
    await site.fetch("UPDATE schools SET logo_url = $2 WHERE id = $1", near, url)
    shown = await color(f"{PASSES}/{id_}/badge", (96, 70))
    assert shown[1] > 140
    assert shown[0] < 60
    assert plain != shown
    async with jobs_running(own):
        job = (await site.ask("POST", f"{PASSES}/badges", site.token(), {"everybody": True, "layout": "card"})).json[
            "id"
        ]
        assert (await ended(site, job))["status"] == "finished"
    assert await color(f"{PASSES}/badges/{job}?file=1", (96, 70)) == shown


async def test_badges_that_are_none(site: Site) -> None:
    _, strange = await a_pass(site, "ᏣᎳᎩ")
    refused = await site.ask("GET", f"{PASSES}/{strange}/badge", site.token())
    assert (refused.status, "Ꮳ" in refused.json["message"]) == (409, True)
    student, gone = await a_pass(site)
    await site.fetch("UPDATE students SET deleted_at = now() WHERE id = $1", student)
    _, theirs = await a_pass(site, school="far")
    for id_ in (gone, theirs, new_id()):
        assert (await site.ask("GET", f"{PASSES}/{id_}/badge", site.token())).status == 404
    faces = frozenset({Permission.faces_read})
    token = site.people.sign_in("guest", site.schools["near"], site.users["near"], faces)
    assert (await site.ask("GET", f"{PASSES}/{strange}/badge", token)).status == 403
    for body, status in (
        ({}, 400),
        ({"students": {"program": "Law"}}, 422),
        ({"everybody": True, "layout": "a5"}, 400),
    ):
        assert (await site.ask("POST", f"{PASSES}/badges", site.token(), body)).status == status


async def test_sheets_of_a_filter(site: Site, own: Settings) -> None:
    made = [await a_pass(site, f"Lovelace {number}") for number in range(13)]
    await add_photo(site, own, made[0][0])
    _, strange = await a_pass(site, "ᏣᎳᎩ")
    for more in ({"status": "revoked"}, {"last": "2020-02-01"}, {"program": "Law"}, {"school": "far"}):
        await a_pass(site, **more)
    async with jobs_running(own):
        asked = {"students": {"program": "Physics"}, "layout": "a4"}
        answer = await site.ask("POST", f"{PASSES}/badges", site.token(), asked)
        assert answer.status == 202, answer.text
        job = await ended(site, answer.json["id"])
    assert job["status"] == "finished"
    assert job["result"] == {"badges": 13, "files": 1, "withoutPhoto": 12, "leftOut": 1}
    assert [(str(strange) in one["message"], "U+13E3" in one["message"]) for one in job["errors"]] == [(True, True)]
    path = f"{PASSES}/badges/{job['id']}"
    found = await pdf(site, path)
    assert found.sizes == [(210.0, 297.0)] * 2
    assert sorted(found.codes) == sorted(CODE + str(id_).upper() for _, id_ in made)
    assert (await site.ask("GET", f"{path}?file=2", site.token())).status == 404
    assert (await site.ask("GET", path, site.token(school="far"))).status == 404
    (row,) = await site.fetch("SELECT new_values FROM audit_logs WHERE action = 'export'")
    assert all(str(id_) in row["new_values"] for _, id_ in made)


async def test_a_kill_in_the_middle_leaves_no_badge_out_and_none_twice(
    site: Site, own: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch of 500 in the first process, and it is killed after it; the rest in small ones."""
    made = {CODE + str((await a_pass(site, f"Lovelace {number}"))[1]).upper() for number in range(12)}
    body = {"students": {"program": "Physics"}, "layout": "card"}
    monkeypatch.setattr(everybody, "BATCH", 5)
    job = (await site.ask("POST", f"{PASSES}/badges", site.token(), body)).json["id"]
    async with jobs_process(own) as process:
        while (await seen(site, job))["status"] == "queued":
            pass
        process.kill()
        await process.wait()
    await forget_heartbeat(site)
    async with jobs_running(own):
        done = await ended(site, job, hurry=True)
    assert (done["status"], done["result"]["badges"], done["result"]["files"]) == ("finished", 12, 3)
    codes = [code for file in (1, 2, 3) for code in (await pdf(site, f"{PASSES}/badges/{job}?file={file}")).codes]
    assert sorted(codes) == sorted(made)
