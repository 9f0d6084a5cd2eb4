"""The reader's client: scans, replays and what else goes over a connection that holds."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Literal
from uuid import uuid4

import pytest

from hub.reader import (
    Configured,
    Decision,
    Event,
    NotAnswered,
    Reader,
    ReaderClosed,
    Refusal,
    Replayed,
    ScanRefused,
)
from tests.unit.reader_hub import (
    KEY,
    POINT,
    Connection,
    Frame,
    at_the_door,
    idle,
)


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
async def test_a_scan_is_answered(encoding: Literal["json", "msgpack"]) -> None:
    async with at_the_door(Connection.answer_all, encoding=encoding) as (reader, hub, _):
        decision = await reader.scan("good")
        assert decision.granted
        assert decision.valid
        assert decision.reason is None
        assert decision.student is not None
        assert decision.student.name == "Ada Lovelace"
        assert decision.card is not None
        assert decision.card.pass_number == "P-1"
        assert decision.access_time == datetime(2026, 11, 24, 8, 0, 0, 123456, UTC)
        assert (await reader.scan("bad")).reason == "expired_pass"
        assert hub.connections[0].socket.ws_protocol == f"passhub.v1.{encoding}"
        assert reader.access_point is not None
        assert reader.access_point.name == "North door"
        assert reader.connected


async def test_a_frame_has_the_names_of_the_protocol_and_nothing_that_was_not_asked() -> None:
    heard: asyncio.Queue[Frame] = asyncio.Queue()

    async def keep(connection: Connection) -> None:
        while True:
            frame = await connection.receive()
            heard.put_nowait(frame)
            await connection.answer(frame)

    async with at_the_door(keep, encoding="json") as (reader, _, _):
        first, second = uuid4(), uuid4()
        await reader.scan("good", scan_id=first)
        assert await heard.get() == {"type": "scan", "scanId": str(first), "code": "good"}
        await reader.scan("good", scan_id=second, direction="exit", record=False, device_info={"battery": 80})
        assert await heard.get() == {
            "type": "scan",
            "scanId": str(second),
            "code": "good",
            "direction": "exit",
            "record": False,
            "deviceInfo": {"battery": 80},
        }


async def test_scans_are_pipelined_up_to_the_hubs_limit() -> None:
    most = 0

    async def in_full_batches(connection: Connection) -> None:
        nonlocal most
        waiting: list[Frame] = []
        answered = 0
        while answered < 100:
            waiting += await connection.scans()
            most = max(most, len(waiting))
            if len(waiting) == min(8, 100 - answered):
                await connection.answer(*reversed(waiting))
                answered += len(waiting)
                waiting = []
        await idle(connection)

    async with at_the_door(in_full_batches) as (reader, _, _):
        ids = [uuid4() for _ in range(100)]
        decisions = await asyncio.gather(*(reader.scan("good", scan_id=id_) for id_ in ids))
        assert [decision.scan_id for decision in decisions] == ids
        assert most == 8


async def test_a_batch_is_never_larger_than_a_frame_may_be() -> None:
    # The server of these tests fails on a frame that is too large.
    async with at_the_door(Connection.answer_all, encoding="json") as (reader, _, events):
        await asyncio.gather(*(reader.scan("good" + "x" * 1500) for _ in range(40)))
        assert len(events) == 1


async def test_what_the_hub_would_not_read_is_not_sent() -> None:
    async with at_the_door(Connection.answer_all) as (reader, _, _):
        with pytest.raises(ValueError, match="4096"):
            await reader.scan("x" * 4097)
        with pytest.raises(ValueError, match="1024"):
            await reader.scan("good", device_info={"a": "x" * 1100})
        assert (await reader.scan("good")).granted


async def test_a_second_answer_and_an_unknown_one_change_nothing() -> None:
    async def twice(connection: Connection) -> None:
        while True:
            [scan] = await connection.scans()
            await connection.answer({**scan, "scanId": str(uuid4())})
            await connection.answer(scan)
            await connection.answer({**scan, "code": "bad"})

    async with at_the_door(twice) as (reader, _, _):
        assert (await reader.scan("good")).granted
        assert (await reader.scan("good")).granted


async def test_frames_that_are_not_understood_are_passed_over() -> None:
    async def babble(connection: Connection) -> None:
        scans = await connection.scans()
        await connection.send("weather", forecast="rain")
        await connection.send("decision", scanId=5)
        await connection.socket.send_bytes(b"\xc1")
        await connection.answer(*scans)
        await connection.answer_all()

    async with at_the_door(babble) as (reader, hub, _):
        assert (await reader.scan("good")).granted
        assert len(hub.connections) == 1


async def test_slow_down_is_obeyed_and_the_scan_asked_again() -> None:
    asked: list[str] = []

    async def busy(connection: Connection) -> None:
        [scan] = await connection.scans()
        asked.append(scan["scanId"])
        await connection.send("error", code="slow_down", message="busy", scanId=scan["scanId"])
        [scan] = await connection.scans()
        asked.append(scan["scanId"])
        await connection.answer(scan)
        await idle(connection)

    async with at_the_door(busy) as (reader, _, _):
        assert (await reader.scan("good")).granted
        assert asked[0] == asked[1]


async def test_an_error_for_one_scan_is_that_scans() -> None:
    async def refuse_bad(connection: Connection) -> None:
        while True:
            for scan in await connection.scans():
                if scan["code"] == "good":
                    await connection.answer(scan)
                else:
                    await connection.send("error", code="odd", message="no", scanId=scan["scanId"])

    async with at_the_door(refuse_bad) as (reader, _, _):
        good, bad = await asyncio.gather(reader.scan("good"), reader.scan("bad"), return_exceptions=True)
        assert isinstance(good, Decision)
        assert isinstance(bad, ScanRefused)
        assert (bad.reason, str(bad)) == ("odd", "no (odd)")


async def test_a_cancelled_scan_leaves_the_others_alone() -> None:
    hears = asyncio.Event()

    async def late(connection: Connection) -> None:
        scans = await connection.scans()
        hears.set()
        scans += await connection.scans()
        await connection.answer(*scans)
        await idle(connection)

    async with at_the_door(late) as (reader, _, _):
        first = asyncio.create_task(reader.scan("good"))
        await hears.wait()
        first.cancel()
        assert (await reader.scan("good")).granted
        assert first.cancelled()


# -- replays and the rest ------------------------------------------------------------------------------------------


def decided(code: str = "good") -> Replayed:
    return Replayed(uuid4(), code, datetime(2026, 11, 24, 8, 0, tzinfo=UTC), "granted", direction="entry")


async def record(connection: Connection) -> None:
    while True:
        frame = await connection.receive()
        assert frame["type"] == "replay"
        items = [{"scanId": scan["scanId"], "result": "recorded", "final": True} for scan in frame["scans"]]
        await connection.send("recorded", items=items)


async def test_an_unanswered_scan_can_be_replayed() -> None:
    async def silent_about_scans(connection: Connection) -> None:
        while True:
            frame = await connection.receive()
            if frame["type"] == "replay":
                scan = frame["scans"][0]
                assert datetime.fromisoformat(scan["at"]).tzinfo is not None
                assert datetime.fromisoformat(frame["sentAt"]).tzinfo is not None
                await connection.send(
                    "recorded", items=[{"scanId": scan["scanId"], "result": "try_again", "final": False}]
                )

    async with at_the_door(silent_about_scans) as (reader, _, _):
        with pytest.raises(NotAnswered) as caught:
            await reader.scan("good", timeout=0.02)
        [item] = await reader.replay(
            [Replayed(caught.value.scan_id, "good", datetime.now(UTC), "granted", reason="decided here")]
        )
        assert item.scan_id == caught.value.scan_id
        assert (item.result, item.final) == ("try_again", False)


async def test_replays_go_in_portions_that_the_hub_takes() -> None:
    async with at_the_door(record) as (reader, _, _):
        scans = [decided("good" + "x" * length) for length in (0, 0, 0, 0, 3000, 3000, 0)]
        items = await reader.replay(scans)
        assert [item.scan_id for item in items] == [scan.scan_id for scan in scans]
        assert await reader.replay([]) == []


async def test_a_replay_may_be_answered_bit_by_bit() -> None:
    async def bits(connection: Connection) -> None:
        frame = await connection.receive()
        for scan in frame["scans"]:
            await connection.send("recorded", items=[{"scanId": scan["scanId"], "result": "recorded", "final": True}])
        await idle(connection)

    async with at_the_door(bits) as (reader, _, _):
        assert len(await reader.replay([decided(), decided()])) == 2


async def test_a_replay_that_was_cut_is_sent_again() -> None:
    async def half_then_cut(connection: Connection) -> None:
        frame = await connection.receive()
        await connection.send(
            "recorded", items=[{"scanId": frame["scans"][0]["scanId"], "result": "recorded", "final": True}]
        )
        connection.cut()

    async with at_the_door(half_then_cut, record) as (reader, _, _):
        assert len(await reader.replay([decided(), decided()])) == 2


async def test_a_replay_that_the_hub_cannot_read_fails_alone() -> None:
    async def refuse_replays(connection: Connection) -> None:
        while True:
            frame = await connection.receive()
            if frame["type"] == "replay":
                await connection.send("error", code="malformed_frame", message="what?")
            else:
                await connection.answer(frame)

    async with at_the_door(refuse_replays) as (reader, _, events):
        with pytest.raises(ScanRefused):
            await reader.replay([decided()])
        assert (await reader.scan("good")).granted
        assert events[1:] == [Refusal("malformed_frame", "what?")]


async def test_a_replay_needs_a_time_zone() -> None:
    async with at_the_door(record) as (reader, _, _):
        with pytest.raises(ValueError, match="time zone"):
            await reader.replay([Replayed(uuid4(), "good", datetime(2026, 11, 24), "granted")])  # noqa: DTZ001


async def test_status_says_what_waits() -> None:
    heard: asyncio.Queue[Frame] = asyncio.Queue()

    async def keep(connection: Connection) -> None:
        while True:
            heard.put_nowait(await connection.receive())

    async with at_the_door(keep) as (reader, _, _):
        reader.status(firmware="1.2", queued=7)
        frame = await heard.get()
        assert datetime.fromisoformat(frame.pop("time")).tzinfo is not None
        assert frame == {"type": "status", "firmware": "1.2", "queued": 7}


async def test_a_changed_access_point_is_told() -> None:
    async def change(connection: Connection) -> None:
        await connection.scans()
        await connection.send("config", accessPoint={**POINT, "isActive": False})
        await idle(connection)

    told = asyncio.Event()
    events: list[Event] = []

    def tell(event: Event) -> None:
        events.append(event)
        if isinstance(event, Configured):
            told.set()

    async with at_the_door(change, on_event=tell) as (reader, _, _):
        with pytest.raises(NotAnswered):
            await reader.scan("good", timeout=0.01)
        await told.wait()
        assert reader.access_point is not None
        assert not reader.access_point.is_active


async def test_closing_ends_every_wait() -> None:
    hears = asyncio.Event()

    async def hear(connection: Connection) -> None:
        await connection.receive()
        hears.set()
        await idle(connection)

    async with at_the_door(hear) as (reader, _, _):
        waiting = [asyncio.create_task(reader.scan("good")) for _ in range(10)]
        replay = asyncio.create_task(reader.replay([decided()]))
        await hears.wait()
        await reader.close()
        await reader.close()
        for task in (*waiting, replay):
            with pytest.raises(ReaderClosed):
                await task
        with pytest.raises(ReaderClosed):
            await reader.scan("good")


async def test_a_reader_that_was_not_opened() -> None:
    reader = Reader("localhost:1", KEY)
    with pytest.raises(ReaderClosed):
        await reader.scan("good")
    with pytest.raises(ReaderClosed):
        await reader.finished()


async def test_a_failing_listener_ends_the_reader_openly() -> None:
    def fail(event: Event) -> None:
        raise LookupError(event)

    async with at_the_door(idle, on_event=fail) as (reader, _, _):
        with pytest.raises(ReaderClosed, match="LookupError"):
            await reader.scan("good")


@pytest.mark.parametrize("key", ["", "two words", "näh", "line\nfeed"])
async def test_a_key_that_no_header_can_carry(key: str) -> None:
    with pytest.raises(ValueError, match="device key"):
        Reader("localhost", key)
