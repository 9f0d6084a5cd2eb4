"""A WebSocket whose messages are taken where they arrive: each once, in order, and none that nobody takes is lost."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import WSMsgType, web

from hub.gate.straight import StraightWebSocket

HANDSHAKE = (
    b"GET /socket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
TEXT, BINARY, CLOSE, PING = 1, 2, 8, 9


def frame(body: bytes, opcode: int = TEXT, *, last: bool = True) -> bytes:
    """As a client sends it, with a mask of zeros."""
    return struct.pack(">BB4x", opcode | (0x80 if last else 0), 0x80 | len(body)) + body


class Hub:
    """`taken`: what was taken, and `read`: what `receive()` gave, in order; both in `heard`."""

    def __init__(self) -> None:
        self.taken: list[str | bytes] = []
        self.read: list[WSMsgType] = []
        self.heard: list[str | bytes | WSMsgType] = []
        self.takes = True
        self.failure: Exception | None = None
        self.reads = asyncio.Event()
        self.over = asyncio.Event()

    def take(self, data: str | bytes) -> None:
        if data == "fail":
            raise ValueError("as it was asked to")
        self.taken.append(data)
        self.heard.append(data)

    def fail(self, error: Exception) -> None:
        self.failure, self.takes = error, False

    async def handler(self, request: web.Request) -> web.StreamResponse:
        socket = StraightWebSocket(autoping=False, compress=False)
        await socket.prepare(request)
        try:
            while True:
                if self.takes:
                    socket.begin(self.take, self.fail)
                self.reads.set()
                message = await socket.receive()
                self.read.append(message.type)
                self.heard.append(message.type)
                if message.type is WSMsgType.TEXT:
                    self.take(message.data)
                elif message.type is WSMsgType.PING:
                    await socket.pong(message.data)
                else:
                    return socket
        finally:
            self.over.set()


@asynccontextmanager
async def connected(hub: Hub, *with_handshake: bytes) -> AsyncIterator[asyncio.StreamWriter]:
    app = web.Application()
    app.router.add_get("/socket", hub.handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    _, writer = await asyncio.open_connection("127.0.0.1", runner.addresses[0][1])
    writer.write(HANDSHAKE + b"".join(with_handshake))
    await asyncio.wait_for(hub.reads.wait(), 60)
    try:
        yield writer
    finally:
        writer.close()
        await runner.cleanup()


async def ended(hub: Hub, writer: asyncio.StreamWriter) -> None:
    writer.write(frame(struct.pack(">H", 1000), CLOSE))
    await asyncio.wait_for(hub.over.wait(), 60)


async def test_what_comes_with_the_handshake_and_in_pieces_is_taken_once_in_order() -> None:
    hub, split = Hub(), frame(b"four")
    async with connected(hub, *map(frame, (b"one", b"two", b"three")), split[:3]) as writer:
        writer.write(split[3:] + frame(b"five", BINARY) + frame(b"si", last=False) + frame(b"x", 0))
        await ended(hub, writer)
    assert hub.taken == ["one", "two", "three", "four", b"five", "six"]
    assert hub.read[-1] is WSMsgType.CLOSE
    assert hub.failure is None


async def test_what_is_about_the_connection_is_read() -> None:
    hub = Hub()
    async with connected(hub) as writer:
        writer.write(frame(b"one") + frame(b"?", PING) + frame(b"two"))
        await ended(hub, writer)
    assert hub.taken == ["one", "two"]
    assert hub.read == [WSMsgType.PING, WSMsgType.CLOSE]


async def test_what_nobody_takes_waits_to_be_read() -> None:
    hub = Hub()
    hub.takes = False
    async with connected(hub) as writer:
        writer.write(frame(b"one") + frame(b"two"))
        await ended(hub, writer)
    assert hub.heard == [WSMsgType.TEXT, "one", WSMsgType.TEXT, "two", WSMsgType.CLOSE]


async def test_after_a_fault_of_ours_what_comes_waits() -> None:
    hub = Hub()
    async with connected(hub) as writer:
        writer.write(frame(b"one") + frame(b"fail") + frame(b"two"))
        await ended(hub, writer)
    assert hub.heard == ["one", WSMsgType.TEXT, "two", WSMsgType.CLOSE]
    assert isinstance(hub.failure, ValueError)
