"""/access-logs/summary: every scan counted once in each of its parts, over a bounded time, by an index."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from hub.domain.ids import new_id
from hub.resources.access_logs.queries import Q
from tests.integration.rest.site import Site

PATH = "/api/v1/access-logs/summary"
DAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)


async def scan(site: Site, door: UUID, at: timedelta, reason: str | None = None, way: str | None = "entry") -> None:
    school = (await site.fetch("SELECT school_id FROM access_points WHERE id = $1", door))[0]["school_id"]
    await site.fetch(
        "INSERT INTO access_logs (id, school_id, access_point_id, access_time, status, reason, access_type)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        *(new_id(), school, door, DAY + at, "granted" if reason is None else "denied", reason, way),
    )


async def ask(site: Site, start: datetime = DAY, hours: float = 24, more: str = "") -> Any:
    times = [moment.isoformat().replace("+", "%2B") for moment in (start, start + timedelta(hours=hours))]
    answer = await site.ask("GET", f"{PATH}?from={times[0]}&to={times[1]}{more}", site.token("security"))
    return answer.json if answer.status == 200 else answer.status


async def test_it_counts_by_time_by_door_and_by_reason(site: Site) -> None:
    north, south, far = await site.point(name="North"), await site.point(name="South"), await site.point("far")
    for seconds, door, reason, way in (
        *((0, north, None, "entry"), (59, north, None, "exit"), (60, south, None, None)),
        *((61, north, "revoked_pass", "entry"), (62, south, "unknown_pass", None), (63, north, "revoked_pass", None)),
        *((86_400, north, None, "entry"), (-1, north, None, "entry"), (5, far, None, "entry")),
    ):
        await scan(site, door, timedelta(seconds=seconds), reason, way)
    told = await ask(site)
    assert (told["granted"], told["denied"], told["bucket"]) == (3, 3, "minute")
    first, second = told["buckets"]
    assert {**first, "at": None} == {"at": None, "granted": 2, "denied": 0, "entries": 1, "exits": 1}
    assert {**second, "at": None} == {"at": None, "granted": 1, "denied": 3, "entries": 0, "exits": 0}
    assert datetime.fromisoformat(second["at"]) - datetime.fromisoformat(first["at"]) == timedelta(minutes=1)
    assert [(door["name"], door["granted"], door["denied"]) for door in told["accessPoints"]] == [
        *(("North", 2, 2), ("South", 1, 1)),
    ]
    assert told["reasons"] == [{"reason": "revoked_pass", "denied": 2}, {"reason": "unknown_pass", "denied": 1}]
    one = await ask(site, more=f"&bucket=hour&accessPointId={south}")
    assert (one["granted"], one["denied"], len(one["buckets"])) == (1, 1, 1)
    # Buckets begin where one says.
    late = await ask(site, DAY + timedelta(seconds=30), 1)
    assert [bucket["granted"] + bucket["denied"] for bucket in late["buckets"]] == [5]


@pytest.mark.parametrize(
    ("hours", "more", "status"),
    [(26, "", 400), (24 * 32, "&bucket=hour", 400), (0, "", 400), (-1, "", 400), (1, "&bucket=day", 400)],
)
async def test_the_time_is_bounded(site: Site, hours: float, more: str, status: int) -> None:
    assert await ask(site, hours=hours, more=more) == status
    assert (await site.ask("GET", PATH, site.token())).status == 400
    assert (await site.ask("GET", f"{PATH}?from=0.5&to=1", site.token())).status == 400


async def test_it_reads_the_range_of_one_school_by_its_index(site: Site) -> None:
    door = await site.point()
    await site.fetch(
        "INSERT INTO access_logs (id, school_id, access_point_id, access_time, status)"
        " SELECT gen_random_uuid(), $1, $2, now() - make_interval(mins => n), 'granted'"
        " FROM generate_series(1, 20000) n",
        *(site.schools["near"], door),
    )
    await site.fetch("ANALYZE access_logs")
    connection = await asyncpg.connect(site.database, server_settings={"role": "hub_api"})
    try:
        async with connection.transaction():
            await connection.execute("SELECT set_config('hub.school_id', $1, true)", str(site.schools["near"]))
            now = datetime.now(UTC)
            values = (now - timedelta(hours=1), now, None, timedelta(minutes=1))
            rows = await connection.fetch(f"EXPLAIN {Q.summary}", *values)
    finally:
        await connection.close()
    plan = "\n".join(row[0] for row in rows)
    assert "Index" in plan
    assert "Seq Scan on access_logs" not in plan.replace("access_logs_default", "")
