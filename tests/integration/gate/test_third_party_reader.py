"""A reader that somebody else wrote from docs/readers.md, at a real gate: what the page promises is what happens."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest

from hub.config import Settings
from tests.integration.gate.place import (
    Gate,
    Line,
    Place,
    recorder_running,
    refuse_scans,
    take_scans,
    until,
    worker_running,
)
from tests.third_party.offline import Denied, check
from tests.third_party.reader import CardReader

both = pytest.mark.parametrize("binary", [False, True], ids=["json", "msgpack"])
REASONS = (
    "malformed_code",
    "bad_signature",
    "unknown_pass",
    "revoked_pass",
    "expired_pass",
    "inactive_pass",
    "not_yet_valid",
    "student_suspended",
    "student_inactive",
)


@asynccontextmanager
async def reading(gate: Gate, door: str = "gate", **more: Any) -> AsyncIterator[CardReader]:
    async with CardReader(gate.url, gate.place.keys[door], **more) as reader:
        yield await reader.opened()


@asynccontextmanager
async def unacknowledged(gate: Gate) -> AsyncIterator[None]:
    """Meanwhile the gate hears nothing from its recorder, so that no scan is answered."""
    recorder = gate.worker.recorder
    transport, recorder._transport = recorder._transport, None
    try:
        yield
    finally:
        recorder._transport = transport
        assert transport is not None
        recorder.connected_to(transport)


def cut(gate: Gate) -> None:
    """The line of every reader, with no goodbye."""
    for place in list(gate.worker.connections._by_device.values()):
        transport = place.connection._transport  # type: ignore[attr-defined]
        if transport is not None:
            transport.abort()


@both
async def test_it_is_welcome_and_gets_an_answer_to_whatever_it_reads(gate: Gate, binary: bool) -> None:
    codes = gate.place.codes
    async with reading(gate, binary=binary) as reader:
        assert reader.point["name"] == "gate"
        assert reader.welcome["schoolId"] == str(gate.place.schools["near"])
        answer = await reader.scan(codes["granted"], direction="entry", deviceInfo={"battery": 71})
        assert (answer["decision"], answer["student"]["name"]) == ("granted", "Zoë Quillfeather")
        answers = await asyncio.gather(*(reader.scan(codes[reason]) for reason in REASONS))
        assert tuple(answer["reason"] for answer in answers) == REASONS
        assert (await reader.scan(codes["far"]))["reason"] == "wrong_school"
        assert (await reader.scan(codes["granted"], record=False))["valid"] is True
        together = await reader.ask_all([codes["granted"], codes["revoked_pass"], "x"])
        assert [one["reason"] for one in together["decisions"]] == [None, "revoked_pass", "malformed_code"]
        await reader.send({"type": "status", "time": reader.moment(), "firmware": "4.2.0", "queued": 0})
        assert len(await gate.place.rows(14)) == 14
        await gate.place.execute("UPDATE access_points SET access_type = 'exit' WHERE name = 'gate'")
        await reader.hear(0, "config")
        assert reader.point["accessType"] == "exit"
        assert (await reader.scan(codes["granted"], direction="entry"))["reason"] == "wrong_direction"


@both
async def test_what_had_no_answer_when_the_line_was_cut_is_asked_again_and_counts_once(
    gate: Gate, binary: bool
) -> None:
    async with reading(gate, binary=binary) as reader:
        async with unacknowledged(gate):
            asked = [asyncio.create_task(reader.scan(gate.place.codes["granted"])) for _ in range(100)]
            await reader.hear(0, "error")  # the 65th
            cut(gate)
        answers = await asyncio.gather(*asked)
        assert {answer["decision"] for answer in answers} <= {"granted", "denied"}
        rows = await gate.place.rows(100)
        assert {str(id_) for id_ in rows} == {answer["scanId"] for answer in answers}
        assert all(rows[UUID(answer["scanId"])]["status"] == answer["decision"] for answer in answers)
        assert 1006 in reader.closed_with


async def test_a_restart_is_announced_and_the_next_hub_knows_the_scan(
    place: Place, quick: Callable[..., Settings]
) -> None:
    own, line = quick(workers=2), Line()
    async with (
        recorder_running(own),
        worker_running(own, place, 1) as second,
        worker_running(own, place, 0, line) as first,
        reading(first) as reader,
    ):
        before = await reader.scan(place.codes["granted"])
        reader.url = second.url  # what a load balancer does
        line.retire.set()
        await until(lambda: reader.closed_with == [1012] and reader.connected.is_set(), bool)
        again = await reader._ask({"scanId": UUID(before["scanId"]), "code": place.codes["granted"]})
        assert again == before
        status, by_http = await reader.post(
            "/api/v1/passes/verify", {"scanId": before["scanId"], "qrCode": place.codes["visitor"]}
        )
        assert (status, by_http["reason"]) == (200, "scan_id_reused")


@both
async def test_alone_it_decides_by_the_code_and_tells_the_hub_afterwards(
    place: Place, quick: Callable[..., Settings], binary: bool
) -> None:
    own = quick()
    codes = place.codes
    async with (
        recorder_running(own) as recorder,
        worker_running(own, place) as gate,
        reading(gate, binary=binary, alone_may_open=True) as reader,
    ):
        assert await reader.scan_or_alone(codes["revoked_pass"]) == ("denied", "revoked_pass")
        refuse_scans(recorder, "the test says so")  # hub_unavailable from now on
        assert await reader.scan_or_alone(codes["granted"]) == ("granted", None)
        assert await reader.scan_or_alone(codes["revoked_pass"]) == ("denied", "revoked_pass")  # remembered
        assert await reader.scan_or_alone(codes["student_suspended"]) == ("granted", None)  # nobody could know
        assert await reader.scan_or_alone(codes["bad_signature"]) == ("denied", "bad_signature")
        assert await reader.scan_or_alone("https://example.org") == ("denied", "malformed_code")
        assert [result["result"] for result in await reader.tell()] == ["try_again"] * 5
        assert len(reader.flash) == 5
        take_scans(recorder)
        flash = list(reader.flash)
        assert [result["result"] for result in await reader.tell()] == ["recorded"] * 5
        assert reader.flash == []
        assert [result["result"] for result in await reader.tell(flash)] == ["already_recorded"] * 5
        rows = await place.rows(6)
        found = [rows[item["scanId"]] for item in flash]
        assert [row["status"] for row in found] == [item["decision"] for item in flash]
        assert [row["hub_reason"] for row in found][2] == "student_suspended"
        assert [row["conflict"] for row in found] == [False, False, True, False, False]


@both
async def test_what_a_replay_says_of_each_scan(gate: Gate, binary: bool) -> None:
    code = gate.place.codes["granted"]
    async with reading(gate, binary=binary) as reader:
        answer = await reader.scan(code)
        known = {"scanId": answer["scanId"], "code": code, "at": reader.moment(), "decision": "denied"}
        fresh = {**known, "scanId": uuid4(), "decision": "granted"}
        results = await reader.tell([known, fresh, {**fresh, "code": "x"}, {**fresh, "at": "today"}, {"code": "x"}])
        assert [(result["result"], result["final"]) for result in results] == [
            ("conflict", True),
            ("recorded", True),
            ("rejected", True),
            ("rejected", True),
            ("rejected", True),
        ]
        assert results[-1]["scanId"] is None
        status, body = await reader.post(
            "/api/v1/access-logs",
            {"items": [{"scanId": fresh["scanId"], "qrCode": code, "accessTime": known["at"], "decision": "granted"}]},
        )
        assert (status, body["items"][0]["result"]) == (200, "already_recorded")


async def test_the_public_keys_vouch_for_what_the_hub_issued_and_a_stolen_one_goes(gate: Gate) -> None:
    place, now, school = gate.place, int(time.time()), str(gate.place.schools["near"])
    async with reading(gate) as reader:
        claims = check(place.codes["granted"], reader.keys, school, now)
        assert (claims.card, claims.school) == (str(place.passes["granted"]), school)
        await place.execute("UPDATE signing_keys SET compromised_at = now()")
        await until(lambda: gate.worker.directory.public_keys, lambda keys: not keys)
        await reader.fetch_keys()
        assert reader.keys == {}
        with pytest.raises(Denied, match="bad_signature"):
            check(place.codes["granted"], reader.keys, school, now)


@both
async def test_errors_keep_the_connection_and_ten_frames_of_nonsense_end_it(gate: Gate, binary: bool) -> None:
    async with reading(gate, binary=binary) as reader:
        await reader.send({"type": "scan", "scanId": str(uuid4()), "code": "x", "mood": "good"})
        assert (await reader.hear(1, "error"))["code"] == "invalid_scan"
        assert (await reader.scan(gate.place.codes["granted"]))["valid"] is True
        for _ in range(10):
            await reader.send({"type": "hello"})
        assert await reader.ended() == 1008
        assert [frame["code"] for frame in reader.heard[3:]] == ["malformed_frame"] * 10


async def test_each_end_that_is_meant_for_good_is_one(gate: Gate) -> None:
    async with reading(gate) as reader:
        await reader.send(" " * 65_537)
        assert await reader.ended() == 1009
    async with reading(gate) as older, reading(gate) as newer:
        assert await older.ended() == 4002
        assert (await newer.scan("x"))["reason"] == "malformed_code"
        await gate.place.execute("UPDATE device_keys SET revoked_at = now()")
        assert await newer.ended() == 4001
        assert newer.decide_alone(gate.place.codes["granted"]) is not None
    async with CardReader(gate.url, gate.place.keys["gate"]) as refused:
        assert await refused.ended() == 401
