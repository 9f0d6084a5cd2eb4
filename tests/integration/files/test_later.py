"""What happens later: clamd that comes back, erasures, what nothing points to, and places that are away meanwhile."""

from __future__ import annotations

import asyncio
import io
import zipfile
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest

from hub.accounts.trail import AuditTrail
from hub.config import Settings, key_ring
from hub.domain.ids import new_id
from hub.jobs.sweeping import Sweep
from hub.store.files import open_files
from hub.store.files.s3 import Bucket
from hub.store.pg import Pg, Role
from tests.clamd import EICAR, ClamdProcess
from tests.integration.files.samples import INFECTED, PDF, picture
from tests.integration.files.test_photos import keys
from tests.integration.files.test_places import pieces
from tests.integration.files.uploads import STUDENTS, add_student, fetch, send_documents, send_photo
from tests.integration.jobs.world import WAKE, jobs_running
from tests.integration.rest.site import Site, site_running
from tests.tcp_proxy import TcpProxy

PATIENCE = 120.0


@pytest.fixture
def scanner() -> ClamdProcess:
    """Not started."""
    return ClamdProcess()


@pytest.fixture
def own(settings: Callable[..., Settings], place: dict[str, Any], scanner: ClamdProcess) -> Settings:
    return settings(rate_anonymous=10_000, rate_signed_in=10_000, clamd_url=scanner.url, **place)


@pytest.fixture
async def site(own: Settings) -> AsyncIterator[Site]:
    async with site_running(own) as running:
        yield running


async def until(site: Site, what: Callable[[], Any], hurry: bool = True) -> None:
    """`what` is asked again and again; what jobs would try again later is tried now."""
    async with asyncio.timeout(PATIENCE):
        while not await what():
            if hurry:
                await site.fetch("UPDATE pgqueuer SET execute_after = now() WHERE execute_after > now()")
                await site.fetch(WAKE)
            await asyncio.sleep(0.05)


async def queued(site: Site) -> int:
    rows = await site.fetch("SELECT count(*) FROM pgqueuer WHERE entrypoint LIKE 'files%'")
    return int(rows[0][0])


async def test_without_clamd_it_waits_and_is_served_when_it_was_looked_at(
    site: Site, own: Settings, scanner: ClamdProcess
) -> None:
    student = await add_student(site)
    sent = await send_photo(site, student, picture())
    assert (sent.status, sent.json["scan"], sent.json["photoUrl"]) == (201, "waiting", None)
    (document,) = (await send_documents(site, student, [("a.pdf", PDF)])).json["data"]
    where = [f"{STUDENTS}/{student}/photo", f"{STUDENTS}/{student}/documents/{document['id']}"]
    for path in where:
        assert (await fetch(site, path))[0] == 409
    async with jobs_running(own):
        with scanner:

            async def served() -> bool:
                return [(await fetch(site, path))[0] for path in where] == [200, 200]

            await until(site, served)
    seen = await site.ask("GET", f"{STUDENTS}/{student}", site.token())
    assert seen.json["photoUrl"] == where[0]
    assert await queued(site) == 0


async def test_what_is_found_later_is_deleted_and_kept_in_the_audit(
    site: Site, own: Settings, scanner: ClamdProcess
) -> None:
    student = await add_student(site)
    bad = PDF[:-6] + EICAR + PDF[-6:]
    (document,) = (await send_documents(site, student, [("a.pdf", bad)])).json["data"]
    assert document["scan"] == "waiting"
    assert len(await keys(own)) >= 1
    async with jobs_running(own):
        with scanner:

            async def gone() -> bool:
                return (await fetch(site, f"{STUDENTS}/{student}/documents/{document['id']}"))[0] == 404

            await until(site, gone)

            async def emptied() -> bool:
                return not any(str(student) in key for key in await keys(own))

            await until(site, emptied)
    rows = await site.fetch("SELECT resource_id FROM audit_logs WHERE resource_type = 'document' AND action = 'delete'")
    assert [row["resource_id"] for row in rows] == [UUID(document["id"])]


async def test_of_a_photo_the_pixels_alone_wait(site: Site, own: Settings, scanner: ClamdProcess) -> None:
    """What stood behind the picture is not kept at all."""
    student = await add_student(site)
    assert (await send_photo(site, student, INFECTED)).json["scan"] == "waiting"
    async with jobs_running(own):
        with scanner:

            async def served() -> bool:
                return (await fetch(site, f"{STUDENTS}/{student}/photo"))[0] == 200

            await until(site, served)
    _, _, content = await fetch(site, f"{STUDENTS}/{student}/photo")
    assert EICAR not in content


