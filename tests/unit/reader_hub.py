"""A small hub that speaks the reader protocol, and misbehaves on request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from hub.reader import (
    Backoff,
    Event,
    Reader,
)

KEY = "k" * 43
QUICK = Backoff(first=0.001, longest=0.01, restart=0.001)
POINT = {"id": "p", "name": "North door", "accessType": "both", "isActive": True}
LIMITS = {"maxInFlight": 8, "maxFrameBytes": 4096, "pingSeconds": 20, "silenceSeconds": 45, "replayMaxItems": 3}
Frame = dict[str, Any]


class Connection:
    """The hub's end of one reader's connection."""

    def __init__(self, socket: web.WebSocketResponse, request: web.Request) -> None:
        self.socket = socket
        self.request = request
        self.json = socket.ws_protocol == "passhub.v1.json"

    async def send(self, type_: str, **fields: Any) -> None:
        frame = {"type": type_, **fields}
        if self.json:
            await self.socket.send_str(msgspec.json.encode(frame).decode())
        else:
            await self.socket.send_bytes(msgspec.msgpack.encode(frame))

    async def receive(self) -> Frame:
        """Raises ConnectionError when the reader has gone."""
        message = await self.socket.receive()
        if message.type is WSMsgType.TEXT:
            found: Frame = msgspec.json.decode(message.data)
        elif message.type is WSMsgType.BINARY:
            found = msgspec.msgpack.decode(message.data)
        else:
            raise ConnectionError
        assert len(message.data) <= LIMITS["maxFrameBytes"]
        return found

    async def scans(self) -> list[Frame]:
        frame = await self.receive()
        if frame["type"] == "scan":
            return [frame]
        found: list[Frame] = frame["scans"]
        return found

    async def answer(self, *scans: Frame) -> None:
        if len(scans) == 1:
            await self.send("decision", **answer(scans[0]))
        else:
            await self.send("decisions", decisions=[answer(scan) for scan in scans])

    async def answer_all(self) -> None:
        while True:
            await self.answer(*await self.scans())

    def cut(self) -> None:
        transport = self.request.transport
        assert transport is not None
        transport.abort()


def answer(scan: Frame) -> Frame:
    granted = scan["code"].startswith("good")
    return {
        "scanId": scan["scanId"],
        "decision": "granted" if granted else "denied",
        "valid": granted,
        "reason": None if granted else "expired_pass",
        "student": {"id": "s", "name": "Ada Lovelace", "photoUrl": None},
        "pass": {"id": "p", "passNumber": "P-1", "expiryDate": "2027-06-30"},
        "accessPointId": "p",
        "accessTime": "2026-11-24T08:00:00.123456Z",
        "stale": False,
        "addedLater": {"by": ["a", "newer", "hub"]},
    }


Behaviour = Callable[[Connection], Awaitable[None]]


class Hub:
    """Each connection is played by the next behaviour; the last one also plays those after it."""

    def __init__(self, *behaviours: Behaviour) -> None:
        self.behaviours = list(behaviours)
        self.connections: list[Connection] = []
        self.url = ""

    async def connect(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            return web.Response(status=401)
        socket = web.WebSocketResponse(protocols=("passhub.v1.msgpack", "passhub.v1.json"))
        await socket.prepare(request)
        connection = Connection(socket, request)
        self.connections.append(connection)
        behaviour = self.behaviours[min(len(self.connections), len(self.behaviours)) - 1]
        try:
            await connection.send(
                "welcome", accessPoint=POINT, schoolCode="NORTH", serverTime="2026-11-24T08:00:00Z", limits=LIMITS
            )
            await behaviour(connection)
            await socket.close()
        except ConnectionError:
            connection.cut()
        return socket


@asynccontextmanager
async def serve(handler: Callable[[web.Request], Awaitable[web.StreamResponse]], port: int = 0) -> AsyncIterator[int]:
    app = web.Application()
    app.router.add_get("/api/v1/readers/connect", handler)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port, reuse_address=True)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@asynccontextmanager
async def at_the_door(*behaviours: Behaviour, **options: Any) -> AsyncIterator[tuple[Reader, Hub, list[Event]]]:
    """A hub that behaves so, a reader that is connected to it, and what the reader was told."""
    hub = Hub(*behaviours)
    events: list[Event] = []
    async with serve(hub.connect) as port:
        hub.url = f"http://127.0.0.1:{port}"
        options = {"backoff": QUICK, "on_event": events.append, **options}
        async with Reader(hub.url, KEY, **options) as reader:
            yield reader, hub, events
    assert {task.get_name() for task in asyncio.all_tasks()} & {"reader"} == set()


async def idle(connection: Connection) -> None:
    """Hears everything, says nothing."""
    while True:
        await connection.receive()


def closing(code: int) -> Behaviour:
    async def behave(connection: Connection) -> None:
        await connection.scans()
        await connection.socket.close(code=code)

    return behave
