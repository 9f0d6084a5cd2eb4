"""Documents: what is taken, all or none; who gets them, and how."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import uuid4

import pytest

from hub.config import Settings
from tests.clamd import EICAR, ClamdProcess
from tests.integration.files.samples import DAMAGED, HEIC, INFECTED, NAMES, PDF, RAW_NAMES, picture, zipped
from tests.integration.files.test_photos import keys
from tests.integration.files.uploads import STUDENTS, add_student, fetch, send_documents, send_raw
from tests.integration.rest.site import Site, site_running


@pytest.fixture
def own(settings: Callable[..., Settings], place: dict[str, Any], clamd: ClamdProcess) -> Settings:
    return settings(rate_anonymous=10_000, rate_signed_in=10_000, clamd_url=clamd.url, **place)


@pytest.fixture
async def site(own: Settings) -> AsyncIterator[Site]:
    async with site_running(own) as running:
        yield running


async def test_what_was_sent_is_listed_and_fetched(site: Site) -> None:
    student = await add_student(site)
    sent = [("a.pdf", PDF), ("b.jpg", picture()), ("c.png", picture("PNG"))]
    answer = await send_documents(site, student, sent)
    assert answer.status == 201, answer.text
    made = answer.json["data"]
    assert [(one["fileName"], one["mimeType"], one["fileSize"]) for one in made] == [
        ("a.pdf", "application/pdf", len(PDF)),
        ("b.jpg", "image/jpeg", len(picture())),
        ("c.png", "image/png", len(picture("PNG"))),
    ]
    assert {one["documentType"] for one in made} == {"id_card"}
    listed = (await site.ask("GET", f"{STUDENTS}/{student}/documents", site.token())).json["data"]
    assert sorted(listed, key=lambda one: one["id"]) == sorted(made, key=lambda one: one["id"])
    for one, (name, content) in zip(made, sent, strict=True):
        status, headers, body = await fetch(site, f"{STUDENTS}/{student}/documents/{one['id']}")
        assert (status, body) == (200, content)
        assert headers["Content-Type"] == one["mimeType"]
        assert headers["Content-Disposition"] == f"attachment; filename*=UTF-8''{name}"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"


async def test_they_are_deleted_one_by_one(site: Site) -> None:
    student = await add_student(site)
    made = (await send_documents(site, student, [("a.pdf", PDF), ("b.pdf", PDF)])).json["data"]
    where = f"{STUDENTS}/{student}/documents"
    assert (await site.ask("DELETE", f"{where}/{made[0]['id']}", site.token())).status == 204
    assert (await site.ask("DELETE", f"{where}/{made[0]['id']}", site.token())).status == 404
    assert (await fetch(site, f"{where}/{made[0]['id']}"))[0] == 404
    left = (await site.ask("GET", where, site.token())).json["data"]
    assert [one["id"] for one in left] == [made[1]["id"]]


async def test_a_list_is_filtered_by_type(site: Site) -> None:
    student = await add_student(site)
    await send_documents(site, student, [("a.pdf", PDF)], "id_card")
    await send_documents(site, student, [("b.pdf", PDF)], "transcript")
    listed = await site.ask("GET", f"{STUDENTS}/{student}/documents?documentType=transcript", site.token())
    assert [one["fileName"] for one in listed.json["data"]] == ["b.pdf"]


@pytest.mark.parametrize(("name", "shown"), NAMES.items())
async def test_names_are_made_harmless(site: Site, name: str, shown: str) -> None:
    student = await add_student(site)
    answer = await send_documents(site, student, [(name, PDF)])
    assert answer.status == 201, answer.text
    (made,) = answer.json["data"]
    assert made["fileName"] == shown
    status, _, body = await fetch(site, f"{STUDENTS}/{student}/documents/{made['id']}")
    assert (status, body) == (200, PDF)


@pytest.mark.parametrize(("disposition", "shown"), RAW_NAMES.items())
async def test_names_in_their_rawest_form(site: Site, disposition: bytes, shown: str | None) -> None:
    """None: it may be refused, or lose what is not shown; it never is an error of ours."""
    student = await add_student(site)
    answer = await send_raw(site, student, disposition, PDF)
    assert answer.status in ({201} if shown else {201, 400}), answer.text
    if answer.status == 201:
        (made,) = answer.json["data"]
        assert made["fileName"].isprintable()
        assert shown in {None, made["fileName"]}
        assert (await fetch(site, f"{STUDENTS}/{student}/documents/{made['id']}"))[2] == PDF


REFUSED = {
    "heic": (HEIC, 415),
    "webp": (picture("WEBP"), 415),
    "zip": (zipped({"a": b"b"}), 415),
    "page": (b"<html>%PDF-1.4 %%EOF</html>", 415),
    "gif before a pdf": (b"GIF89a" + PDF, 415),
    "half a pdf": (PDF[:-10], 415),
    "bomb": (DAMAGED["bomb"], 422),
    "half a jpeg": (DAMAGED["half a jpeg"], 422),
    "empty": (b"", 400),
    "too large": (PDF + bytes(5 * 2**20), 413),
    "virus": (PDF[:-6] + EICAR + PDF[-6:], 422),
    "virus in a picture": (INFECTED, 422),
}


@pytest.mark.parametrize(("content", "status"), REFUSED.values(), ids=REFUSED.keys())
async def test_one_that_is_refused_takes_all_along(site: Site, own: Settings, content: bytes, status: int) -> None:
    student = await add_student(site)
    answer = await send_documents(site, student, [("good.pdf", PDF), ("bad.pdf", content), ("more.pdf", PDF)])
    assert answer.status == status, answer.text
    assert await site.fetch("SELECT FROM documents") == []
    assert not any(str(student) in key for key in await keys(own))


async def test_ten_at_a_time_and_a_type(site: Site) -> None:
    student = await add_student(site)
    assert (await send_documents(site, student, [("a.pdf", PDF)] * 10)).status == 201
    assert "10 at a time" in (await send_documents(site, student, [("a.pdf", PDF)] * 11)).text
    for type_ in (None, "", "ID Card", "a" * 101, "../x", "ä"):
        answer = await send_documents(site, student, [("a.pdf", PDF)], type_)
        assert (answer.status, answer.json["details"][0]["field"]) == (400, "documentType"), type_
    assert (await send_documents(site, student, [])).status in {400, 415}


async def test_who_may(site: Site) -> None:
    student = await add_student(site)
    (made,) = (await send_documents(site, student, [("a.pdf", PDF)])).json["data"]
    one = f"{STUDENTS}/{student}/documents/{made['id']}"
    guard, far = site.token("security"), site.token("school_admin", "far")
    assert (await fetch(site, one, guard))[0] == 403
    assert (await fetch(site, one, far))[0] == 404
    assert (await site.ask("GET", f"{STUDENTS}/{student}/documents", far)).status == 404
    assert (await site.ask("DELETE", one, far)).status == 404
    assert (await send_documents(site, student, [("a.pdf", PDF)], token=far)).status == 404
    other = await add_student(site)
    assert (await fetch(site, f"{STUDENTS}/{other}/documents/{made['id']}"))[0] == 404
    assert (await fetch(site, f"{STUDENTS}/{student}/documents/{uuid4()}"))[0] == 404


async def test_super_admins_reach_every_school(site: Site) -> None:
    student = await add_student(site, "far")
    root = site.token("super_admin")
    (made,) = (await send_documents(site, student, [("a.pdf", PDF)], token=root)).json["data"]
    assert made["schoolId"] == str(site.schools["far"])
    assert (await fetch(site, f"{STUDENTS}/{student}/documents/{made['id']}", root))[0] == 200


async def test_without_a_scanner_nothing_is_taken_unless_it_is_said(
    settings: Callable[..., Settings], place: dict[str, Any]
) -> None:
    async with site_running(settings(**place)) as site:
        answer = await send_documents(site, await add_student(site), [("a.pdf", PDF)])
        assert (answer.status, "HUB_CLAMD_URL" in answer.json["message"]) == (503, True)


async def test_where_it_is_said_what_nobody_scanned_is_served(
    settings: Callable[..., Settings], place: dict[str, Any]
) -> None:
    async with site_running(settings(files_unscanned="serve", **place)) as site:
        student = await add_student(site)
        (made,) = (await send_documents(site, student, [("a.pdf", PDF)])).json["data"]
        assert made["scan"] == "trusted"
        assert (await fetch(site, f"{STUDENTS}/{student}/documents/{made['id']}"))[0] == 200


async def test_without_a_place_it_says_what_to_set(settings: Callable[..., Settings]) -> None:
    async with site_running(settings(files_unscanned="serve")) as site:
        answer = await send_documents(site, await add_student(site), [("a.pdf", PDF)])
        assert (answer.status, "HUB_FILES_DIR" in answer.json["message"]) == (503, True)
        assert await site.fetch("SELECT FROM documents") == []