async def test_clamd_killed_in_mid_upload_keeps_nothing_half_done(
    site: Site, scanner: ClamdProcess, own: Settings
) -> None:
    student = await add_student(site)
    with scanner:
        kills = asyncio.create_task(asyncio.to_thread(scanner.kill))
        answers = await asyncio.gather(*(send_documents(site, student, [("a.pdf", PDF)]) for _ in range(8)), kills)
    made = [one["id"] for answer in answers[:-1] if answer is not None for one in answer.json["data"]]
    assert len(made) == 8
    rows = await site.fetch("SELECT file_path, scan FROM documents")
    assert {row["file_path"] for row in rows} == {key for key in await keys(own) if str(student) in key}
    assert {row["scan"] for row in rows} <= {"clean", "waiting"}


async def test_an_erasure_takes_rows_and_bytes(site: Site, own: Settings, scanner: ClamdProcess) -> None:
    student = await add_student(site)
    with scanner:
        await send_photo(site, student, picture())
        await send_documents(site, student, [("a.pdf", PDF), ("b.pdf", PDF)])
        assert sum(str(student) in key for key in await keys(own)) == 4
        assert (await site.ask("DELETE", f"{STUDENTS}/{student}?erase=true", site.token())).status == 204
    assert await site.fetch("SELECT FROM student_photos") == await site.fetch("SELECT FROM documents") == []
    async with jobs_running(own):

        async def emptied() -> bool:
            return not any(str(student) in key for key in await keys(own))

        await until(site, emptied)


async def test_what_is_held_about_somebody_has_the_files(site: Site, scanner: ClamdProcess) -> None:
    student = await add_student(site)
    with scanner:
        await send_photo(site, student, picture())
        (document,) = (await send_documents(site, student, [("a.pdf", PDF)])).json["data"]
    (late,) = (await send_documents(site, student, [("late.pdf", PDF)])).json["data"]
    status, _, body = await fetch(site, f"{STUDENTS}/{student}/data-export")
    assert status == 200
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert archive.read("photo.jpg").startswith(b"\xff\xd8")
        assert archive.read(f"documents/{document['id']}.pdf") == PDF
        assert not any(late["id"] in name for name in archive.namelist())
        assert late["id"] in archive.read("documents.json").decode()


async def swept(own: Settings, **more: Any) -> None:
    settings = own.model_copy(update=more)
    pg, files = await Pg.open(settings, Role), await open_files(settings)

    async def nowhere(row: Any) -> None:
        raise AssertionError(row)

    await Sweep(settings, pg, files, AuditTrail(key_ring(settings), pg, nowhere)).run()
    await files.close()
    await pg.close()


AT_ONCE = -1.0


async def test_bytes_without_a_row_go_in_time(site: Site, own: Settings, scanner: ClamdProcess) -> None:
    student = await add_student(site)
    with scanner:
        await send_photo(site, student, picture())
        await send_documents(site, student, [("a.pdf", PDF)])
    before = await keys(own)
    files = await open_files(own)
    orphan = f"schools/{site.schools['near']}/students/{student}/document-{student}"
    await files.put(orphan, pieces(b"x"), "application/pdf", 10)
    await swept(own)
    assert await keys(own) == before | {orphan}
    await swept(own, files_grace_hours=AT_ONCE)
    assert await keys(own) == before
    await files.close()


async def test_rows_without_bytes_go_in_time(site: Site, own: Settings, scanner: ClamdProcess) -> None:
    student = await add_student(site)
    with scanner:
        await send_photo(site, student, picture())
        kept, lost = (await send_documents(site, student, [("a.pdf", PDF), ("b.pdf", PDF)])).json["data"]
    files = await open_files(own)
    for key in await keys(own):
        if lost["id"] in key or key.endswith("-96"):
            await files.delete(key)
    await files.close()
    await swept(own)
    assert len(await site.fetch("SELECT FROM documents")) == 2
    await swept(own, files_grace_hours=AT_ONCE)
    assert [str(row["id"]) for row in await site.fetch("SELECT id FROM documents")] == [kept["id"]]
    assert await site.fetch("SELECT FROM student_photos") == []
    assert (await site.ask("GET", f"{STUDENTS}/{student}", site.token())).json["photoUrl"] is None
    rows = await site.fetch("SELECT resource_type FROM audit_logs WHERE action = 'delete' AND user_id IS NULL")
    assert {row["resource_type"] for row in rows} == {"document", "photo"}


