"""/admin/audit-logs/export: what is in the file, for whom, what is kept of it, and that it is sent as it is read."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator, Callable
from typing import Any
from unittest.mock import AsyncMock
from uuid import UUID

import pytest

from hub.config import Settings
from hub.errors import JournalError
from hub.resources.audit_logs.exporting import HEADER
from hub.store.pg import Pg, Role
from tests.integration.feed_world import until
from tests.integration.rest.site import Site
from tests.integration.rest.test_audit_logs import LOGS, MARK, Past

EXPORT = f"{LOGS}/export"
CROWD = 30_000


@pytest.fixture
async def past(site: Site, settings: Callable[..., Settings]) -> AsyncIterator[Past]:
    own = settings()
    pg = await Pg.open(own, [Role.hub_api])
    yield Past(site, pg, own)
    await pg.close()


async def exported(site: Site, query: str = "", **who: Any) -> list[dict[str, Any]]:
    """Of CSV: every cell a text."""
    answer = await site.ask("GET", EXPORT + query, site.token(**who))
    assert answer.status == 200, answer.text
    if "format=jsonl" in query:
        assert answer.headers["Content-Type"] == "application/x-ndjson"
        return [json.loads(line) for line in answer.text.splitlines()]
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(answer.text[1:], newline="")))


async def test_lines_of_json_are_what_the_list_shows(site: Site, past: Past) -> None:
    await past.add(new={"name": "Gate"}, address="192.0.2.7")
    await past.of_student()
    listed = (await site.ask("GET", LOGS, site.token())).json["data"]
    assert await exported(site, "?format=jsonl") == listed
    assert await exported(site, "?format=jsonl&sort=createdAt") == listed[::-1]
    assert await exported(site, "?format=jsonl&studentId=" + str(past.student)) == listed[:1]
    assert await exported(site, "?format=jsonl&action=export") == []


async def test_a_csv_has_a_column_for_each_field_and_no_formula(site: Site, past: Past) -> None:
    formula = '=HYPERLINK("http://evil.example","x")'
    await past.add(user_agent=formula, request_id="@SUM(1)", new={"name": formula}, address="192.0.2.7")
    (row,) = await exported(site)
    assert list(row) == HEADER
    assert (row["userAgent"], row["requestId"]) == (f"'{formula}", "'@SUM(1)")
    assert json.loads(row["newValues"]) == {"name": formula}
    assert (row["ipAddress"], row["oldValues"], row["isErased"]) == ("192.0.2.7", "", "false")
    assert row["createdAt"].startswith("20")
    assert UUID(row["schoolId"]) == site.schools["near"]
    assert await exported(site, "?action=login") == []


async def test_what_was_exported_is_kept_and_whose_values_were_in_it(site: Site, past: Past) -> None:
    await past.of_student()
    rows = await exported(site, "?action=update&format=jsonl")
    assert rows[0]["oldValues"]["lastName"] == MARK
    kept = [(entry.action, entry.resource_type, entry.new) for entry in site.trail.kept]
    assert kept == [
        ("export", "audit_log", {"format": "jsonl", "filters": {"action": "update"}}),
        ("export", "student", {"format": "jsonl", "of": "audit_log", "ids": [str(past.student)]}),
        ("export", "audit_log", {"format": "jsonl", "count": 1, "complete": True}),
    ]


async def test_each_school_its_own_and_nobody_without_the_right(site: Site, past: Past) -> None:
    near, far = str(await past.add("near")), str(await past.add("far"))
    assert [row["id"] for row in await exported(site)] == [near]
    assert [row["id"] for row in await exported(site, school="far")] == [far]
    assert {row["id"] for row in await exported(site, role="super_admin")} == {near, far}
    held = f"?schoolId={site.schools['far']}"
    assert [row["id"] for row in await exported(site, held, role="super_admin")] == [far]
    assert (await site.ask("GET", EXPORT, site.token("staff"))).status == 403
    assert (await site.ask("GET", EXPORT)).status == 401


@pytest.mark.parametrize("query", ["format=xml", "limit=5", "cursor=x", "action=burn", "createdFrom=yesterday"])
async def test_what_it_does_not_take(site: Site, query: str) -> None:
    assert (await site.ask("GET", f"{EXPORT}?{query}", site.token())).status == 400


async def crowd(site: Site) -> None:
    """More than fits between two ends of a connection."""
    await site.fetch(
        "INSERT INTO audit_logs (id, school_id, action, resource_type, new_values)"
        " SELECT gen_random_uuid(), $1, 'update', 'door', jsonb_build_object('name', repeat('x', 500))"
        " FROM generate_series(1, $2::int)",
        *(site.schools["near"], CROWD),
    )


@pytest.mark.parametrize("form", ["csv", "jsonl"])
async def test_who_stops_reading_leaves_nothing_behind_and_it_is_kept_how_far(site: Site, form: str) -> None:
    await crowd(site)
    headers = {"Authorization": f"Bearer {site.token()}"}
    for _ in range(3):  # more than may be under way at once
        async with site.http.get(f"{site.url}{EXPORT}?format={form}", headers=headers) as response:
            assert response.status == 200, await response.text()
            await response.content.readexactly(1000)
            response.close()
        await until(lambda: "count" in (site.trail.kept[-1].new or {}), "it is kept how far")
        last = site.trail.kept[-1].new
        assert last is not None
        assert (last["complete"], last["count"] < CROWD) == (False, True)
    assert await site.fetch("SELECT 1 FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'") == []


async def test_a_long_one_is_whole(site: Site) -> None:
    await crowd(site)
    rows = await exported(site, "?format=jsonl")
    assert len({row["id"] for row in rows}) == CROWD
    assert site.trail.kept[-1].new == {"format": "jsonl", "count": CROWD, "complete": True}


async def test_without_a_journal_nothing_leaves(site: Site, past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    await past.of_student()
    monkeypatch.setattr(site.trail, "read", AsyncMock(side_effect=JournalError("the disk is full")))
    refused = await site.ask("GET", EXPORT, site.token())
    assert refused.status == 503
    assert MARK not in refused.text
