"""Photos by the ZIP: each picture to its student, and every fault by its name."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from hub.config import Settings
from hub.errors import StoreUnavailable
from hub.rest.jobs.run import Run
from hub.store.pg import Connection
from tests.clamd import ClamdProcess
from tests.integration.files.samples import DAMAGED, HEIC, INFECTED, picture, zipped
from tests.integration.files.uploads import STUDENTS, add_student, photo
from tests.integration.jobs.world import ended, forget_heartbeat, jobs_process, jobs_running, seen
from tests.integration.rest.site import Answer, Site, site_running

IMPORT = f"{STUDENTS}/photos/import"


@pytest.fixture
def own(settings: Callable[..., Settings], place: dict[str, Any], clamd: ClamdProcess) -> Settings:
    return settings(
        rate_anonymous=10_000, rate_signed_in=10_000, clamd_url=clamd.url, upload_max_bytes=30 * 2**20, **place
    )


@pytest.fixture
async def site(own: Settings) -> AsyncIterator[Site]:
    async with site_running(own) as running:
        yield running


async def send(site: Site, content: bytes, token: str | None = None) -> Answer:
    form = aiohttp.FormData()
    form.add_field("file", io.BytesIO(content), filename="photos.zip", content_type="application/zip")
    return await site.ask("POST", IMPORT, token or site.token(), form)


async def done(site: Site, own: Settings, content: bytes) -> dict[str, Any]:
    answer = await send(site, content)
    assert answer.status == 202, answer.text
    async with jobs_running(own):
        return await ended(site, answer.json["id"])


def encrypted(content: bytes) -> bytes:
    """Every entry marked as encrypted."""
    marked = bytearray(content)
    for mark, place in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        at = marked.find(mark)
        while at >= 0:
            marked[at + place] |= 1
            at = marked.find(mark, at + 4)
    return bytes(marked)


async def test_each_picture_goes_to_its_student_and_each_fault_is_told(site: Site, own: Settings) -> None:
    ada, bob = await add_student(site, number="S-001"), await add_student(site, number="S-002")
    await add_student(site, number="S-003")
    await add_student(site, "far", number="S-009")
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("S-001.jpg", picture(colour="blue"))
        archive.writestr("class 7/S-002.PNG", picture("PNG"))
        archive.writestr("S-003.jpg", INFECTED)
        archive.writestr("S-009.jpg", picture())
        archive.writestr("../../S-001x.jpg", picture())
        archive.writestr("/etc/S-004.jpg", picture())
        archive.writestr("S-005.jpg", picture())
        archive.writestr("a/S-005.png", picture("PNG"))
        archive.writestr("__MACOSX/._S-001.jpg", b"noise")
        archive.writestr("class 7/.DS_Store", b"noise")
        archive.writestr("folder/", b"")
    job = await done(site, own, made.getvalue())
    assert job["status"] == "finished"
    assert job["result"] == {"pictures": 8, "kept": 2, "refused": 6}
    faults = {one["field"]: one["message"] for one in job["errors"]}
    assert faults == {
        "S-003.jpg": "has a virus in it",
        "S-009.jpg": "is named like no student's number",
        "../../S-001x.jpg": "has a name that leads out of the archive",
        "/etc/S-004.jpg": "has a name that leads out of the archive",
        "S-005.jpg": "is there more than once: nobody knows which is the right one",
        "a/S-005.png": "is there more than once: nobody knows which is the right one",
    }
    assert (await photo(site, ada)).size == (400, 400)
    assert (await photo(site, bob, 96)).size == (96, 96)
    rows = await site.fetch("SELECT count(*) FROM audit_logs WHERE resource_type = 'student' AND action = 'update'")
    assert rows[0][0] == 2
    refused = await site.fetch("SELECT FROM audit_logs WHERE resource_type = 'photo' AND action = 'refuse'")
    assert len(refused) == 1


BAD: dict[str, tuple[bytes, str]] = {
    "heic": (zipped({"S-001.jpg": HEIC}), "photo: this is none of JPEG, PNG, WEBP, whatever its name says"),
    "damaged": (zipped({"S-001.jpg": DAMAGED["half a jpeg"]}), "cannot be read; it is damaged, or no such picture"),
    "empty": (zipped({"S-001.jpg": b""}), "is empty"),
    "bomb": (zipped({"S-001.jpg": bytes(4 * 2**20)}), "is no picture: it is packed far too small for one"),
    "large": (zipped({"S-001.jpg": bytes(6 * 2**20)}), "is larger than 5242880 bytes"),
    "encrypted": (encrypted(zipped({"S-001.jpg": picture()})), "is encrypted"),
    "changed inside": (
        zipped({"S-001.jpg": picture()}, zipfile.ZIP_STORED).replace(picture()[200:210], b"0123456789"),
        "cannot be unpacked: it is damaged, or packed in a way that is not known here",
    ),
}


@pytest.mark.parametrize(("content", "fault"), BAD.values(), ids=BAD.keys())
async def test_a_bad_picture_is_told_and_the_rest_goes_on(
    site: Site, own: Settings, content: bytes, fault: str
) -> None:
    await add_student(site, number="S-001")
    job = await done(site, own, content)
    assert (job["status"], job["result"]["refused"]) == ("finished", 1)
    assert job["errors"] == [{"field": "S-001.jpg", "message": fault}]


def lying() -> bytes:
    """An entry that says that it unpacks to ten bytes, and goes on for 20 MB."""
    content = bytearray(zipped({"S-001.jpg": bytes(20 * 2**20)}))
    for mark, place in ((b"PK\3\4", 22), (b"PK\1\2", 24)):
        at = content.find(mark)
        content[at + place : at + place + 4] = struct.pack("<I", 10)
    return bytes(content)


async def test_an_entry_that_lies_about_its_size_is_not_believed(site: Site, own: Settings) -> None:
    await add_student(site, number="S-001")
    job = await done(site, own, lying())
    assert job["result"] == {"pictures": 1, "kept": 0, "refused": 1}


NONE = {
    "cut": zipped({"S-001.jpg": picture()})[:-30],
    "directory too large": zipped({"S-001.jpg": picture()})[:-10] + struct.pack("<L", 2**31) + bytes(6),
    "no directory": b"PK\3\4" + bytes(100),
}


@pytest.mark.parametrize("content", NONE.values(), ids=NONE.keys())
async def test_what_is_no_zip_fails_whole(site: Site, own: Settings, content: bytes) -> None:
    job = await done(site, own, content)
    assert (job["status"], job["errors"][0]["field"]) == ("failed", "file")


async def test_at_once_it_is_told_what_is_no_zip_at_all(site: Site) -> None:
    assert (await send(site, picture())).status == 415
    assert (await send(site, b"")).status == 400
    assert (await send(site, zipped({}), site.token("security"))).status == 403


async def test_a_commit_whose_answer_is_lost_leaves_the_picture(
    site: Site, own: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers, commit = ["lost"], Run.tx

    @asynccontextmanager
    async def cut_off(run: Run[Any]) -> AsyncIterator[Connection]:
        async with commit(run) as tx:
            yield tx
        if answers:
            raise StoreUnavailable(answers.pop())

    monkeypatch.setattr(Run, "tx", cut_off)
    ada = await add_student(site, number="S-001")
    sent = await send(site, zipped({"S-001.jpg": picture()}))
    async with jobs_running(own):
        job = await ended(site, sent.json["id"], hurry=True)
    assert (job["status"], job["result"], answers) == ("finished", {"pictures": 1, "kept": 1, "refused": 0}, [])
    assert (await photo(site, ada)).size == (400, 400)


async def test_killed_in_the_middle_it_goes_on(site: Site, own: Settings) -> None:
    numbers = [f"S-{number:03}" for number in range(40)]
    for number in numbers:
        await add_student(site, number=number)
    sent = await send(site, zipped({f"{number}.jpg": picture(size=(900, 900)) for number in numbers}))
    async with jobs_process(own) as process:
        while (await seen(site, sent.json["id"]))["progress"]["done"] < 3:
            assert process.returncode is None
    await forget_heartbeat(site)
    async with jobs_running(own):
        job = await ended(site, sent.json["id"])
    assert (job["status"], job["result"]) == ("finished", {"pictures": 40, "kept": 40, "refused": 0})
    assert len(await site.fetch("SELECT FROM student_photos")) == 40
    assert len(await site.fetch("SELECT FROM students WHERE photo_url IS NOT NULL")) == 40
