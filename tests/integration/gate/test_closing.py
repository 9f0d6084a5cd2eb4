"""Every way a reader's connection ends, with its code; and two workers behind one recorder."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import asyncpg
import pytest
from aiohttp import WSMsgType

from hub.config import Settings
from hub.domain.ids import new_id
from tests.integration.gate.place import Gate, Line, Place, add_key, recorder_running, until, worker_running


def scan(gate: Gate, **more: Any) -> dict[str, Any]:
    return {"type": "scan", "scanId": str(new_id()), "code": gate.place.codes["granted"]} | more


@pytest.fixture
async def pair(place: Place, quick: Callable[..., Settings]) -> AsyncIterator[tuple[Gate, Gate]]:
    """Two workers on one recorder."""
    own = quick(workers=2)
    async with (
        recorder_running(own),
        worker_running(own, place, 0) as first,
        worker_running(own, place, 1) as second,
    ):
        yield first, second


async def test_ten_malformed_frames_in_a_row_close_with_1008(gate: Gate) -> None:
    async with gate.reader() as reader:
        for _ in range(9):
            assert (await reader.ask("nonsense"))["code"] == "malformed_frame"
        assert (await reader.ask(scan(gate)))["valid"] is True  # begins to count anew
        for _ in range(10):
            assert (await reader.ask("nonsense"))["code"] == "malformed_frame"
        assert await reader.closed() == (1008, "too many malformed frames in a row")
    assert gate.worker.sockets.malformed == 19


async def test_a_frame_over_64_kib_closes_with_1009(gate: Gate) -> None:
    async with gate.reader() as reader:
        await reader.send('{"type":"status","queued":1}'.ljust(65_536))
        assert (await reader.ask(scan(gate)))["valid"] is True
        await reader.send(" " * 65_537)
        code, _ = await reader.closed()
        assert code == 1009
    async with gate.reader() as reader:
        await reader.send(" " * 200_000)
        assert (await reader.closed())[0] == 1009


@pytest.mark.parametrize("fault", [ZeroDivisionError, TypeError])
async def test_a_fault_of_the_hub_itself_ends_that_connection_with_1011_and_no_other(
    gate: Gate, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], fault: type[Exception]
) -> None:
    asked = 0

    def clock() -> float:
        nonlocal asked
        asked += 1
        if asked == 2:
            raise fault("told to")
        return 0.0

    async with gate.reader("in") as reader, gate.reader("out") as other:
        monkeypatch.setattr(gate.worker.sockets.pace, "_clock", clock)
        before, *behind = [scan(gate) for _ in range(3)]
        for one in (before, *behind):
            await reader.send(one)
        assert (await reader.read())["scanId"] == before["scanId"]  # what was under way is answered
        assert await reader.closed() == (1011, "a fault of the hub; connect again")
        assert (await other.ask(scan(gate)))["type"] == "decision"
    told = capfd.readouterr().out
    assert fault.__name__ in told
    assert gate.place.codes["granted"] not in told
    assert len(await gate.place.rows(2)) == 2


async def test_a_worker_that_makes_way_answers_what_is_in_flight_and_closes_with_1012(
    place: Place, quick: Callable[..., Settings]
) -> None:
    own, line = quick(), Line()
    async with recorder_running(own), worker_running(own, place, line=line) as gate, gate.reader() as reader:
        asked = [scan(gate) for _ in range(20)]
        for one in asked:
            await reader.send(one)
        await until(lambda: gate.worker.sockets.messages, lambda count: count == 20)
        line.retire.set()
        answers = [await reader.read() for _ in asked]
        assert [answer["scanId"] for answer in answers] == [one["scanId"] for one in asked]
        assert await reader.closed() == (1012, "the hub restarts; connect again")
        assert len(await place.rows(20)) == 20


async def test_a_revoked_key_closes_with_4001_and_opens_nothing_any_more(gate: Gate) -> None:
    async with gate.reader("in") as reader, gate.reader("out") as other:
        await gate.place.execute(
            "UPDATE device_keys SET revoked_at = now() WHERE access_point_id = $1", gate.place.doors["in"]
        )
        assert await reader.closed() == (
            4001,
            "this device key was revoked or rotated; enrol the reader again",
        )
        assert (await other.ask(scan(gate)))["valid"] is True
        status, refused = await gate.post("/api/v1/passes/verify", {"qrCode": "x"}, "in")
        assert (status, refused["error"]) == (401, "Unauthorized")


async def test_a_rotated_key_closes_with_4001_and_the_new_one_works(gate: Gate) -> None:
    place = gate.place
    async with gate.reader("in") as reader:
        connection = await asyncpg.connect(place.url)
        async with connection.transaction():
            await connection.execute("DELETE FROM device_keys WHERE access_point_id = $1", place.doors["in"])
            place.keys["in"] = await add_key(connection, place.schools["near"], place.doors["in"])
        await connection.close()
        assert (await reader.closed())[0] == 4001
        async with gate.reader("in") as again:
            assert (await again.ask(scan(gate)))["valid"] is True
        await place.execute(
            "UPDATE device_keys SET key_hash = sha256('another') WHERE access_point_id = $1", place.doors["in"]
        )
        await until(lambda: gate.post("/api/v1/passes/verify", {"qrCode": "x"}, "in"), lambda got: got[0] == 401)


async def test_a_deleted_door_closes_with_4001(gate: Gate) -> None:
    async with gate.reader("in") as reader:
        await gate.place.execute("UPDATE access_points SET deleted_at = now() WHERE name = 'in'")
        assert (await reader.closed())[0] == 4001


async def test_a_key_that_runs_out_closes_with_4001_and_is_refused(
    place: Place, quick: Callable[..., Settings]
) -> None:
    own = quick(reader_ping=0.05)
    async with recorder_running(own), worker_running(own, place) as gate, gate.reader("in") as reader:
        await place.execute(
            "UPDATE device_keys SET expires_at = now() + interval '0.3 seconds' WHERE access_point_id = $1",
            place.doors["in"],
        )
        assert await reader.closed() == (4001, "this device key has expired; use the new one")
        status, _ = await gate.post("/api/v1/passes/verify", {"qrCode": "x"}, "in")
        assert status == 401


async def test_a_newer_connection_of_the_device_closes_the_older_with_4002(gate: Gate) -> None:
    async with gate.reader() as older, gate.reader("in") as bystander, gate.reader() as newer:
        assert await older.closed() == (4002, "a newer connection of this device took its place")
        assert (await newer.ask(scan(gate)))["valid"] is True
        assert (await bystander.ask(scan(gate)))["valid"] is True
        assert len(gate.worker.connections) == 2


async def test_on_another_worker_too(pair: tuple[Gate, Gate]) -> None:
    first, second = pair
    async with first.reader() as older:
        await _heard(first)
        async with second.reader() as newer:
            assert (await older.closed())[0] == 4002
            assert (await newer.ask(scan(second)))["valid"] is True
            await _heard(second)
            async with first.reader() as newest:
                assert (await newer.closed())[0] == 4002
                assert (await newest.ask(scan(first)))["valid"] is True


async def test_one_that_connected_while_the_recorder_was_away_yields_later(
    place: Place, quick: Callable[..., Settings]
) -> None:
    own = quick(workers=2)
    async with contextlib.AsyncExitStack() as stack:
        recorder = await stack.enter_async_context(contextlib.AsyncExitStack())
        await recorder.enter_async_context(recorder_running(own))
        first = await stack.enter_async_context(worker_running(own, place, 0))
        second = await stack.enter_async_context(worker_running(own, place, 1))
        await recorder.aclose()
        for gate in (first, second):
            await until(lambda gate=gate: gate.worker.recorder.connected, lambda there: not there)  # type: ignore[misc]
        async with first.reader() as older:
            await recorder.enter_async_context(recorder_running(own))
            for gate in (first, second):
                await until(lambda gate=gate: gate.worker.recorder.healthy, bool)  # type: ignore[misc]
            await _heard(first)
            async with second.reader() as newer:
                assert (await older.closed())[0] == 4002
                assert (await newer.ask(scan(second)))["valid"] is True


async def _heard(gate: Gate) -> None:
    """The worker's one connection knows its place among all."""
    places = gate.worker.connections._by_device
    await until(lambda: [place.heard for place in places.values()], lambda heard: heard == [True])


