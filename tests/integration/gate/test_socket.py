"""WebSocket /api/v1/readers/connect: what a reader may say and what it hears, in both subprotocols."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from hub.domain.ids import new_id
from tests.integration.gate.place import JSON, MSGPACK, Gate, Reader, until

both = pytest.mark.parametrize("protocol", [JSON, MSGPACK])


def scan(gate: Gate, what: str = "granted", **more: Any) -> dict[str, Any]:
    return {"type": "scan", "scanId": str(new_id()), "code": gate.place.codes.get(what, what)} | more


def item(gate: Gate, what: str = "granted", **more: Any) -> dict[str, Any]:
    return {key: value for key, value in scan(gate, what, **more).items() if key != "type"}


@both
async def test_the_welcome_says_where_the_reader_is_and_what_it_may(gate: Gate, protocol: str) -> None:
    async with gate.reader("in", protocol) as reader:
        assert reader.socket.protocol == protocol
        welcome = reader.welcome
        served = datetime.fromisoformat(welcome.pop("serverTime"))  # a text in msgpack too
        assert abs(datetime.now(UTC) - served) < timedelta(minutes=1)
        assert welcome == {
            "type": "welcome",
            "accessPoint": {
                "id": str(gate.place.doors["in"]),
                "name": "in",
                "accessType": "entry",
                "isActive": True,
            },
            "schoolCode": "near",
            "schoolId": str(gate.place.schools["near"]),
            "limits": {
                "maxInFlight": 64,
                "maxFrameBytes": 65536,
                "pingSeconds": 20.0,
                "silenceSeconds": 45.0,
                "replayMaxItems": 1000,
            },
        }


@both
async def test_a_scan_is_answered_with_verifys_fields(gate: Gate, protocol: str) -> None:
    async with gate.reader("gate", protocol) as reader:
        asked = scan(gate, direction="entry", deviceInfo={"firmware": "3"})
        answer = await reader.ask(asked)
        verified = await gate.verify("granted", scanId=asked["scanId"])
        assert answer == {"type": "decision", **verified}
        for reason in ("malformed_code", "bad_signature", "unknown_pass", "revoked_pass", "expired_pass"):
            denied = await reader.ask(scan(gate, reason))
            assert (denied["decision"], denied["reason"]) == ("denied", reason)
        unrecorded = await reader.ask(scan(gate, record=False))
        assert unrecorded["valid"] is True
        rows = await gate.place.rows(6)
        assert json.loads(rows[UUID(asked["scanId"])]["device_info"]) == {"firmware": "3"}
        assert UUID(unrecorded["scanId"]) not in rows


@both
async def test_scans_are_answered_together_in_their_order(gate: Gate, protocol: str) -> None:
    async with gate.reader("gate", protocol) as reader:
        what = ["granted", "revoked_pass", "malformed_code", "visitor"]
        items = [item(gate, one) for one in what]
        items.append(dict(items[0]))
        answer = await reader.ask({"type": "scans", "scans": items})
        assert answer["type"] == "decisions"
        assert [one["scanId"] for one in answer["decisions"]] == [one["scanId"] for one in items]
        reasons = [one["reason"] for one in answer["decisions"]]
        assert reasons == [None, "revoked_pass", "malformed_code", None, None]
        assert await reader.ask({"type": "scans", "scans": []}) == {"type": "decisions", "decisions": []}
        assert len(await gate.place.rows(4)) == 4


@both
async def test_a_scan_that_is_refused_is_refused_by_its_id_and_costs_no_other(gate: Gate, protocol: str) -> None:
    async with gate.reader("gate", protocol) as reader:
        long, fat, lost = item(gate, "x" * 4097), item(gate, deviceInfo={"a": "x" * 1100}), item(gate, direction="up")
        good, second = item(gate), item(gate, "visitor")
        nameless = {"code": "x"}
        await reader.send({"type": "scans", "scans": [long, good, fat, nameless, lost, second]})
        heard = [await reader.read() for _ in range(5)]
        errors, decisions = [h for h in heard if h["type"] == "error"], heard[-1]
        assert {error["code"] for error in errors} == {"invalid_scan"}
        assert [error.get("scanId") for error in errors] == [long["scanId"], fat["scanId"], lost["scanId"], None]
        assert errors[0]["message"] == "code: Expected `str` of length <= 4096"
        assert "1024" in errors[1]["message"]
        assert [one["scanId"] for one in decisions["decisions"]] == [good["scanId"], second["scanId"]]
        only_info = {"type": "scans", "scans": [fat, good]}
        assert (await reader.ask(only_info))["scanId"] == fat["scanId"]
        assert (await reader.read())["decisions"][0]["valid"] is True
        for bad in (
            scan(gate, "x" * 4097),
            scan(gate, deviceInfo={"a": "\x00"}),
            scan(gate, extra=1),
            scan(gate, record=0),
        ):
            answer = await reader.ask(bad)
            assert (answer["type"], answer["code"], answer["scanId"]) == ("error", "invalid_scan", bad["scanId"])
        assert (await reader.ask(scan(gate)))["valid"] is True
        assert len(await gate.place.rows(3)) == 3


async def test_refused_scans_do_not_end_the_connection(gate: Gate) -> None:
    async with gate.reader() as reader:
        for _ in range(25):
            assert (await reader.ask(scan(gate, "x" * 5000)))["code"] == "invalid_scan"
        assert (await reader.ask(scan(gate)))["valid"] is True


@both
async def test_sixty_four_scans_may_be_in_flight_and_the_next_is_told_to_slow_down(gate: Gate, protocol: str) -> None:
    recorder = gate.worker.recorder
    async with gate.reader("gate", protocol) as reader:
        transport, recorder._transport = recorder._transport, None  # nothing is acknowledged while we ask
        try:
            asked = [scan(gate) for _ in range(65)]
            for one in asked:
                await reader.send(one)
            refused = await reader.read()
            assert (refused["type"], refused["code"], refused["scanId"]) == ("error", "slow_down", asked[64]["scanId"])
            assert "64" in refused["message"]
            late = [item(gate), item(gate)]
            await reader.send({"type": "scans", "scans": late})
            assert [(await reader.read())["scanId"] for _ in late] == [one["scanId"] for one in late]
        finally:
            recorder._transport = transport
            assert transport is not None
            recorder.connected_to(transport)
        answers = [await reader.read() for _ in range(64)]
        assert [answer["scanId"] for answer in answers] == [one["scanId"] for one in asked[:64]]
        assert {answer["decision"] for answer in answers} <= {"granted", "denied"}
        assert (await reader.ask({"type": "scans", "scans": [item(gate) for _ in range(64)]}))["type"] == "decisions"
        too_many = [item(gate) for _ in range(65)]
        await reader.send({"type": "scans", "scans": too_many})
        assert {(await reader.read())["code"] for _ in too_many} == {"slow_down"}


@both
async def test_a_replay_says_of_each_scan_what_became_of_it(gate: Gate, protocol: str) -> None:
    async with gate.reader("gate", protocol) as reader:
        known = scan(gate)
        await reader.ask(known)
        at = datetime(2026, 11, 24, 7, 30, 1, 250_000, tzinfo=UTC)
        stamp: Any = at.isoformat()

        def alone(what: str = "granted", **more: Any) -> dict[str, Any]:
            return item(gate, what) | {"at": stamp, "decision": "granted"} | more

        fresh, conflict = (
            alone(direction="exit", reason="offline list"),
            alone(scanId=known["scanId"], decision="denied"),
        )
        reused, broken = alone("visitor", scanId=known["scanId"]), alone(decision="perhaps")
        items = [fresh, dict(fresh), conflict, reused, broken]
        answer = await reader.ask({"type": "replay", "scans": items, "sentAt": stamp})
        assert answer["type"] == "recorded"
        results = [(one["scanId"], one["result"], one["final"]) for one in answer["items"]]
        assert results == [
            (fresh["scanId"], "recorded", True),
            (fresh["scanId"], "already_recorded", True),
            (known["scanId"], "conflict", True),
            (known["scanId"], "rejected", True),
            (broken["scanId"], "rejected", True),
        ]
        assert await reader.ask({"type": "replay", "scans": []}) == {"type": "recorded", "items": []}
        rows = await gate.place.rows(3)
        row = rows[UUID(fresh["scanId"])]
        assert (row["access_time"], row["offline"], row["access_type"]) == (at, True, "exit")
        assert (row["reader_reason"], row["hub_status"]) == ("offline list", "granted")


async def test_a_replay_of_too_many_is_refused_whole(gate: Gate) -> None:
    async with gate.reader() as reader:
        refused = await reader.ask({"type": "replay", "scans": [0] * 1001})
        assert (refused["type"], refused["code"]) == ("error", "malformed_frame")
        assert "1000" in refused["message"]


async def test_msgpack_may_send_ids_as_bytes_and_times_as_timestamps(gate: Gate) -> None:
    async with gate.reader("gate", MSGPACK) as reader:
        scan_id = new_id()
        answer = await reader.ask(scan(gate, scanId=scan_id.bytes))
        assert UUID(answer["scanId"]) == scan_id
        at = datetime(2026, 11, 24, 7, 30, tzinfo=UTC)
        one = item(gate, scanId=new_id().bytes) | {"at": at, "decision": "denied"}
        answer = await reader.ask({"type": "replay", "scans": [one, {"scanId": one["scanId"]}]})
        assert [result["result"] for result in answer["items"]] == ["recorded", "rejected"]
        assert {UUID(result["scanId"]).bytes for result in answer["items"]} == {one["scanId"]}
        assert (await gate.place.rows(2))[UUID(bytes=one["scanId"])]["access_time"] == at


@both
async def test_a_status_is_taken_and_not_answered(gate: Gate, protocol: str) -> None:
    async with gate.reader("gate", protocol) as reader:
        await reader.send({"type": "status", "time": "2026-11-24T08:00:00+01:00", "firmware": "1.0", "queued": 3})
        await reader.send({"type": "status"})
        assert (await reader.ask(scan(gate)))["type"] == "decision"
        refused = await reader.ask({"type": "status", "queued": -1})
        assert (refused["code"], refused["message"]) == ("malformed_frame", "queued: Expected `int` >= 0")


MALFORMED: list[Any] = [
    {"type": "scan"},
    {"type": "scan", "code": "x"},
    {"type": "open"},
    {"scanId": "x"},
    {"type": "scans"},
    {"type": "scans", "scans": 5},
    {"type": "scans", "scans": [{}, {"code": "a"}, 5]},
    {"type": "replay"},
    {"type": "replay", "scans": {}},
    {"type": "status", "time": "soon"},
    {"type": "status", "more": 1},
    [],
    5,
    None,
]


@both
async def test_a_malformed_frame_gets_an_error_and_the_connection_stays(gate: Gate, protocol: str) -> None:
    async with gate.reader("gate", protocol) as reader:
        for frame in MALFORMED:
            refused = await reader.ask(frame)
            assert (refused["type"], refused["code"]) == ("error", "malformed_frame"), frame
            assert 5 < len(refused["message"]) <= 300
            assert "scanId" not in refused
            assert (await reader.ask(scan(gate, record=False)))["type"] == "decision"


async def test_frames_that_are_no_message_at_all(gate: Gate) -> None:
    async with gate.reader("gate", JSON) as reader:
        for text in ("", "{", "\x00", "hello", "[" * 6000, '{"type":"scan","x":' + '{"a":' * 6000):
            assert (await reader.ask(text))["code"] == "malformed_frame"
        await reader.socket.send_bytes(msgspec.json.encode(scan(gate, record=False)))
        assert (await reader.read())["type"] == "decision"  # binary JSON is JSON
    async with gate.reader("gate", MSGPACK) as reader:
        for raw in (b"", b"\xc1", b"\xdf\xff\xff\xff\xff", b"\x91" * 9, b"\x91" * 60_000):
            assert (await reader.ask(raw))["code"] == "malformed_frame"
        await reader.socket.send_str("text")
        refused = await reader.read()
        assert (refused["code"], MSGPACK in refused["message"]) == ("malformed_frame", True)
        ext = msgspec.msgpack.encode(scan(gate, deviceInfo={"a": msgspec.msgpack.Ext(9, b"x")}))
        assert (await reader.ask(ext))["code"] == "invalid_scan"


async def test_without_a_subprotocol_it_is_json_and_the_first_offered_that_is_known_is_spoken(gate: Gate) -> None:
    async with gate.reader("gate", None) as reader:
        assert (await reader.ask(scan(gate)))["type"] == "decision"
    for offered, spoken in (((JSON, MSGPACK), JSON), (("other", MSGPACK, JSON), MSGPACK)):
        url = gate.url + "/api/v1/readers/connect"
        async with gate.http.ws_connect(url, headers=gate.headers(), protocols=offered) as socket:
            assert socket.protocol == spoken
            reader = Reader(socket, spoken)
            assert (await reader.read())["type"] == "welcome"


async def test_a_change_of_the_access_point_is_told(gate: Gate) -> None:
    async with gate.reader("in") as reader:
        await gate.place.execute("UPDATE access_points SET name = 'Main gate', access_type = 'exit' WHERE name = 'in'")
        told = await reader.read()
        assert told == {
            "type": "config",
            "accessPoint": {
                "id": str(gate.place.doors["in"]),
                "name": "Main gate",
                "accessType": "exit",
                "isActive": True,
            },
        }
        assert (await reader.ask(scan(gate, direction="entry")))["reason"] == "wrong_direction"
        await gate.place.execute("UPDATE access_points SET is_active = false WHERE name = 'Main gate'")
        assert (await reader.read())["accessPoint"]["isActive"] is False
        assert (await reader.ask(scan(gate)))["reason"] == "access_point_inactive"


async def test_a_fragmented_frame_and_a_ping_are_taken(gate: Gate) -> None:
    async with gate.reader() as reader:
        await reader.socket.ping(b"anyone?")
        assert (await reader.ask(scan(gate)))["type"] == "decision"
        assert gate.worker.sockets.messages == 1
        assert len(gate.worker.connections) == 1
    await until(lambda: len(gate.worker.connections), lambda count: count == 0)
