"""Exports: what is in them, for whom, and that they are sent as they are read."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Callable
from typing import Any

import openpyxl
import pytest

from hub.config import Settings
from hub.resources.exports.rows import HEADER
from hub.rest.sheets import XlsxSheets
from tests.integration.feed_world import until
from tests.integration.jobs.files import csv_bytes, row, send
from tests.integration.jobs.world import ended, jobs_running
from tests.integration.rest.site import Site, site_running

CROWD = 15_000
EXPORT = "/api/v1/students/export"


@pytest.fixture
def own(settings: Callable[..., Settings]) -> Settings:
    return settings()


@pytest.fixture
async def site(own: Settings) -> AsyncIterator[Site]:
    async with site_running(own) as running:
        yield running


async def bring(site: Site, own: Settings, rows: list[list[str]]) -> dict[str, Any]:
    answer = await send(site, csv_bytes(rows))
    assert answer.status == 202, answer.text
    async with jobs_running(own):
        job = await ended(site, answer.json["id"])
    assert job["status"] == "finished", job
    return job


async def crowd(site: Site) -> None:
    """More than fits between two ends of a connection."""
    await site.fetch(
        "INSERT INTO students (student_id, first_name, last_name, photo_url, school_id)"
        " SELECT 'N-' || n, 'Ada', 'L', repeat('x', 500), school_id FROM students, generate_series(1, $1::int) AS n",
        CROWD,
    )


def sheet_of(content: bytes) -> Any:
    return openpyxl.load_workbook(io.BytesIO(content)).worksheets[0]


def read(text: str) -> list[dict[str, str]]:
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text[1:], newline="")))


async def raw(site: Site, query: str) -> bytes:
    headers = {"Authorization": f"Bearer {site.token()}"}
    async with site.http.get(f"{site.url}{EXPORT}{query}", headers=headers) as response:
        assert response.status == 200
        assert response.headers["Content-Disposition"].endswith(".xlsx")
        return await response.read()


async def test_a_csv_holds_everything_and_can_be_imported_again(site: Site, own: Settings) -> None:
    await bring(site, own, [row(1), row(2, status="inactive", firstName="=1+1".replace("=1+1", "Ada"))])
    await site.fetch("UPDATE students SET program = '=HYPERLINK(\"x\")' WHERE student_id = 'S-00001'")
    answer = await site.ask("GET", EXPORT, site.token())
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    first, second = read(answer.text)
    assert list(first) == HEADER
    assert (first["studentId"], first["lastName"], first["dateOfBirth"]) == ("S-00001", "Weiß", "2008-02-29")
    assert first["phone"] == "'+491700000001"
    assert first["program"] == '\'=HYPERLINK("x")'
    assert second["status"] == "inactive"
    kept = [(entry.action, entry.new) for entry in site.trail.kept]
    ids = [one["id"] for one in (first, second)]
    assert kept == [
        ("export", {"format": "csv", "filters": {}}),
        ("export", {"format": "csv", "of": "student", "ids": ids}),
        ("export", {"format": "csv", "count": 2, "complete": True}),
    ]
    again = await send(site, answer.text.encode())
    assert again.status == 202, again.text
    async with jobs_running(own):
        job = await ended(site, again.json["id"])
    assert (job["status"], job["result"]["updated"]) == ("finished", 2), job
    programs = await site.fetch("SELECT program FROM students ORDER BY student_id")
    assert programs[0]["program"] == '=HYPERLINK("x")'


async def test_an_xlsx_opens_and_its_cells_are_text(site: Site, own: Settings) -> None:
    await bring(site, own, [row(1), row(2)])
    await site.fetch("UPDATE students SET program = '=1+1', middle_name = '<&>' WHERE student_id = 'S-00001'")
    rows = list(sheet_of(await raw(site, "?format=xlsx")).iter_rows())
    assert [cell.value for cell in rows[0]] == HEADER
    cells = dict(zip(HEADER, rows[1], strict=True))
    assert (cells["program"].value, cells["program"].data_type) == ("=1+1", "s")
    assert (cells["phone"].value, cells["middleName"].value) == ("+491700000001", "<&>")
    assert len(rows) == 3


async def test_its_address_is_no_student(site: Site) -> None:
    refused = await site.ask("PUT", EXPORT, site.token(), {"firstName": "Ada"})
    assert (refused.status, refused.headers["Allow"]) == (405, "GET,HEAD")


def test_a_sheet_that_is_full_is_followed_by_another() -> None:
    sheets = XlsxSheets(["a"], "A & B", sheet_rows=3)
    content = sheets.rows([[str(n)] for n in range(5)]) + sheets.end()
    book = openpyxl.load_workbook(io.BytesIO(content))
    found = [[row[0] for row in sheet.iter_rows(values_only=True)] for sheet in book.worksheets]
    assert book.sheetnames == ["A & B 1", "A & B 2", "A & B 3"]
    assert found == [["a", "0", "1"], ["a", "2", "3"], ["a", "4"]]


@pytest.mark.parametrize("form", ["csv", "xlsx"])
async def test_nobody_is_a_file_too(site: Site, form: str) -> None:
    answer = await site.http.get(f"{site.url}{EXPORT}?format={form}", headers=bearer(site))
    content = await answer.read()
    if form == "csv":
        assert read(content.decode()) == []
    else:
        assert sheet_of(content).max_row == 1


def bearer(site: Site, role: str = "school_admin", school: str = "near") -> dict[str, str]:
    return {"Authorization": f"Bearer {site.token(role, school)}"}


async def test_the_lists_filters_and_nobody_elses_school(site: Site, own: Settings) -> None:
    await bring(site, own, [row(1), row(2, status="graduated"), row(3, firstName="Zoë")])
    await site.fetch("UPDATE students SET deleted_at = now() WHERE student_id = 'S-00001'")

    async def numbers(query: str, **who: Any) -> list[str]:
        answer = await site.ask("GET", EXPORT + query, site.token(**who))
        assert answer.status == 200, answer.text
        return [one["studentId"] for one in read(answer.text)]

    assert await numbers("") == ["S-00002", "S-00003"]
    assert await numbers("?status=graduated") == ["S-00002"]
    assert await numbers("?q=zoe") == ["S-00003"]
    assert await numbers("?q=nobody%20at%20all") == []
    assert await numbers("?phone=%2B491700000003") == ["S-00003"]
    assert await numbers("", school="far") == []
    assert await numbers("", role="super_admin") == ["S-00002", "S-00003"]
    assert (await site.ask("GET", f"{EXPORT}?phone=%2B49170", site.token("super_admin"))).status == 400
    assert (await site.ask("GET", f"{EXPORT}?format=pdf", site.token())).status == 400


async def test_who_stops_reading_leaves_nothing_behind_and_it_is_kept_how_far(site: Site, own: Settings) -> None:
    await bring(site, own, [row(1)])
    await crowd(site)
    for _ in range(5):  # more than may be under way at once
        async with site.http.get(site.url + EXPORT, headers=bearer(site)) as response:
            assert response.status == 200, await response.text()
            await response.content.readexactly(1000)
            response.close()
        await until(lambda: "count" in (site.trail.kept[-1].new or {}), "it is kept how far")
    last = site.trail.kept[-1].new
    assert last is not None
    assert (last["complete"], last["count"] < CROWD) == (False, True)
    assert await site.fetch("SELECT 1 FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'") == []


async def test_many_at_once_wait(site: Site, own: Settings) -> None:
    await bring(site, own, [row(1)])
    await crowd(site)
    open_ones = [await site.http.get(site.url + EXPORT, headers=bearer(site)) for _ in range(2)]
    refused = await site.ask("GET", EXPORT, site.token())
    assert (refused.status, refused.headers["Retry-After"]) == (429, "30")
    for response in open_ones:
        response.close()
