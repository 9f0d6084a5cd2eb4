"""Who is let in as a screen, and what becomes of those that are none, or that do not listen."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

from hub.config import Settings
from hub.live import sio
from hub.live.frames import CLOSE_FLOOD, CLOSE_NOT_JOINED, CLOSE_RESTART, CLOSE_SILENT, CLOSE_SLOW
from tests.integration.gate.place import Gate, Place, recorder_running, until, worker_running
from tests.integration.live.screen import PATH, connected, watching
from tests.integration.live.test_events import scans

#: Stands for the token of a guard of the school.
NEAR = "<token>"


def _said(auth: object, token: str) -> object:
    return json.loads(json.dumps(auth).replace(NEAR, token))


@pytest.mark.parametrize(
    ("auth", "code"),
    [
        ({}, "unauthorized"),
        ({"token": "wrong"}, "unauthorized"),
        ({"token": ""}, "unauthorized"),
        ({"token": 7}, "unauthorized"),
        ({"token": "\ud800"}, "unauthorized"),
        ({"token": [NEAR]}, "unauthorized"),
        ([], "unauthorized"),
        (NEAR, "unauthorized"),
        ({"token": "e30.e30.e30"}, "unauthorized"),
        ({"token": NEAR, "cursor": "no cursor"}, "validation"),
        ({"token": NEAR, "cursor": 5}, "validation"),
        ({"token": NEAR, "cursor": "kwHEEAGiD-bDA3aMkWYf78LzG2uB"}, "validation"),
        ({"token": NEAR, "cursor": "A" * 9000}, "validation"),
    ],
)
async def test_who_may_not_see_is_told_why(gate: Gate, auth: object, code: str) -> None:
    token = gate.place.tokens["near"]
    async with connected(gate.http, gate.url, _said(auth, token)) as screen:
        await screen.until(lambda: screen.refusal is not None)
        assert screen.refusal is not None
        assert screen.refusal["data"]["code"] == code
        await scans(gate, 1)
        # It may try again with a better one, and sees what comes from then on.
        await screen.send("40/live," + json.dumps({"token": gate.place.tokens["near"]}))
        await screen.until(lambda: screen.cursor is not None)
        await screen.until_ids(await scans(gate, 1))


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("https://evil.example", 403),
        ("null", 403),
        ("http://[", 403),
        ("http://127.0.0.1", 403),  # another port is another origin
        ("https://console.example", 101),
        ("own", 101),
        (None, 101),
    ],
)
async def test_only_pages_of_ours_may_connect(
    place: Place, quick: Callable[..., Settings], origin: str | None, status: int
) -> None:
    own = quick(allowed_origins="https://other.example, https://console.example/")
    async with recorder_running(own), worker_running(own, place) as gate:
        headers = {} if origin is None else {"Origin": gate.url if origin == "own" else origin}
        if status == 101:
            async with watching(gate.http, gate.url, gate.place.tokens["near"], headers=headers) as screen:
                await screen.until_ids(await scans(gate, 1))
        else:
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await gate.http.ws_connect(gate.url + PATH, headers=headers)
            assert refused.value.status == status


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/socket.io/?EIO=4&transport=polling", 400),
        ("/socket.io/", 400),
        ("/socket.io/?EIO=4&transport=websocket", 400),
        ("/socket.io/?EIO=4&transport=websocket&sid=x", 400),
    ],
)
async def test_there_is_no_other_transport(gate: Gate, path: str, status: int) -> None:
    async with gate.http.get(gate.url + path) as response:
        assert response.status == status


@pytest.mark.parametrize("query", ["EIO=3&transport=websocket", "transport=websocket", "EIO=4&transport=polling"])
async def test_other_versions_are_refused(gate: Gate, query: str) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await gate.http.ws_connect(f"{gate.url}/socket.io/?{query}")
    assert refused.value.status == 400


async def test_a_connection_that_says_nothing_is_closed(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sio, "JOIN_SECONDS", 0.1)
    async with connected(gate.http, gate.url) as screen:
        code, reason = await screen.until_end()
        assert (code, "join /live" in reason) == (CLOSE_NOT_JOINED, True)


@pytest.mark.parametrize("text", ["3", "40/live,", '42/live,["hello"]', "40/other,", "41/live,", "42[]"])
async def test_one_that_talks_too_much_is_closed(gate: Gate, text: str) -> None:
    async with watching(gate.http, gate.url, gate.place.tokens["near"]) as screen:
        for _ in range(200):
            if screen.socket.closed:
                break
            await screen.send(text)
        code, _ = await screen.until_end()
        assert code == CLOSE_FLOOD
    await nobody_is_left(gate)


async def test_one_that_answers_no_ping_is_closed(place: Place, quick: Callable[..., Settings]) -> None:
    own = quick(live_ping=5)  # good has ten seconds, however slow this machine is
    async with recorder_running(own), worker_running(own, place) as gate:
        async with (
            watching(gate.http, gate.url, gate.place.tokens["near"]) as good,
            connected(gate.http, gate.url) as silent,
        ):
            await silent.send("40/live," + json.dumps({"token": gate.place.tokens["near"]}))
            silent.answers_pings = False
            listening = asyncio.create_task(good.until(lambda: len(good.events) == 2))
            code, _ = await silent.until_end()
            assert code == CLOSE_SILENT
            ids = await scans(gate, 2)
            await listening
            assert good.ids == ids
        await nobody_is_left(gate)


BAD = ["x", "", "9", "4", "45-", "451-/live,[]", "2probe", "6", "0{}", "40/live,{", "42/live,{{{", "4" + "[" * 9000]


@pytest.mark.parametrize("sent", [*BAD, b"\x00\xff", b""])
async def test_bad_frames_cost_nobody_anything(gate: Gate, sent: str | bytes) -> None:
    async with watching(gate.http, gate.url, gate.place.tokens["near"]) as good, connected(gate.http, gate.url) as bad:
        if isinstance(sent, bytes):
            await bad.socket.send_bytes(sent)
        else:
            await bad.send(sent)
        await good.until_ids(await scans(gate, 3))
    await nobody_is_left(gate)


async def test_megabytes_are_not_read(gate: Gate) -> None:
    async with (
        watching(gate.http, gate.url, gate.place.tokens["near"]) as good,
        watching(gate.http, gate.url, gate.place.tokens["near"]) as bad,
    ):
        with contextlib.suppress(ConnectionError):
            for _ in range(5):
                await bad.send("42/live," + "x" * 2**20)
        assert (await bad.until_end())[0] in {1006, 1009, None}
        await good.until_ids(await scans(gate, 3))
    await nobody_is_left(gate)


async def nobody_is_left(gate: Gate) -> None:
    """No connection, no screen, nothing of Engine.IO's."""
    door = gate.worker.screens
    rooms = gate.worker.live._rooms
    await until(lambda: not door._guests and not door._server.eio.sockets and not door._server.environ, bool)
    assert sum(len(room.audience) for room in rooms.values()) == 0
    assert door._server.manager.rooms.get("/live", {}) == {}