async def test_a_silent_reader_is_pinged_and_then_closed_with_4003(
    place: Place, quick: Callable[..., Settings]
) -> None:
    own = quick(reader_ping=0.1, reader_silence=0.7)
    async with recorder_running(own), worker_running(own, place) as gate, gate.reader(autoping=False) as silent:
        kinds = []
        while (message := await silent.socket.receive(timeout=120)).type is WSMsgType.PING:
            kinds.append(message.type)
        assert kinds
        assert (message.type, message.data) == (WSMsgType.CLOSE, 4003)
        assert "0.7 s" in str(message.extra)


async def test_a_reader_that_answers_pings_stays(place: Place, quick: Callable[..., Settings]) -> None:
    own = quick(reader_ping=0.1, reader_silence=4)
    async with recorder_running(own), worker_running(own, place) as gate, gate.reader() as lively:
        waiting = asyncio.create_task(lively.socket.receive())  # its library answers them
        done, _ = await asyncio.wait([waiting], timeout=6)
        assert not done
        waiting.cancel()


async def test_two_workers_give_one_answer_to_one_scan(pair: tuple[Gate, Gate]) -> None:
    first, second = pair
    ids = [str(new_id()) for _ in range(50)]
    asked = [gate.verify("granted", scanId=id_) for id_ in ids for gate in (first, second)]
    answers = await asyncio.gather(*asked)
    for left, right in zip(answers[::2], answers[1::2], strict=True):
        assert left == right
    rows = await first.place.rows(50)
    assert {str(id_) for id_ in rows} == set(ids)
    assert sorted(row["stream_seq"] for row in rows.values()) == list(range(1, 51))
    times = {str(id_): row["access_time"].isoformat().replace("+00:00", "Z") for id_, row in rows.items()}
    assert all(answer["accessTime"][:19] == times[answer["scanId"]][:19] for answer in answers)


