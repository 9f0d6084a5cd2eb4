"""Files that are wrong as a whole: refused with a clear 4xx where it can be told at once, else by the job. Nothing is
half done, however it was cut short."""

from __future__ import annotations

import asyncio
import io
import zipfile
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

import aiohttp
import asyncpg
import pytest

from hub.config import Settings
from tests.integration.jobs.files import HEADER, IMPORT, csv_bytes, row, send, xlsx_bytes
from tests.integration.jobs.world import ended, forget_heartbeat, jobs_process, jobs_running
from tests.integration.rest.site import Site, site_running

GOOD = csv_bytes([row(1)])


@pytest.fixture
def own(settings: Callable[..., Settings]) -> Settings:
    return settings(import_max_rows=30_000, upload_max_bytes=5 * 2**20)


@pytest.fixture
async def site(own: Settings) -> AsyncIterator[Site]:
    async with site_running(own) as running:
        yield running


def zipped(name: str, size: int) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, bytes(size))
    return made.getvalue()


AT_ONCE = {
    "nothing": (b"", "x.csv", 400, "is empty"),
    "blank": (b"\n\n\n", "x.csv", 400, "is empty"),
    "no header": (csv_bytes([], row(1)), "x.csv", 400, "its first line must name the columns"),
    "a header twice": (csv_bytes([row(1)], [*HEADER[:-1], "email"]), "x.csv", 400, "email is there twice"),
    "1,000 columns": (
        csv_bytes([], HEADER + [f"c{n}" for n in range(992)]),
        "x.csv",
        400,
        "has 1000 columns; 100 are taken at most",
    ),
    "2,000 columns": (csv_bytes([], [f"c{n}" for n in range(2_000)]), "x.csv", 400, "has more than 1000 cells"),
    "a huge cell": (b"studentId,firstName\n".replace(b"firstName", b"x" * 2_000_000), "x.csv", 400, "is longer than"),
    "a huge quoted cell": (b'"' + b"x\n" * 200_000 + b'"', "x.csv", 400, "field larger than field limit"),
    "larger than is taken": (b"x" * (5 * 2**20 + 1), "x.csv", 413, "larger than"),
    "too many rows": (GOOD + b"\n" * 30_001, "x.csv", 413, "more than 30000 rows"),
    "a PDF": (b"%PDF-1.7 ...", "x.csv", 415, "a PDF"),
    "a picture": (b"\x89PNG\r\n\x1a\n\x00", "x.csv", 415, "a picture"),
    "a program": (b"\x7fELF" + bytes(100), "x.csv", 415, "neither CSV nor XLSX"),
    "old Excel": (b"\xd0\xcf\x11\xe0" + bytes(100), "x.xls", 415, ".xls"),
    "CSV called XLSX": (GOOD, "x.xlsx", 415, "called .xlsx"),
    "a ZIP of something else": (zipped("a.txt", 10), "x.xlsx", 400, "no XLSX"),
    "a ZIP that unpacks to too much": (
        zipped("xl/worksheets/sheet1.xml", 64 * 2**20),
        "x.xlsx",
        400,
        "unpacks to more",
    ),
    "half an XLSX": (xlsx_bytes([row(1)])[:1000], "x.xlsx", 400, "no XLSX"),
    "French, or Czech": (
        "studentId;firstName;lastName\nS-1;Hélène;Lefèvre\n".encode("cp1252"),
        "x.csv",
        400,
        "Hélène (cp1252) or Hélčne (cp1250)",
    ),
    "bytes of no encoding": (b"studentId,\xff\xfe\xfd\x81\x8d\x8f\x90\x9d", "x.csv", 415, ""),
}


@pytest.mark.parametrize(("content", "name", "status", "why"), AT_ONCE.values(), ids=AT_ONCE.keys())
async def test_what_can_be_told_at_once_is_told_at_once(
    site: Site, content: bytes, name: str, status: int, why: str
) -> None:
    refused = await send(site, content, name=name)
    if status == 415 and not why:
        assert refused.status in {400, 415}
    else:
        assert refused.status == status, refused.text
    assert why in refused.text
    assert await site.fetch("SELECT 1 FROM job_runs") == []


QUERIES = {
    "issuePasses=true": "expiryDate",
    "issuePasses=true&issueDate=2026-09-02&expiryDate=2026-09-01": "expiryDate",
    "issuePasses=true&expiryDate=2200-01-01": "expiryDate",
    "expiryDate=2027-09-01": "expiryDate",
    "issuePasses=true&expiryDate=2027-02-30": "expiryDate",
    "onFault=whatever": "onFault",
    "encoding=latin-9": "encoding",
    "mapping=[]": "mapping",
    'mapping={"nothing":null}': "mapping",
}


@pytest.mark.parametrize(("query", "field"), QUERIES.items(), ids=QUERIES.keys())
async def test_parameters_that_do_not_fit(site: Site, query: str, field: str) -> None:
    refused = await send(site, GOOD, f"?{query}")
    assert refused.status == 400, refused.text
    assert {one["field"] for one in refused.json["details"]} == {field}


