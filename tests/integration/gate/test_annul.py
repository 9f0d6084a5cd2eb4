"""POST /api/v1/access-logs/{scanId}/annul: by the reader for a quarter of an hour, by a guard at any time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from hub.accounts.permissions import BUILT_IN
from hub.config import Settings
from tests.integration.gate.desk_people import LOGS, USER, Guardroom, guardroom
from tests.integration.gate.place import Place, recorder_running, refuse_scans, take_scans, until


@pytest.fixture
async def room(place: Place, quick: Callable[..., Settings]) -> AsyncIterator[Guardroom]:
    own = quick()
    async with recorder_running(own), guardroom(own, place) as running:
        yield running


async def annulments(place: Place) -> list[Any]:
    return list(await place.fetch("SELECT * FROM scan_annulments ORDER BY annulled_at"))


async def scanned(room: Guardroom, what: str = "granted") -> str:
    return str((await room.gate.verify(what))["scanId"])


async def old_scan(place: Place, age: timedelta, door: str = "gate", status: str = "granted") -> UUID:
    """A scan that only PostgreSQL has: another host answered it."""
    id_, at = uuid4(), datetime.now(UTC) - age
    await place.execute("INSERT INTO scan_ids VALUES ($1, $2, $3)", place.doors[door], id_, at)
    await place.execute(
        "INSERT INTO access_logs (id, school_id, access_point_id, access_time, received_at, status)"
        " VALUES ($1, $2, $3, $4, $4, $5)",
        *(id_, place.schools["far" if door == "far" else "near"], place.doors[door], at, status),
    )
    return id_


async def test_a_reader_annuls_its_scan_and_again_it_is_the_same(room: Guardroom) -> None:
    gate, id_ = room.gate, await scanned(room)
    path = f"{LOGS}/{id_}/annul"
    expected = {"scanId": id_, "accessPointId": str(gate.place.doors["gate"]), "annulled": True}
    assert await gate.post(path, {"reason": "blocked"}) == (200, expected)
    assert await gate.post(path, {}) == (200, expected)
    rows = await until(lambda: annulments(gate.place), bool)
    assert [(row["annulled_by"], row["reason"], row["school_id"]) for row in rows] == [
        (None, "blocked", gate.place.schools["near"])
    ]
    shown = await until(lambda: room.get(f"{LOGS}?accessPointId={gate.place.doors['gate']}"), lambda p: p["data"])
    assert [(one["id"], one["status"], one["annulReason"]) for one in shown["data"]] == [(id_, "granted", "blocked")]


async def test_a_reader_cannot_annul_what_was_denied_or_is_not_its_own(room: Guardroom) -> None:
    gate, id_ = room.gate, await scanned(room)
    denied = await scanned(room, "revoked_pass")
    assert (await gate.post(f"{LOGS}/{denied}/annul", {}))[0] == 409
    assert (await gate.post(f"{LOGS}/{id_}/annul", {}, "in"))[0] == 404
    assert (await gate.post(f"{LOGS}/{uuid4()}/annul", {}))[0] == 404
    assert (await gate.post(f"{LOGS}/nonsense/annul", {}))[0] == 404
    assert (await gate.post(f"{LOGS}/{id_}/annul", {"why": "x"}))[0] == 400
    assert (await gate.post(f"{LOGS}/{id_}/annul", b""))[0] == 400
    assert await annulments(gate.place) == []


async def test_what_another_host_answered_is_found_in_the_database_for_a_quarter_of_an_hour(room: Guardroom) -> None:
    gate, place = room.gate, room.gate.place
    recent, old = await old_scan(place, timedelta(minutes=14)), await old_scan(place, timedelta(minutes=16))
    refused = await old_scan(place, timedelta(minutes=1), status="denied")
    assert (await gate.post(f"{LOGS}/{recent}/annul", {}))[0] == 200
    status, answer = await gate.post(f"{LOGS}/{old}/annul", {})
    assert (status, "15 minutes" in answer["message"]) == (409, True)
    assert (await gate.post(f"{LOGS}/{refused}/annul", {}))[0] == 409
    assert (await room.ask(f"{LOGS}/{old}/annul", {"reason": "seen on video"}))[0] == 200
    rows = await until(lambda: annulments(place), lambda rows: len(rows) == 2)
    assert {(row["scan_id"], row["annulled_by"]) for row in rows} == {(recent, None), (old, USER)}
    noted = [one for one in room.trail.kept if one.action == "update"]
    assert [(one.resource_type, one.resource_id, one.school_id) for one in noted] == [
        ("access_log", old, place.schools["near"])
    ]


async def test_a_guard_annuls_what_is_not_in_the_database_yet(place: Place, quick: Callable[..., Settings]) -> None:
    own = quick()
    async with recorder_running(own) as recorder, guardroom(own, place) as room:
        recorder.drain.open = False
        id_ = await scanned(room)
        status, done = await room.ask(f"{LOGS}/{id_}/annul", {})
        assert (status, done["accessPointId"]) == (200, str(place.doors["gate"]))
        recorder.drain.open = True
        recorder.drain.wake()
        rows = await until(lambda: annulments(place), bool)
        assert (rows[0]["scan_id"], rows[0]["school_id"]) == (UUID(id_), place.schools["near"])
        assert (await room.get(f"{LOGS}/{id_}"))["annulledBy"] == str(USER)


async def test_it_survives_the_recorder(place: Place, quick: Callable[..., Settings]) -> None:
    own = quick()
    async with recorder_running(own) as recorder, guardroom(own, place) as room:
        recorder.drain.open = False
        id_ = await scanned(room)
        assert (await room.gate.post(f"{LOGS}/{id_}/annul", {}))[0] == 200
    async with recorder_running(own):
        rows = await until(lambda: annulments(place), bool)
        assert rows[0]["scan_id"] == UUID(id_)


async def test_a_full_journal_is_a_503_and_nothing_is_annulled(place: Place, quick: Callable[..., Settings]) -> None:
    own = quick()
    async with recorder_running(own) as recorder, guardroom(own, place) as room:
        id_ = await scanned(room)
        refuse_scans(recorder, "the test says so")
        assert (await room.gate.post(f"{LOGS}/{id_}/annul", {}))[0] == 503
        assert (await room.ask(f"{LOGS}/{id_}/annul", {}))[0] == 503
        take_scans(recorder)
        assert (await room.gate.post(f"{LOGS}/{id_}/annul", {}))[0] == 200


async def test_a_guard_is_held_to_the_school_and_needs_the_permission(room: Guardroom) -> None:
    place = room.gate.place
    theirs = await old_scan(place, timedelta(minutes=1), "far")
    own = await old_scan(place, timedelta(minutes=1))
    assert (await room.ask(f"{LOGS}/{theirs}/annul", {}))[0] == 404
    assert (await room.ask(f"{LOGS}/{own}/annul", {"accessPointId": str(place.doors["in"])}))[0] == 404
    assert (await room.ask(f"{LOGS}/{own}/annul", {}, room.token("near", BUILT_IN["security"])))[0] == 403
    assert (await room.ask(f"{LOGS}/{own}/annul", {}, room.token(None)))[0] == 200


async def test_two_doors_with_a_scan_of_the_same_id_have_to_be_told_apart(room: Guardroom) -> None:
    place, id_ = room.gate.place, uuid4()
    for door in ("gate", "in"):
        made = await old_scan(place, timedelta(minutes=1), door)
        await place.execute("UPDATE access_logs SET id = $2 WHERE id = $1", made, id_)
        await place.execute("UPDATE scan_ids SET scan_id = $2 WHERE scan_id = $1", made, id_)
    assert (await room.ask(f"{LOGS}/{id_}/annul", {}))[0] == 409
    status, done = await room.ask(f"{LOGS}/{id_}/annul", {"accessPointId": str(place.doors["in"])})
    assert (status, done["accessPointId"]) == (200, str(place.doors["in"]))
