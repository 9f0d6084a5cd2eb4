"""Photos: what is taken, what is made of it, who sees it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from hub.config import Settings
from hub.rest.files.photos import read_photo
from hub.store.files import open_files
from hub.store.pg import Pg, Role
from tests.clamd import ClamdProcess
from tests.integration.files.samples import (
    DAMAGED,
    HEIC,
    INFECTED,
    NO_PICTURES,
    POLYGLOTS,
    WHERE,
    picture,
    png_bomb,
    turned,
)
from tests.integration.files.uploads import STUDENTS, add_student, fetch, photo, send_photo
from tests.integration.rest.site import Site, site_running

RED, BLUE, WHITE = (254, 0, 0), (0, 0, 254), (255, 255, 255)


@pytest.fixture
def own(settings: Callable[..., Settings], place: dict[str, Any], clamd: ClamdProcess) -> Settings:
    return settings(rate_anonymous=10_000, rate_signed_in=10_000, clamd_url=clamd.url, **place)


@pytest.fixture
async def site(own: Settings) -> AsyncIterator[Site]:
    async with site_running(own) as running:
        yield running


async def keys(own: Settings) -> set[str]:
    files = await open_files(own)
    found = {kept.key async for kept in files.keys("")}
    await files.close()
    return found


def near(seen: Any, wanted: tuple[int, int, int]) -> bool:
    return all(abs(a - b) < 12 for a, b in zip(seen, wanted, strict=True))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
async def test_a_photo_is_a_square_jpeg_in_two_sizes(site: Site, kind: str) -> None:
    student = await add_student(site)
    answer = await send_photo(site, student, picture(kind, (900, 500)))
    assert answer.status == 201, answer.text
    url = f"{STUDENTS}/{student}/photo"
    assert answer.json == {"id": str(student), "photoUrl": url, "scan": "clean"}
    assert answer.headers["Location"] == url
    for size in (96, 400):
        image = await photo(site, student, size)
        assert (image.format, image.size) == ("JPEG", (size, size))
        assert near(image.convert("RGB").getpixel((size // 2, size // 2)), RED)
    seen = await site.ask("GET", f"{STUDENTS}/{student}", site.token())
    assert seen.json["photoUrl"] == url


async def test_it_is_upright_and_says_nothing_of_where_it_was_taken(site: Site) -> None:
    student = await add_student(site)
    assert (await send_photo(site, student, turned())).status == 201
    image = (await photo(site, student)).convert("RGB")
    assert near(image.getpixel((200, 50)), RED)
    assert near(image.getpixel((200, 350)), BLUE)
    _, _, content = await fetch(site, f"{STUDENTS}/{student}/photo")
    assert WHERE.encode() not in content
    assert not image.getexif()


async def test_what_can_be_seen_through_shows_white(site: Site) -> None:
    student = await add_student(site)
    assert (await send_photo(site, student, picture("PNG", colour=(0, 0, 255, 0)))).status == 201
    assert near((await photo(site, student)).getpixel((9, 9)), WHITE)


@pytest.mark.parametrize("content", POLYGLOTS.values(), ids=POLYGLOTS.keys())
async def test_of_a_polyglot_the_picture_alone_is_kept(site: Site, content: bytes) -> None:
    student = await add_student(site)
    assert (await send_photo(site, student, content)).status == 201
    _, _, kept = await fetch(site, f"{STUDENTS}/{student}/photo")
    assert not any(mark in kept for mark in (b"PK", b"<script", b"MZ"))


@pytest.mark.parametrize("content", NO_PICTURES.values(), ids=NO_PICTURES.keys())
async def test_what_is_no_picture_is_refused_whatever_its_name(site: Site, content: bytes) -> None:
    student = await add_student(site)
    answer = await send_photo(site, student, content, name="photo.jpg")
    assert answer.status == 415, answer.text
    assert "JPEG, PNG, WEBP" in answer.json["message"]
    assert await site.fetch("SELECT FROM student_photos") == []


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED.keys())
async def test_what_cannot_be_decoded_is_refused(site: Site, content: bytes) -> None:
    student = await add_student(site)
    answer = await send_photo(site, student, content)
    assert answer.status == 422, answer.text
    assert (await send_photo(site, student, picture())).status == 201


async def test_a_bomb_is_told_by_its_head(site: Site) -> None:
    answer = await send_photo(site, await add_student(site), png_bomb())
    assert "more than 50000000 pixels" in answer.json["message"]


async def test_nothing_empty_and_nothing_large(site: Site) -> None:
    student = await add_student(site)
    assert (await send_photo(site, student, b"")).json["details"] == [{"field": "photo", "message": "is empty"}]
    assert (await send_photo(site, student, picture(), field="picture")).status == 400
    assert (await send_photo(site, student, picture() + bytes(5 * 2**20))).status == 413
    assert (await send_photo(site, student, picture("PNG") + bytes(5 * 2**20 - 5000))).status in {201, 422}


async def test_too_large_is_refused_before_it_has_all_come(site: Site) -> None:
    """Nobody sends the rest: an answer that waited for it would never come."""
    student = await add_student(site)
    url = f"{site.url}{STUDENTS}/{student}/photo"
    head = b'--x\r\nContent-Disposition: form-data; name="photo"; filename="a.jpg"\r\n\r\n'

    answered = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield head
        for _ in range(100):
            yield bytes(65_536)
        await answered.wait()

    headers = {"Authorization": f"Bearer {site.token()}", "Content-Type": "multipart/form-data; boundary=x"}
    async with site.http.post(url, data=endless(), headers=headers) as answer:
        answered.set()
        assert answer.status == 413


@pytest.mark.parametrize("name", ["../../x.jpg", "📷.jpg", "", "x" * 5000, '";x="y'])
async def test_its_name_is_nothing_to_us(site: Site, own: Settings, name: str) -> None:
    student = await add_student(site)
    answer = await send_photo(site, student, picture(), name=name)
    assert answer.status == 201, answer.text
    assert all(key.startswith(f"schools/{site.schools['near']}/students/") for key in await keys(own))


async def test_another_photo_takes_its_place_and_has_another_tag(site: Site) -> None:
    student = await add_student(site)
    await send_photo(site, student, picture(colour="red"))
    _, first, _ = await fetch(site, f"{STUDENTS}/{student}/photo")
    assert first["Cache-Control"] == "private, no-cache"
    assert first["Content-Disposition"].startswith("inline")
    status, _, content = await fetch(site, f"{STUDENTS}/{student}/photo", **{"If-None-Match": first["ETag"]})
    assert (status, content) == (304, b"")
    await send_photo(site, student, picture(colour="blue"))
    status, second, _ = await fetch(site, f"{STUDENTS}/{student}/photo", **{"If-None-Match": first["ETag"]})
    assert status == 200
    assert second["ETag"] != first["ETag"]
    assert near((await photo(site, student)).getpixel((9, 9)), BLUE)
    assert len(await site.fetch("SELECT FROM student_photos")) == 1


async def test_a_deleted_photo_is_gone(site: Site) -> None:
    student = await add_student(site)
    await send_photo(site, student, picture())
    assert (await site.ask("DELETE", f"{STUDENTS}/{student}/photo", site.token())).status == 204
    assert (await fetch(site, f"{STUDENTS}/{student}/photo"))[0] == 404
    assert (await site.ask("DELETE", f"{STUDENTS}/{student}/photo", site.token())).status == 404
    assert (await site.ask("GET", f"{STUDENTS}/{student}", site.token())).json["photoUrl"] is None


async def test_guards_see_photos_and_change_none_and_another_school_sees_nothing(site: Site) -> None:
    student = await add_student(site)
    await send_photo(site, student, picture())
    guard = site.token("security")
    assert (await photo(site, student, 96, guard)).size == (96, 96)
    assert (await send_photo(site, student, picture(), token=guard)).status == 403
    far = site.token("school_admin", "far")
    assert (await fetch(site, f"{STUDENTS}/{student}/photo", far))[0] == 404
    assert (await send_photo(site, student, picture(), token=far)).status == 404
    assert (await fetch(site, f"{STUDENTS}/{student}/photo", site.token("card_reader")))[0] == 403
    reads = [entry for entry in site.trail.kept if entry.action == "read"]
    assert reads
    assert {entry.resource_id for entry in reads} == {student}


async def test_only_two_sizes(site: Site) -> None:
    student = await add_student(site)
    assert (await fetch(site, f"{STUDENTS}/{student}/photo?size=97"))[0] == 400
    assert (await fetch(site, f"{STUDENTS}/{student}/photo?size=big"))[0] == 400


async def test_one_with_a_virus_is_refused_and_kept_in_the_audit(site: Site, own: Settings) -> None:
    student = await add_student(site)
    answer = await send_photo(site, student, INFECTED)
    assert answer.status == 422, answer.text
    assert "virus" in answer.json["message"]
    assert await site.fetch("SELECT FROM student_photos") == []
    (entry,) = [entry for entry in site.trail.kept if entry.action == "refuse"]
    assert entry.new == {"virus": "Hub.Eicar-Test.UNOFFICIAL"}
    assert entry.subject_id == student
    assert not any(str(student) in key for key in await keys(own))


async def test_whoever_draws_reads_it_in_a_line(site: Site, own: Settings) -> None:
    student, nobody = await add_student(site), await add_student(site)
    await send_photo(site, student, picture())
    pg, files = await Pg.open(own, [Role.hub_api]), await open_files(own)
    async with pg.tenant(site.schools["near"]) as tx:
        content = await read_photo(tx, files, student, 96)
        assert content is not None
        assert content.startswith(b"\xff\xd8")
        assert await read_photo(tx, files, nobody, 96) is None
    async with pg.tenant(site.schools["far"]) as tx:
        assert await read_photo(tx, files, student, 96) is None
    await files.close()
    await pg.close()


def test_the_heic_is_one() -> None:
    assert HEIC[4:12] == b"ftypheic"