async def test_bodies_that_are_no_upload(site: Site) -> None:
    token = site.token()
    assert (await site.ask("POST", IMPORT, token, {"file": "x"})).status == 415
    for form in ({"other": b"x"}, {"file": b"", "more": b"x"}, {}):
        body = aiohttp.FormData()
        for name, value in form.items():
            body.add_field(name, value, filename="x.csv")
        assert (await site.ask("POST", IMPORT, token, body)).status in {400, 415}
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    for raw in (b"", b"nothing", b"--x\r\n", b"--x\r\nContent-Disposition: form-data; name=file\r\n\r\nabc"):
        refused = await site.ask("POST", IMPORT, token, raw, headers=headers)
        assert refused.status == 400, (raw, refused.text)


IN_THE_JOB = {
    "bytes that are not the encoding's": (
        csv_bytes([row(n) for n in range(2_500)], encoding="utf-16") + b"\x00",
        "is not all utf-16",
    ),
    "an open quote": (csv_bytes([row(n) for n in range(2_500)]) + b'"', "is no CSV"),
    "a huge cell": (GOOD + b"x" * 1_500_000, "is longer than"),
    "too many rows": (csv_bytes([row(n, email='"') for n in range(30_001)]), "more than 30000 rows"),
    "a row of 2,000 cells": (GOOD + b"," * 2_000 + b"x\n", "more than 1000 cells"),
}


@pytest.mark.parametrize(("content", "why"), IN_THE_JOB.values(), ids=IN_THE_JOB.keys())
async def test_what_is_found_on_the_way_undoes_all_of_it(site: Site, own: Settings, content: bytes, why: str) -> None:
    asked = await send(site, content)
    assert asked.status == 202, asked.text
    async with jobs_running(own):
        job = await ended(site, asked.json["id"])
    assert job["status"] == "failed"
    assert why in job["errors"][0]["message"]
    assert await site.fetch("SELECT 1 FROM students") == []
    assert await site.fetch("SELECT 1 FROM job_files WHERE name = 'upload'") == []


async def test_two_at_once(site: Site) -> None:
    assert (await send(site, GOOD)).status == 202
    refused = await send(site, GOOD)
    assert refused.status == 409
    assert "under way" in refused.json["message"]
    assert [r["count"] for r in await site.fetch("SELECT count(*) FROM job_files")] == [1]


async def test_a_client_that_goes_away_in_the_middle_leaves_nothing(site: Site) -> None:
    async def half() -> AsyncIterator[bytes]:
        yield b"--x\r\nContent-Disposition: form-data; name=file\r\n\r\n" + GOOD
        raise ConnectionResetError

    headers = {"Content-Type": "multipart/form-data; boundary=x", "Authorization": f"Bearer {site.token()}"}
    with suppress(aiohttp.ClientError, ConnectionError):
        await site.http.post(site.url + IMPORT, data=half(), headers=headers)
    assert await site.fetch("SELECT 1 FROM job_runs") == []


async def rows_there(site: Site) -> int:
    return int((await site.fetch("SELECT count(*) FROM students"))[0]["count"])


#: Whoever writes passes for more than the first batch of students waits for this connection.
HOLD = """
CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
    IF (SELECT count(*) FROM students) > 2000 THEN PERFORM pg_advisory_xact_lock(7); END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER hold BEFORE INSERT ON passes FOR EACH STATEMENT EXECUTE FUNCTION hold();
SELECT pg_advisory_lock(7)
"""
HELD = (
    "SELECT 1 AS held FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


@pytest.mark.parametrize("mode", ["refuse_all", "keep_good"])
async def test_killed_half_way_it_is_done_once(site: Site, own: Settings, mode: str) -> None:
    """Killed with SIGKILL while rows are written; another process carries on, and nothing is there twice or missing."""
    content = csv_bytes([row(n) for n in range(8_000)] + [row(30_000, email="no")] * (mode == "keep_good"))
    query = f"?onFault={mode}&issuePasses=true&issueDate=2026-09-01&expiryDate=2027-08-31"
    asked = await send(site, content, query)
    holder = await asyncpg.connect(site.database)
    await holder.execute(HOLD)
    async with jobs_process(own) as process:
        async with asyncio.timeout(120):
            while not await site.fetch(HELD):
                assert process.returncode is None
        process.kill()
        await process.wait()
    await site.fetch(HELD.replace("1 AS held", "pg_terminate_backend(pid)"))
    await holder.execute("DROP TRIGGER hold ON passes")
    await holder.close()
    between = await rows_there(site)
    assert between == 0 if mode == "refuse_all" else 0 < between < 8_000
    assert between % 2_000 == 0
    await forget_heartbeat(site)
    async with jobs_running(own):
        job = await ended(site, asked.json["id"])
    assert job["status"] == "finished", job
    counts = (job["result"]["created"], job["result"]["updated"], job["result"]["passes"], job["result"]["refused"])
    assert counts == (8_000, 0, 8_000, 1 if mode == "keep_good" else 0)
    assert await rows_there(site) == 8_000
    passes = await site.fetch("SELECT count(*), count(DISTINCT student_id) AS holders FROM passes")
    assert (passes[0]["count"], passes[0]["holders"]) == (8_000, 8_000)
    assert [r["attempt"] for r in await site.fetch("SELECT attempt FROM job_runs")] == [2]
