"""/acknowledgements and /hand-over: what is open, and what is not any more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from hub.domain.ids import new_id
from tests.integration.rest.site import Site

PATH, OPEN = "/api/v1/acknowledgements", "/api/v1/hand-over"
NOW = datetime.now(UTC)


async def scan(site: Site, school: str = "near", ago: float = 60, **more: Any) -> UUID:
    """A denial of so many seconds ago, of a student, unless it is said otherwise."""
    door, id_, at = await site.point(school, "North gate"), new_id(), NOW - timedelta(seconds=ago)
    students = await site.fetch(
        "INSERT INTO students (student_id, first_name, last_name, school_id)"
        " VALUES (left(gen_random_uuid()::text, 20), 'Ada', 'Lovelace', $1) RETURNING id",
        site.schools[school],
    )
    row = {"status": "denied", "reason": "revoked_pass", "student_id": students[0]["id"], "recorded_by": None} | more
    await site.fetch("INSERT INTO scan_ids (device_id, scan_id, access_time) VALUES ($1, $2, $3)", door, id_, at)
    await site.fetch(
        "INSERT INTO access_logs (id, school_id, access_point_id, access_time, status, reason, student_id, recorded_by)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        *(id_, site.schools[school], door, at, *row.values()),
    )
    return id_


async def presence(site: Site, heard: float, gone: float | None = None, school: str = "near") -> UUID:
    """A door whose reader was heard so many seconds ago."""
    door = await site.point(school)
    await site.fetch(
        "INSERT INTO reader_presence (access_point_id, school_id, connected_at, heard_at, gone_at)"
        " VALUES ($1, $2, now() - interval '1 day', now() - make_interval(secs => $3),"
        " now() - make_interval(secs => $4))",
        *(door, site.schools[school], heard, gone),
    )
    return door


async def opened(site: Site, query: str = "", school: str = "near") -> list[dict[str, Any]]:
    answer = await site.ask("GET", OPEN + query, site.token("security", school))
    assert answer.status == 200, answer.text
    data: list[dict[str, Any]] = answer.json["data"]
    return data


async def acknowledge(site: Site, **body: Any) -> Any:
    answer = await site.ask("POST", PATH, site.token(), {name: str(value) for name, value in body.items()})
    assert answer.status == 201, answer.text
    return answer.json


async def test_a_denial_is_open_until_somebody_has_acknowledged_it(site: Site) -> None:
    first, second = await scan(site, ago=120), await scan(site, ago=60)
    await scan(site, status="granted", reason=None)
    await scan(site, school="far")
    items = await opened(site)
    assert [(item["id"], item["kind"]) for item in items] == [(str(second), "denial"), (str(first), "denial")]
    assert items[0]["accessPoint"] == "North gate"
    assert (items[0]["reason"], items[0]["student"]["name"]) == ("revoked_pass", "Ada Lovelace")
    assert site.trail.kept[-1].new == {"ids": [item["student"]["id"] for item in items]}

    made = await acknowledge(site, scanId=first, note="sent to the office")
    assert (made["scanId"], made["note"], made["userName"]) == (str(first), "sent to the office", "Ada Lovelace")
    items = await opened(site)
    assert [(item["id"], item["kind"]) for item in items] == [(made["id"], "note"), (str(second), "denial")]
    assert items[0]["note"] == "sent to the office"
    rows = await site.fetch("SELECT action, resource_id FROM audit_logs WHERE resource_type = 'acknowledgement'")
    assert [(row["action"], str(row["resource_id"])) for row in rows] == [("create", made["id"])]
    assert (await site.ask("GET", f"{PATH}/{made['id']}", site.token())).json == made
    listed = (await site.ask("GET", f"{PATH}?scanId={first}", site.token())).json["data"]
    assert listed == [made]


async def test_there_may_be_several(site: Site) -> None:
    id_ = await scan(site)
    made = [await acknowledge(site, scanId=id_), await acknowledge(site, scanId=id_, note="it was a brother's card")]
    assert {item["id"] for item in await opened(site)} == {one["id"] for one in made}


async def test_a_door_is_open_while_its_reader_is_not_there_and_nobody_has_said_so(site: Site) -> None:
    silent, gone, _ = await presence(site, 600), await presence(site, 300, gone=300), await presence(site, 20)
    await presence(site, 600, school="far")
    items = await opened(site, "?kind=door")
    assert [(item["id"], item["reason"]) for item in items] == [(str(gone), "offline"), (str(silent), "silent")]
    await acknowledge(site, accessPointId=gone, note="the electrician is here")
    assert [item["id"] for item in await opened(site, "?kind=door")] == [str(silent)]
    # It came, and went again: that is something new.
    await site.fetch(
        "UPDATE reader_presence SET heard_at = now(), gone_at = now() + interval '1 s' WHERE access_point_id = $1", gone
    )
    assert [item["id"] for item in await opened(site, "?kind=door")] == [str(gone), str(silent)]
    await site.fetch("UPDATE access_points SET is_active = false WHERE id = $1", silent)
    assert [item["id"] for item in await opened(site, "?kind=door")] == [str(gone)]


async def test_entries_by_hand_are_told_with_who_made_them(site: Site) -> None:
    await scan(site, status="granted", reason="forgot the card", recorded_by=site.users["near"])
    await scan(site, status="denied", reason="not a student", recorded_by=site.users["near"])
    items = await opened(site, "?kind=entry")
    assert {(item["decision"], item["reason"], item["userName"]) for item in items} == {
        ("granted", "forgot the card", "Ada Lovelace"),
        ("denied", "not a student", "Ada Lovelace"),
    }
    assert await opened(site, "?kind=denial") == []


async def test_what_was_before_is_not_told_and_pages_have_all_the_rest_once(site: Site) -> None:
    made = [str(await scan(site, ago=60 * minute)) for minute in range(1, 8)]
    await scan(site, ago=13 * 3600)
    found, cursor = [], ""
    while True:
        answer = await site.ask("GET", f"{OPEN}?limit=3{cursor}", site.token())
        found += [item["id"] for item in answer.json["data"]]
        if not answer.json["page"]["hasMore"]:
            break
        cursor = f"&cursor={answer.json['page']['nextCursor']}"
    assert found == made
    since = (NOW - timedelta(minutes=3, seconds=30)).isoformat().replace("+", "%2B")
    assert [item["id"] for item in await opened(site, f"?since={since}")] == made[:3]
    old = (NOW - timedelta(days=8)).isoformat().replace("+", "%2B")
    assert (await site.ask("GET", f"{OPEN}?since={old}", site.token())).status == 400


@pytest.mark.parametrize("body", [{}, {"scanId": str(new_id()), "accessPointId": str(new_id())}])
async def test_it_says_one_thing(site: Site, body: Any) -> None:
    assert (await site.ask("POST", PATH, site.token(), body)).status == 400


async def test_another_schools_scans_and_doors_are_not_there(site: Site) -> None:
    theirs, door = await scan(site, school="far"), await site.point("far")
    for body in ({"scanId": str(theirs)}, {"accessPointId": str(door)}, {"scanId": str(new_id())}):
        assert (await site.ask("POST", PATH, site.token(), body)).status == 404
