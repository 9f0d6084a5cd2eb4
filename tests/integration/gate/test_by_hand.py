"""POST /api/v1/access-logs by people: recorded durably by the journal, once, in the log and in the audit."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest

from hub.accounts.permissions import BUILT_IN
from hub.config import Settings
from hub.recorder.admission import entries
from tests.integration.gate.desk_people import LOGS, USER, Guardroom, guardroom
from tests.integration.gate.place import Place, recorder_running, refuse_scans, take_scans, until


@pytest.fixture
async def room(place: Place, quick: Callable[..., Settings]) -> AsyncIterator[Guardroom]:
    own = quick()
    async with recorder_running(own), guardroom(own, place) as running:
        yield running


def entry(room: Guardroom, **more: Any) -> dict[str, Any]:
    place = room.gate.place
    own = {"accessPointId": str(place.doors["gate"]), "decision": "granted", "reason": "forgot the card"}
    if "passId" not in more:
        own["studentId"] = str(place.students["granted"])
    return own | more


async def test_who_is_let_in_by_hand_is_in_the_log_and_in_the_audit(room: Guardroom) -> None:
    place = room.gate.place
    status, made = await room.ask(LOGS, entry(room, accessType="entry"))
    assert status == 201, made
    rows = await place.rows(1)
    row = rows[UUID(made["id"])]
    assert (row["status"], row["reason"], row["access_type"]) == ("granted", "forgot the card", "entry")
    assert (row["student_id"], row["pass_id"]) == (place.students["granted"], place.passes["granted"])
    assert (row["access_point_id"], row["school_id"]) == (place.doors["gate"], place.schools["near"])
    assert (row["recorded_by"], row["hub_status"], row["hub_reason"]) == (USER, "granted", None)
    assert (row["offline"], row["conflict"], row["stale"]) == (False, False, False)
    assert row["recorder_id"] is not None

    got = await room.get(f"{LOGS}/{made['id']}")
    assert got == made | {"createdAt": got["createdAt"], "receivedAt": got["receivedAt"]}
    assert (await room.get(f"{LOGS}?recordedBy={USER}"))["data"] == [got]
    noted = [one for one in room.trail.kept if one.action == "create"]
    assert [(one.resource_type, one.subject_id, one.school_id, one.user_id) for one in noted] == [
        ("access_log", place.students["granted"], place.schools["near"], USER)
    ]


async def test_what_the_hub_would_have_said_stands_beside_it(room: Guardroom) -> None:
    place = room.gate.place
    _, let_in = await room.ask(LOGS, entry(room, studentId=str(place.students["revoked_pass"])))
    _, sent_away = await room.ask(LOGS, entry(room, decision="denied", reason="not the one on the photo"))
    _, visitor = await room.ask(LOGS, entry(room, passId=str(place.passes["visitor"]), reason="late"))
    rows = await place.rows(3)
    told = [
        (rows[UUID(one["id"])]["status"], rows[UUID(one["id"])]["hub_reason"]) for one in (let_in, sent_away, visitor)
    ]
    assert told == [("granted", "revoked_pass"), ("denied", None), ("granted", None)]
    assert rows[UUID(visitor["id"])]["student_id"] is None
    assert {row["conflict"] for row in rows.values()} == {False}


async def test_a_pass_of_so_many_uses_has_one_less(room: Guardroom) -> None:
    place = room.gate.place
    await place.execute(
        "UPDATE passes SET pass_type = 'visitor', visitor_name = 'G', max_uses = 2 WHERE id = $1",
        place.passes["visitor"],
    )

    async def uses() -> int:
        found = await place.fetch("SELECT uses FROM passes WHERE id = $1", place.passes["visitor"])
        return int(found[0]["uses"])

    one = entry(room, passId=str(place.passes["visitor"]), accessType="entry")
    for more in ({}, {"decision": "denied"}, {"accessType": "exit"}):
        assert (await room.ask(LOGS, one | more))[0] == 201
    await place.rows(3)
    assert await until(uses, bool) == 1
    # What a person decides is not stopped by a limit, and counts.
    for _ in range(2):
        assert (await room.ask(LOGS, one))[0] == 201
    assert await until(uses, lambda n: n == 3) == 3


async def test_at_a_door_with_one_way_it_is_that_way(room: Guardroom) -> None:
    """Whoever is let out by hand keeps the use of their pass."""
    place = room.gate.place
    visitor, door = place.passes["visitor"], place.doors["gate"]
    await place.execute(
        "UPDATE passes SET pass_type = 'visitor', visitor_name = 'G', max_uses = 2 WHERE id = $1", visitor
    )
    for way, uses in (("exit", 0), ("entry", 1)):
        await place.execute("UPDATE access_points SET access_type = $2 WHERE id = $1", door, way)
        status, made = await room.ask(LOGS, entry(room, passId=str(visitor)))
        assert (status, made["accessType"]) == (201, way)
        rows = await place.rows(uses + 1)
        assert rows[UUID(made["id"])]["access_type"] == way
        counted = partial(place.fetch, "SELECT uses FROM passes WHERE id = $1", visitor)
        await until(counted, lambda found, uses=uses: found[0]["uses"] == uses)  # type: ignore[misc]


async def test_a_student_without_a_pass_can_be_let_in_too(room: Guardroom) -> None:
    place = room.gate.place
    rows = await place.fetch(
        "INSERT INTO students (student_id, first_name, last_name, school_id) VALUES ('new', 'A', 'B', $1) RETURNING id",
        place.schools["near"],
    )
    status, made = await room.ask(LOGS, entry(room, studentId=str(rows[0]["id"])))
    assert (status, made["passId"], made["hubReason"]) == (201, None, "unknown_pass")
    assert (await place.rows(1))[UUID(made["id"])]["student_id"] == rows[0]["id"]


async def test_the_same_entry_again_is_the_same_and_another_of_its_id_is_refused(room: Guardroom) -> None:
    place, id_ = room.gate.place, str(uuid4())
    at = (datetime.now(UTC) - timedelta(hours=2)).isoformat()
    first = entry(room, scanId=id_, accessTime=at)
    assert [(await room.ask(LOGS, first))[0] for _ in range(2)] == [201, 201]
    status, refused = await room.ask(LOGS, first | {"decision": "denied"})
    assert (status, "another decision" in refused["message"]) == (409, True)
    status, refused = await room.ask(LOGS, first | {"studentId": str(place.students["revoked_pass"])})
    assert (status, "somebody else" in refused["message"]) == (409, True)
    row = (await place.rows(1))[UUID(id_)]
    assert (row["access_time"], row["student_id"]) == (datetime.fromisoformat(at), place.students["granted"])


async def test_it_is_on_disk_while_postgresql_has_it_not(place: Place, quick: Callable[..., Settings]) -> None:
    own = quick()
    async with recorder_running(own) as recorder, guardroom(own, place) as room:
        recorder.drain.open = False
        status, made = await room.ask(LOGS, entry(room))
        assert status == 201
        kept = [one for row in recorder.journal.all_rows() for one, _ in entries(row)]
        assert [UUID(bytes=one.scan_id) for one in kept] == [UUID(made["id"])]
        recorder.drain.open = True
        recorder.drain.wake()
        assert list(await place.rows(1)) == [UUID(made["id"])]


async def test_a_journal_that_does_not_take_it_is_a_503_and_no_entry(
    place: Place, quick: Callable[..., Settings]
) -> None:
    own = quick()
    async with recorder_running(own) as recorder, guardroom(own, place) as room:
        refuse_scans(recorder, "the test says so")
        one = entry(room, scanId=str(uuid4()))
        assert (await room.ask(LOGS, one))[0] == 503
        take_scans(recorder)
        assert (await room.ask(LOGS, one))[0] == 201
        assert len(await place.rows(1)) == 1


async def test_without_a_scan_id_the_key_of_the_request_makes_it_one_entry(
    place: Place, quick: Callable[..., Settings]
) -> None:
    own = quick()
    async with recorder_running(own) as recorder, guardroom(own, place) as room:
        one, key = entry(room), {"Idempotency-Key": "the-first"}
        refuse_scans(recorder, "the test says so")
        assert (await room.ask(LOGS, one, headers=key))[0] == 503
        take_scans(recorder)
        answers = [await room.ask(LOGS, one, headers=key) for _ in range(2)]
        assert answers[0] == answers[1]
        # Kept by the journal, and then the request's own transaction was lost: its answer is not there.
        await place.execute("DELETE FROM idempotency_keys")
        status, again = await room.ask(LOGS, one, headers=key)
        assert (status, again["id"]) == (201, answers[0][1]["id"])
        other = await room.ask(LOGS, one, headers={"Idempotency-Key": "the-second"})
        assert other[1]["id"] != again["id"]
        assert set(await place.rows(2)) == {UUID(again["id"]), UUID(other[1]["id"])}


async def test_what_is_wrong_is_said_at_once(room: Guardroom) -> None:
    place = room.gate.place
    odd = {"decision": "maybe", "reason": "", "studentId": "me", "extra": 1}
    status, refused = await room.ask(LOGS, odd)
    assert status == 400
    fields = {detail["field"] for detail in refused["details"]}
    assert fields == {"accessPointId", "decision", "reason", "studentId", "extra"}
    future = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    both = entry(room, studentId=str(place.students["granted"]), passId=str(place.passes["granted"]), accessTime=future)
    status, refused = await room.ask(LOGS, both)
    assert (status, [detail["field"] for detail in refused["details"]]) == (400, ["studentId", "accessTime"])


async def test_nobody_is_let_in_at_another_school_or_from_one(room: Guardroom) -> None:
    place = room.gate.place
    for more in (
        {"accessPointId": str(place.doors["far"])},
        {"studentId": str(place.students["far"])},
        {"passId": str(place.passes["far"])},
        {"accessPointId": str(uuid4())},
    ):
        assert (await room.ask(LOGS, entry(room, **more)))[0] == 404
    across = entry(room, accessPointId=str(place.doors["far"]))
    assert (await room.ask(LOGS, across, room.token(None)))[0] == 404
    assert (await room.ask(LOGS, entry(room), room.token("near", BUILT_IN["security"])))[0] == 403
    await place.execute("UPDATE students SET deleted_at = now()")
    assert (await room.ask(LOGS, entry(room)))[0] == 404


async def test_readers_replay_at_the_same_address_and_people_are_not_taken_for_them(room: Guardroom) -> None:
    gate = room.gate
    attempt = {
        "scanId": str(uuid4()),
        "qrCode": gate.place.codes["granted"],
        "accessTime": datetime.now(UTC).isoformat(),
        "decision": "granted",
    }
    assert (await gate.post(LOGS, attempt))[1]["result"] == "recorded"
    assert (await gate.post(LOGS, entry(room)))[0] == 400
    assert (await room.ask(LOGS, attempt))[0] == 400
    async with gate.http.post(gate.url + LOGS, json=attempt) as nobody:
        assert nobody.status == 401
    async with gate.http.post(gate.url + LOGS, json=attempt, headers={"Authorization": "Bearer unknown"}) as unknown:
        assert (unknown.status, "device key" in (await unknown.json())["message"]) == (401, True)
    rows = await gate.place.rows(1)
    assert [(row["offline"], row["recorded_by"]) for row in rows.values()] == [(True, None)]
    await until(lambda: gate.place.fetch("SELECT 1 FROM access_logs"), lambda found: len(found) == 1)