async def test_one_that_stops_reading_is_cut_off_and_nobody_else_notices(
    place: Place, quick: Callable[..., Settings]
) -> None:
    own = quick(live_buffer_bytes=65_536, rate_device=0)
    async with recorder_running(own), worker_running(own, place) as gate:
        async with watching(gate.http, gate.url, gate.place.tokens["near"]) as good:
            deaf = socket.create_connection(("127.0.0.1", gate.port))
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.setblocking(False)
            deaf.send(_upgrade(gate.port))
            await until(lambda: _received(deaf), lambda raw: b"101" in raw)
            deaf.send(_client_frame(b"40/live," + json.dumps({"token": gate.place.tokens["near"]}).encode()))
            await until(lambda: len(next(iter(gate.worker.live._rooms.values())).audience), lambda count: count == 2)
            ids: list[str] = []
            while str(CLOSE_SLOW) not in gate.worker.screens._closes:
                answers = await asyncio.gather(*(gate.verify("granted") for _ in range(50)))
                ids += [answer["scanId"] for answer in answers]
                assert len(ids) < 50_000
            await good.until(lambda: len(good.events) == len(ids))
            assert sorted(good.ids) == sorted(ids)
            deaf.close()
        await nobody_is_left(gate)


def _upgrade(port: int) -> bytes:
    head = (
        f"GET {PATH} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    return head.encode()


def _client_frame(text: bytes) -> bytes:
    assert 125 < len(text) < 65_536
    return bytes((0x81, 0x80 | 126)) + len(text).to_bytes(2, "big") + b"\0\0\0\0" + text


def _received(sock: socket.socket) -> bytes:
    try:
        return sock.recv(4096)
    except BlockingIOError:
        return b""


async def test_there_is_a_limit_and_it_is_said(place: Place, quick: Callable[..., Settings]) -> None:
    own = quick(live_screens=2)
    async with recorder_running(own), worker_running(own, place) as gate:
        async with (
            watching(gate.http, gate.url, gate.place.tokens["near"]),
            watching(gate.http, gate.url, gate.place.tokens["near"]),
        ):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await gate.http.ws_connect(gate.url + PATH)
            assert refused.value.status == 503
        await nobody_is_left(gate)
        async with watching(gate.http, gate.url, gate.place.tokens["near"]) as screen:
            await screen.until_ids(await scans(gate, 1))


async def test_a_worker_that_goes_sends_its_screens_away(place: Place, quick: Callable[..., Settings]) -> None:
    own = quick()
    async with (
        recorder_running(own),
        worker_running(own, place) as gate,
        watching(gate.http, gate.url, gate.place.tokens["near"]) as screen,
    ):
        gate.worker.line.retire.set()
        code, _ = await screen.until_end()
        assert code == CLOSE_RESTART


async def test_five_hundred_come_back_at_once(place: Place, quick: Callable[..., Settings]) -> None:
    own = quick(live_ring=100)  # what they missed is not in the worker's memory
    async with recorder_running(own), worker_running(own, place) as gate:
        async with watching(gate.http, gate.url, gate.place.tokens["near"]) as screen:
            cursor = screen.cursor
        missed = await scans(gate, 300)

        async def come_back(http: aiohttp.ClientSession) -> list[str]:
            async with watching(http, gate.url, gate.place.tokens["near"], cursor) as back:
                await back.until(lambda: len(back.events) >= len(missed))
                return back.ids

        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
            seen = await asyncio.gather(*(come_back(http) for _ in range(500)))
        assert all(ids == missed for ids in seen)
        await nobody_is_left(gate)


async def test_a_screen_that_leaves_the_namespace_sees_no_more(gate: Gate) -> None:
    async with watching(gate.http, gate.url, gate.place.tokens["near"]) as screen:
        await screen.send("41/live,")
        rooms: Any = gate.worker.live._rooms
        await until(lambda: sum(len(room.audience) for room in rooms.values()), lambda count: count == 0)
        await scans(gate, 1)
        await screen.send("40/live," + json.dumps({"token": gate.place.tokens["near"], "cursor": screen.cursor}))
        await screen.until(lambda: len(screen.events) == 1)
    await nobody_is_left(gate)
