"""/access-logs as people read it: order, pages, every filter, one scan, the export, and who has read what."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import openpyxl
import pytest

from hub.domain.ids import new_id
from tests.integration.rest.site import Site

LOGS = "/api/v1/access-logs"
NOW = datetime.now(UTC).replace(microsecond=123_456)


async def scan(site: Site, minutes: int = 0, school: str = "near", **columns: Any) -> UUID:
    """A scan of some minutes ago, as the drain writes it."""
    own: dict[str, Any] = {
        "id": new_id(),
        "school_id": site.schools[school],
        "access_point_id": await site.point(school),
        "access_time": NOW - timedelta(minutes=minutes),
        "status": "granted",
    } | columns
    marks = ", ".join(f"${place}" for place in range(1, len(own) + 1))
    await site.fetch(f"INSERT INTO access_logs ({', '.join(own)}) VALUES ({marks})", *own.values())
    await site.fetch(
        "INSERT INTO scan_ids (device_id, scan_id, access_time) VALUES ($1, $2, $3)",
        *(own["access_point_id"], own["id"], own["access_time"]),
    )
    id_: UUID = own["id"]
    return id_


async def listed(site: Site, query: str = "", token: str | None = None) -> list[str]:
    answer = await site.ask("GET", f"{LOGS}?{query}", token or site.token())
    assert answer.status == 200, answer.text
    return [item["id"] for item in answer.json["data"]]


async def test_the_newest_is_first_and_pages_hold_each_once(site: Site) -> None:
    made = [str(await scan(site, minutes)) for minutes in (5, 0, 3, 3, 9)]
    same = sorted(made[2:4], reverse=True)
    expected = [made[1], *same, made[0], made[4]]
    assert await listed(site) == expected
    assert await listed(site, "sort=accessTime") == expected[::-1]
    token, found, cursor = site.token(), [], ""
    while True:
        page = (await site.ask("GET", f"{LOGS}?limit=2&total=true{cursor}", token)).json
        found += [item["id"] for item in page["data"]]
        assert page["page"]["total"] == 5
        if not page["page"]["hasMore"]:
            break
        cursor = f"&cursor={page['page']['nextCursor']}"
    assert found == expected


async def test_each_filter_and_all_together(site: Site) -> None:
    student, door, guard, pass_id = uuid4(), await site.point(), uuid4(), uuid4()
    own: dict[str, Any] = {
        "student_id": student,
        "pass_id": pass_id,
        "access_point_id": door,
        "access_type": "entry",
        "status": "denied",
        "reason": "expired_pass",
        "offline": True,
        "stale": True,
        "conflict": True,
        "recorded_by": guard,
    }
    wanted, _ = str(await scan(site, 10, **own)), await scan(site, 20)
    since = f"accessTimeFrom={(NOW - timedelta(minutes=15)):%Y-%m-%dT%H:%M:%S}Z"
    filters = [
        *(f"studentId={student}", f"passId={pass_id}", f"accessPointId={door}", "accessType=entry", "status=denied"),
        *("reason=expired_pass", "offline=true", "stale=true", "conflict=true", f"recordedBy={guard}", since),
    ]
    for one in (*filters, "&".join(filters)):
        assert await listed(site, one) == [wanted], one
    until = f"accessTimeUntil={(NOW - timedelta(minutes=10)):%Y-%m-%dT%H:%M:%S.%f}Z"
    assert wanted not in await listed(site, until)
    assert await listed(site, f"{until}&offline=true") == []


@pytest.mark.parametrize(
    "query", ["status=maybe", "accessTimeFrom=today", "studentId=me", "reason=", "q=x", "sort=status", "limit=201"]
)
async def test_what_it_cannot_be_asked_is_refused(site: Site, query: str) -> None:
    assert (await site.ask("GET", f"{LOGS}?{query}", site.token())).status == 400


async def test_one_scan_with_its_annulment(site: Site) -> None:
    door = await site.point()
    id_ = await scan(site, access_point_id=door, device_info='{"firmware": "4.2"}', hub_status="denied")
    await site.fetch(
        "INSERT INTO scan_annulments (device_id, scan_id, school_id, annulled_at, reason) VALUES ($1, $2, $3, $4, 'x')",
        *(door, id_, site.schools["near"], NOW),
    )
    got = await site.ask("GET", f"{LOGS}/{id_}", site.token())
    assert got.status == 200, got.text
    assert (got.json["deviceInfo"], got.json["hubStatus"]) == ({"firmware": "4.2"}, "denied")
    assert (got.json["annulReason"], got.json["annulledBy"], got.json["status"]) == ("x", None, "granted")
    assert (await site.ask("GET", LOGS, site.token())).json["data"] == [got.json]
    other = site.token("school_admin", "far")
    assert (await site.ask("GET", f"{LOGS}/{id_}", other)).status == 404
    assert await listed(site, "", other) == []


async def test_a_scan_whose_identity_is_forgotten_is_found_by_any_id(site: Site) -> None:
    month = NOW.replace(day=1) - timedelta(days=20)
    ids = [await scan(site, id=id_, access_time=month) for id_ in (new_id(), uuid4())]
    await site.fetch("DELETE FROM scan_ids")
    for made in (1, 0):
        for id_ in ids:
            assert (await site.ask("GET", f"{LOGS}/{id_}", site.token())).json["id"] == str(id_)
            assert (await site.ask("GET", f"{LOGS}/{id_}", site.token("school_admin", "far"))).status == 404
        assert (await site.fetch("SELECT hub_index_past_months() AS made"))[0]["made"] == made
    indexes = await site.fetch("SELECT indexdef FROM pg_indexes WHERE indexname LIKE 'idx_access_logs_2%_id'")
    assert [row["indexdef"].endswith("(id)") for row in indexes] == [True]
    for odd in ("ffffffff-ffff-7fff-bfff-ffffffffffff", "00000000-0000-7000-8000-000000000000"):
        assert (await site.ask("GET", f"{LOGS}/{odd}", site.token())).status == 404


async def test_whose_scans_were_read_is_kept(site: Site) -> None:
    ada, grace = uuid4(), uuid4()
    id_ = await scan(site, 1, student_id=ada)
    await scan(site, 2, student_id=grace)
    await scan(site, 3, student_id=ada)
    await scan(site, 4)
    await listed(site)
    await site.ask("GET", f"{LOGS}/{id_}", site.token())
    await site.ask("GET", f"{LOGS}/export?status=granted&limit=2", site.token())
    kept = [(one.action, one.resource_type, one.subject_id, one.new) for one in site.trail.kept]
    assert kept == [
        ("read", "student", None, {"ids": [str(ada), str(grace)]}),
        ("read", "student", ada, None),
        ("export", "access_log", None, {"filters": {"status": "granted"}, "count": 2}),
        ("read", "student", None, {"ids": [str(ada), str(grace)]}),
    ]


async def test_the_export_is_a_file_too_and_keeps_whose_scans_are_in_it(site: Site) -> None:
    ada = uuid4()
    made = [
        await scan(site, minutes, student_id=student, reason=reason)
        for minutes, student, reason in ((1, ada, "=1+1"), (2, None, None), (3, ada, "late"))
    ]
    await scan(site, 4, status="denied")
    answer = await site.ask("GET", f"{LOGS}/export?format=csv&status=granted", site.token())
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/csv; charset=utf-8")
    rows = list(csv.DictReader(io.StringIO(answer.text[1:], newline="")))
    assert [(row["id"], row["reason"]) for row in rows] == list(zip(map(str, made), ("'=1+1", "", "late"), strict=True))
    assert (rows[0]["studentId"], rows[0]["offline"], rows[0]["passId"]) == (str(ada), "false", "")
    kept = [(one.action, one.resource_type, one.new) for one in site.trail.kept]
    told = {"format": "csv"}
    assert kept == [
        ("export", "access_log", told | {"filters": {"status": "granted"}}),
        ("export", "student", told | {"of": "access_log", "ids": [str(ada)]}),
        ("export", "access_log", told | {"count": 3, "complete": True}),
    ]
    async with site.http.get(
        f"{site.url}{LOGS}/export?format=xlsx", headers={"Authorization": f"Bearer {site.token()}"}
    ) as sheet:
        found = list(openpyxl.load_workbook(io.BytesIO(await sheet.read())).worksheets[0].iter_rows(values_only=True))
    assert [row[0] for row in found[1:4]] == [str(id_) for id_ in made]
    for query in ("format=pdf", "format=csv&total=true", "format=csv&cursor=x"):
        assert (await site.ask("GET", f"{LOGS}/export?{query}", site.token())).status == 400


async def test_the_export_takes_large_parts_and_goes_on_where_it_was(site: Site) -> None:
    made = [str(await scan(site, minutes)) for minutes in range(5)]
    token = site.token()
    first = (await site.ask("GET", f"{LOGS}/export?limit=3", token)).json
    rest = (await site.ask("GET", f"{LOGS}/export?limit=10000&cursor={first['page']['nextCursor']}", token)).json
    assert [item["id"] for item in first["data"] + rest["data"]] == made
    assert rest["page"] == {"hasMore": False}