async def test_a_store_without_nearly_everything_is_not_believed(
    site: Site, own: Settings, scanner: ClamdProcess, tmp_path: Path
) -> None:
    student = await add_student(site)
    with scanner:
        for _ in range(2):
            assert (await send_documents(site, student, [("a.pdf", PDF)] * 10)).status == 201
    wrong = {"s3_bucket": None, "files_dir": tmp_path / "another"}
    await swept(own, files_grace_hours=AT_ONCE, **wrong)
    assert len(await site.fetch("SELECT FROM documents")) == 20


@pytest.mark.parametrize(("whose", "few_of_ours"), [("elsewhere", 2), ("a restored copy's", 0)])
async def test_a_store_of_another_database_is_not_touched(
    site: Site, own: Settings, scanner: ClamdProcess, whose: str, few_of_ours: int
) -> None:
    """An empty database, or one with little in it, that is pointed at a store in use."""
    student = await add_student(site)
    with scanner:
        for _ in range(few_of_ours):
            await send_documents(site, student, [("a.pdf", PDF)])
    files = await open_files(own)
    of_others = 1 if whose == "elsewhere" else 12
    school = new_id() if whose == "elsewhere" else site.schools["near"]
    for _ in range(of_others):
        key = f"schools/{school}/students/{new_id()}/document-{new_id()}"
        await files.put(key, pieces(b"x"), "application/pdf", 10)
    await files.close()
    before = await keys(own)
    assert len(before) == of_others + few_of_ours
    await swept(own, files_grace_hours=AT_ONCE)
    assert await keys(own) == before


async def test_a_name_that_is_not_ours_is_left(site: Site, own: Settings, scanner: ClamdProcess) -> None:
    student = await add_student(site)
    with scanner:
        await send_documents(site, student, [("a.pdf", PDF)])
    before = await keys(own)
    files = await open_files(own)
    if isinstance(files, Bucket):
        for name in ("schools/", "schools/Notes.txt"):
            await files._client.put_object(Bucket=own.s3_bucket, Key=name, Body=b"")
    else:
        assert own.files_dir is not None
        (own.files_dir / "kept" / "schools" / "Notes.txt").write_bytes(b"")
    strange = await keys(own) - before
    assert strange
    orphan = f"schools/{site.schools['near']}/students/{student}/document-{student}"
    await files.put(orphan, pieces(b"x"), "application/pdf", 10)
    await swept(own, files_grace_hours=AT_ONCE)
    assert await keys(own) == before | strange
    await files.close()


async def test_a_bucket_cut_in_mid_upload_leaves_nothing_half_done(
    settings: Callable[..., Settings], moto_bucket: dict[str, Any]
) -> None:
    port = urlsplit(moto_bucket["s3_endpoint"]).port
    assert port is not None
    with TcpProxy(port) as proxy:
        own = settings(
            **moto_bucket | {"s3_endpoint": f"http://127.0.0.1:{proxy.port}", "s3_timeout": 15.0},
            files_unscanned="serve",
        )
        async with site_running(own) as site:
            student = await add_student(site)
            (old,) = (await send_documents(site, student, [("a.pdf", PDF)])).json["data"]
            await send_photo(site, student, picture())
            proxy.cut("reset")
            refused = await send_documents(site, student, [("a.pdf", PDF), ("b.pdf", PDF)])
            assert (refused.status, refused.headers["Retry-After"]) == (503, "1")
            assert (await send_photo(site, student, picture())).status == 503
            assert (await fetch(site, f"{STUDENTS}/{student}/photo"))[0] == 503
            erased = await site.ask("DELETE", f"{STUDENTS}/{student}?erase=true", site.token())
            assert erased.status == 204
            async with jobs_running(own):
                await asyncio.sleep(0)
                proxy.heal()

                async def emptied() -> bool:
                    return not any(str(student) in key for key in await keys(own))

                await until(site, emptied)
            assert await site.fetch("SELECT FROM documents WHERE id = $1", UUID(old["id"])) == []


def test_a_grace_time_is_long() -> None:
    assert timedelta(hours=Settings.model_fields["files_grace_hours"].default) > timedelta(hours=1)
