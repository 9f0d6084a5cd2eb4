"""/admin/analytics: by the school's clock, of one school or of all, and nobody else's numbers."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from hub.config import Settings
from hub.domain.ids import new_id
from hub.jobs.counting import count_scans, refresh_summary
from hub.store.pg import Pg, Role
from tests.integration.rest.site import Site

PATH = "/api/v1/admin/analytics"
RECORDER = new_id()
#: Summer time ends in Berlin in the night to 2026-10-25.
NIGHT = datetime(2026, 10, 25, tzinfo=UTC)


@pytest.fixture
async def pg(settings: Callable[..., Settings]) -> AsyncIterator[Pg]:
    opened = await Pg.open(settings(), [Role.hub_system])
    yield opened
    await opened.close()


async def scan(site: Site, at: datetime, door: UUID, school: str = "near", **more: Any) -> UUID:
    """One in the log, as the drain would have brought it."""
    id_, values = new_id(), {"access_type": "entry", "status": "granted", "reason": None, "student_id": None} | more
    await site.fetch(
        "WITH head AS (INSERT INTO stream_heads (school_id, recorder_id, stream_seq) VALUES ($1, $2, 0)"
        " ON CONFLICT (school_id, recorder_id) DO UPDATE SET stream_seq = stream_heads.stream_seq + 1"
        " RETURNING stream_seq), known AS (INSERT INTO scan_ids (device_id, scan_id, access_time) VALUES ($4, $3, $5))"
        " INSERT INTO access_logs (school_id, recorder_id, id, access_point_id, access_time, access_type, status,"
        " reason, student_id, stream_seq) SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, stream_seq FROM head",
        *(site.schools[school], RECORDER, id_, door, at, values["access_type"], values["status"], values["reason"]),
        values["student_id"],
    )
    return id_


async def annul(site: Site, door: UUID, id_: UUID) -> None:
    await site.fetch(
        "INSERT INTO scan_annulments (device_id, scan_id, school_id, annulled_at) VALUES ($1, $2, $3, now())",
        *(door, id_, site.schools["near"]),
    )


async def student(site: Site, number: str, school: str = "near", days: int = 100, **columns: Any) -> UUID:
    rows = await site.fetch(
        "INSERT INTO students (school_id, student_id, first_name, last_name, created_at, status)"
        " VALUES ($1, $2, 'Ada', 'Lovelace', $3, $4) RETURNING id",
        *(site.schools[school], number, datetime.now(UTC) - timedelta(days=days), columns.get("status", "active")),
    )
    id_: UUID = rows[0]["id"]
    return id_


async def asked(site: Site, query: str = "", token: str | None = None) -> Any:
    answer = await site.ask("GET", PATH + query, token or site.token())
    assert answer.status == 200, answer.text
    return answer.json


async def test_before_anything_is_counted(site: Site) -> None:
    found = await asked(site)
    assert (found["asOf"], found["scans"]["scans"], found["students"]["total"]) == (None, 0, 0)
    assert found["passes"]["byStatus"] == {"active": 0, "inactive": 0, "expired": 0, "revoked": 0}
    assert (found["perHour"], found["perDay"], found["perPoint"], found["busiestHours"]) == ([], [], [], [])
    assert (await asked(site, "", site.token("super_admin")))["schoolId"] is None


async def test_numbers_by_the_schools_clock(site: Site, pg: Pg) -> None:
    await site.fetch("UPDATE schools SET timezone = 'Europe/Berlin' WHERE code = 'near'")
    gate, gym, theirs = await site.point(), await site.point(name="Gym"), await site.point("far")
    hours = (-2.5, -1.5, 0.5, 1.5, 21.5, 22.5, 23.5)  # 23:30 on the 24th, then 0:30, 2:30, 2:30 again, 22:30 …
    for hour in hours:
        await scan(site, NIGHT + timedelta(hours=hour), gate)
    await scan(site, NIGHT + timedelta(hours=1.6), gym, access_type="exit")
    await scan(site, NIGHT + timedelta(hours=1.7), gym, access_type=None)
    for reason in ("expired_pass", "expired_pass", "shouting", None):
        await scan(site, NIGHT + timedelta(hours=7), gym, status="denied", reason=reason)
    await annul(site, gate, await scan(site, NIGHT + timedelta(hours=8), gate))
    for _ in range(5):
        await scan(site, NIGHT, theirs, "far")
    await count_scans(pg)
    await refresh_summary(pg)

    found = await asked(site, "?dayFrom=2026-10-25&dayUntil=2026-10-25")
    assert (found["timezone"], found["dayFrom"], found["accessPoints"]) == ("Europe/Berlin", "2026-10-25", 2)
    assert found["scans"] == {"scans": 12, "entries": 5, "exits": 1, "undirected": 1, "denied": 4, "annulled": 1}
    by_hour = {one["hour"]: (one["entries"], one["exits"], one["denied"]) for one in found["perHour"]}
    assert by_hour == {
        "2026-10-25T00:00:00+02:00": (1, 0, 0),
        "2026-10-25T02:00:00+02:00": (1, 0, 0),
        "2026-10-25T02:00:00+01:00": (1, 1, 0),
        "2026-10-25T08:00:00+01:00": (0, 0, 4),
        "2026-10-25T22:00:00+01:00": (1, 0, 0),
        "2026-10-25T23:00:00+01:00": (1, 0, 0),
    }
    assert found["perDay"] == [{"day": "2026-10-25", "entries": 5, "exits": 1, "undirected": 1, "denied": 4}]
    assert [(one["name"], one["entries"], one["denied"]) for one in found["perPoint"]] == [
        ("Gym", 0, 4),
        ("Gate", 5, 0),
    ]
    assert found["denials"] == [
        {"reason": "expired_pass", "count": 2},
        {"reason": "not_said", "count": 1},
        {"reason": "other", "count": 1},
    ]
    assert found["busiestHours"][0] == {"weekday": 7, "hour": 2, "entries": 2}
    whole = await asked(site, "?dayFrom=2026-10-01&dayUntil=2026-11-05")
    assert ("perHour" in whole, [one["day"] for one in whole["perDay"]]) == (
        False,
        ["2026-10-24", "2026-10-25", "2026-10-26"],
    )


async def test_all_schools_are_for_super_admins(site: Site, pg: Pg) -> None:
    near, far = await site.point(), await site.point("far")
    now = datetime.now(UTC)
    await scan(site, now, near)
    for _ in range(3):
        await scan(site, now, far, "far")
    await student(site, "S-1")
    await student(site, "S-1", "far")
    await count_scans(pg)
    await refresh_summary(pg)
    super_admin = site.token("super_admin")
    for query, token, entries, students in (
        ("", site.token(), 1, 1),
        ("", site.token(school="far"), 3, 1),
        ("", super_admin, 4, 2),
        (f"?schoolId={site.schools['far']}", super_admin, 3, 1),
        (f"?schoolId={site.schools['near']}", super_admin, 1, 1),
    ):
        found = await asked(site, query, token)
        assert (found["scans"]["entries"], found["students"]["total"]) == (entries, students), query
        assert sum(one["entries"] for one in found["perPoint"]) == entries
        assert found["notSeen"] == {"days": 30, "students": students}
        assert found["asOf"] is not None
    assert (await site.ask("GET", f"{PATH}?schoolId={new_id()}", super_admin)).status == 404
    assert (await site.ask("GET", f"{PATH}?schoolId={site.schools['far']}", site.token())).status == 404


async def test_who_has_not_been_seen(site: Site, pg: Pg) -> None:
    door, now = await site.point(), datetime.now(UTC)
    names = ("seen", "long ago", "annulled", "never")
    ids = {name: await student(site, name) for name in names}
    await student(site, "new", days=1)
    await student(site, "left", status="graduated")
    await student(site, "elsewhere", "far")
    for days, name in enumerate(("annulled", "long ago", "seen"), 60):
        await scan(site, now - timedelta(days=days), door, student_id=ids[name])
    await scan(site, now, door, student_id=ids["seen"])
    await scan(site, now, door, student_id=ids["long ago"], status="denied", reason="expired_pass")
    late = await scan(site, now, door, student_id=ids["annulled"])
    await count_scans(pg)
    assert await listed(site, "?days=30") == ["never", "long ago"]
    await annul(site, door, late)
    await count_scans(pg)
    assert await listed(site, "?days=30&limit=1") == ["never", "long ago", "annulled"]
    assert await listed(site, "?days=90") == ["never"]
    assert await listed(site, "?days=30&sort=-since") == ["annulled", "long ago", "never"]
    assert (await asked(site, "?notSeenDays=30"))["notSeen"] == {"days": 30, "students": 3}
    answer = await site.ask("GET", f"{PATH}/not-seen?days=90&total=true", site.token())
    (one,) = answer.json["data"]
    assert (one["id"], one["lastSeenAt"], answer.json["page"]["total"]) == (str(ids["never"]), None, 1)
    assert site.trail.kept[-1].subject_id == ids["never"]
    assert (await site.ask("GET", f"{PATH}/not-seen", site.token("super_admin"))).status == 400
    answer = await site.ask("GET", f"{PATH}/not-seen/export?days=30", site.token())
    header, *rows = csv.reader(io.StringIO(answer.text.removeprefix("\ufeff")))
    assert [dict(zip(header, row, strict=True))["studentId"] for row in rows] == ["never", "long ago", "annulled"]
    assert dict(zip(header, rows[0], strict=True))["lastSeenAt"] == ""
    told = {"format": "csv", "of": "student", "ids": [str(ids[name]) for name in ("never", "long ago", "annulled")]}
    assert site.trail.kept[-2].new == told


async def listed(site: Site, query: str) -> list[str]:
    """Numbers of all that are on all pages; in the order of the list, those who are alike by name."""
    numbers, cursor = list[str](), ""
    while True:
        answer = await site.ask("GET", f"{PATH}/not-seen{query}{cursor}", site.token())
        assert answer.status == 200, answer.text
        numbers += [one["studentId"] for one in answer.json["data"]]
        if not answer.json["page"]["hasMore"]:
            return numbers
        cursor = f"&cursor={answer.json['page']['nextCursor']}"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("dayFrom=2026-02-01&dayUntil=2026-01-31", "dayFrom"),
        ("dayFrom=2024-01-01&dayUntil=2026-01-31", "dayFrom"),
        ("dayUntil=0001-01-01", "dayUntil"),
        ("dayUntil=9999-12-31", "dayUntil"),
        ("notSeenDays=0", "notSeenDays"),
        ("from=2026-01-01", "from"),
    ],
)
async def test_days_that_are_none(site: Site, query: str, field: str) -> None:
    answer = await site.ask("GET", f"{PATH}?{query}", site.token())
    assert (answer.status, answer.json["details"][0]["field"]) == (400, field)
