"""The reader's client when connections are cut, closed and refused."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest
from aiohttp import WSCloseCode, web
from hypothesis import given
from hypothesis import strategies as st

from hub.reader import (
    Backoff,
    Connected,
    Decision,
    Event,
    Lost,
    ProtocolFault,
    Reader,
    ReaderError,
    RefusedKey,
    Replaced,
)
from tests.unit.reader_hub import (
    KEY,
    QUICK,
    Connection,
    Hub,
    at_the_door,
    closing,
    idle,
    serve,
)


async def test_scans_in_flight_at_a_cut_are_sent_again_in_order_with_the_same_ids() -> None:
    heard: list[list[str]] = [[], []]

    async def cut_after_five(connection: Connection) -> None:
        while len(heard[0]) < 8:
            heard[0] += [scan["scanId"] for scan in await connection.scans()]
        await connection.answer({"scanId": heard[0][2], "code": "good"})
        connection.cut()

    async def carry_on(connection: Connection) -> None:
        while True:
            scans = await connection.scans()
            heard[1] += [scan["scanId"] for scan in scans]
            await connection.answer(*scans)

    async with at_the_door(cut_after_five, carry_on) as (reader, hub, _):
        ids = [uuid4() for _ in range(20)]
        decisions = await asyncio.gather(*(reader.scan("good", scan_id=id_) for id_ in ids))
        assert [decision.scan_id for decision in decisions] == ids
        assert heard[0] == [str(id_) for id_ in ids[:8]]
        # The third was answered just before the cut; whether that answer arrived is up to the network.
        assert [id_ for id_ in heard[1] if id_ != str(ids[2])] == [str(id_) for id_ in ids if id_ != ids[2]]
        assert len(hub.connections) == 2


async def test_ten_cuts_in_a_row_lose_nothing() -> None:
    async def one_then_cut(connection: Connection) -> None:
        scans = await connection.scans()
        await connection.answer(scans[0])
        await asyncio.sleep(0)
        connection.cut()

    async with at_the_door(*[one_then_cut] * 10, Connection.answer_all) as (reader, _, _):
        decisions = await asyncio.gather(*(reader.scan("good") for _ in range(50)))
        assert all(decision.granted for decision in decisions)


@pytest.mark.parametrize("code", [1000, WSCloseCode.SERVICE_RESTART, 1001, WSCloseCode.INTERNAL_ERROR, 4003, 4999])
async def test_after_these_closes_it_connects_again(code: int) -> None:
    async with at_the_door(closing(code), Connection.answer_all) as (reader, hub, events):
        assert (await reader.scan("good")).granted
        assert len(hub.connections) == 2
        assert [type(event) for event in events] == [Connected, Lost, Connected]


@pytest.mark.parametrize(
    ("code", "fault"), [(1008, ProtocolFault), (1009, ProtocolFault), (4001, RefusedKey), (4002, Replaced)]
)
async def test_after_these_it_gives_up(code: int, fault: type[ReaderError]) -> None:
    async with at_the_door(closing(code)) as (reader, hub, _):
        with pytest.raises(fault):
            await reader.scan("good")
        with pytest.raises(fault):
            await reader.scan("good")
        with pytest.raises(fault):
            await reader.replay([])
        with pytest.raises(fault):
            await reader.finished()
        assert not reader.connected
        assert len(hub.connections) == 1


async def test_a_key_that_the_hub_does_not_know() -> None:
    hub = Hub(idle)
    async with serve(hub.connect) as port:
        with pytest.raises(RefusedKey):
            async with Reader(f"ws://127.0.0.1:{port}", "wrong"):
                pass


async def test_a_key_revoked_while_the_reader_was_cut_off() -> None:
    hub = Hub(closing(1012))
    known = True

    async def connect(request: web.Request) -> web.StreamResponse:
        nonlocal known
        if not known:
            return web.Response(status=401)
        known = False
        return await hub.connect(request)

    async with serve(connect) as port, Reader(f"ws://127.0.0.1:{port}", KEY, backoff=QUICK) as reader:
        with pytest.raises(RefusedKey):
            await reader.scan("good")


async def test_a_hub_that_stops_answering_pings_is_left() -> None:
    over = asyncio.Event()

    async def deaf(connection: Connection) -> None:
        transport = connection.request.transport
        assert isinstance(transport, asyncio.Transport)
        transport.pause_reading()
        await over.wait()
        raise ConnectionError

    async with at_the_door(deaf, Connection.answer_all, heartbeat=0.05) as (reader, hub, _):
        assert (await reader.scan("good")).granted
        assert len(hub.connections) == 2
        over.set()


async def test_a_hub_that_comes_later_is_waited_for() -> None:
    hub = Hub(Connection.answer_all)
    lost = asyncio.Event()
    async with serve(hub.connect) as port:
        pass
    events: list[Event] = []

    def told(event: Event) -> None:
        events.append(event)
        if isinstance(event, Lost):
            lost.set()

    async def scan() -> Decision:
        async with Reader(f"ws://127.0.0.1:{port}", KEY, backoff=QUICK, on_event=told) as reader:
            return await reader.scan("good")

    task = asyncio.create_task(scan())
    await lost.wait()
    async with serve(hub.connect, port):
        assert (await task).granted
    assert isinstance(events[0], Lost)
    assert isinstance(events[-1], Connected)


@pytest.mark.parametrize("status", [302, 404, 503])
async def test_an_answer_that_is_no_websocket_is_told_and_tried_again(status: int) -> None:
    hub = Hub(Connection.answer_all)
    answers = [status]
    events: list[Event] = []

    async def connect(request: web.Request) -> web.StreamResponse:
        return web.Response(status=answers.pop()) if answers else await hub.connect(request)

    async with (
        serve(connect) as port,
        Reader(f"ws://127.0.0.1:{port}", KEY, backoff=QUICK, on_event=events.append) as reader,
    ):
        assert (await reader.scan("good")).granted
    assert isinstance(events[0], Lost)
    assert events[0].why == f"the hub answered {status}"


async def test_a_websocket_of_another_kind_is_told() -> None:
    async def connect(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.receive()
        return socket

    events: list[Event] = []
    told = asyncio.Event()

    def tell(event: Event) -> None:
        events.append(event)
        told.set()

    async with serve(connect) as port:
        task = asyncio.create_task(Reader(f"ws://127.0.0.1:{port}", KEY, on_event=tell).__aenter__())
        await told.wait()
        task.cancel()
        await asyncio.wait([task])
    assert isinstance(events[0], Lost)
    assert "does not speak passhub.v1.msgpack" in events[0].why


async def test_opening_can_be_bounded() -> None:
    with pytest.raises(TimeoutError):
        async with Reader("ws://127.0.0.1:1", KEY, backoff=QUICK, connect_timeout=0.05):
            pass


@given(st.integers(0, 10_000))
def test_pauses_are_bounded_and_never_nothing(attempt: int) -> None:
    backoff = Backoff()
    most = min(backoff.longest, backoff.first * 2 ** min(attempt, 30))
    assert most / 2 <= backoff.pause(attempt) <= most
    assert 0 <= backoff.after_restart() <= backoff.restart