async def test_the_same_id_with_two_codes_on_two_workers_at_once(pair: tuple[Gate, Gate]) -> None:
    first, second = pair
    ids = [str(new_id()) for _ in range(30)]
    asked = [gate.verify(what, scanId=id_) for id_ in ids for gate, what in ((first, "granted"), (second, "visitor"))]
    answers = await asyncio.gather(*asked)
    for left, right in zip(answers[::2], answers[1::2], strict=True):
        assert sorted([left["reason"] or "", right["reason"] or ""]) == ["", "scan_id_reused"]
    rows = await first.place.rows(60)
    assert sorted(row["reason"] or "" for row in rows.values()) == [""] * 30 + ["scan_id_reused"] * 30
    assert {str(id_) for id_, row in rows.items() if row["reason"] is None} == set(ids)


async def test_a_recorder_that_restarts_knows_what_was_answered(place: Place, quick: Callable[..., Settings]) -> None:
    own = quick()
    scan_id = str(new_id())
    async with contextlib.AsyncExitStack() as stack:
        recorder = await stack.enter_async_context(contextlib.AsyncExitStack())
        await recorder.enter_async_context(recorder_running(own))
        gate = await stack.enter_async_context(worker_running(own, place))
        first = await gate.verify("granted", scanId=scan_id)
        await recorder.aclose()
        away = await gate.verify("granted")
        assert (away["reason"], away["student"], away["pass"]) == ("hub_unavailable", None, None)
        await recorder.enter_async_context(recorder_running(own))
        await until(lambda: gate.worker.recorder.healthy, bool)
        assert await gate.verify("granted", scanId=scan_id) == first
        assert (await gate.verify("visitor", scanId=scan_id))["reason"] == "scan_id_reused"
        rows = await place.rows(3)
        assert rows[next(id_ for id_ in rows if str(id_) == away["scanId"])]["reason"] == "hub_unavailable"
        assert len(rows) == 3
