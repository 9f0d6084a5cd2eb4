"""Screens that cost as little as possible: they speak WebSocket, Engine.IO and Socket.IO themselves, on raw protocols.

What is sent to all screens is the same bytes, so it is parsed once and looked up by every other screen. `python -m
loadtests.bench.screens PORT TOKEN COUNT` is a process of `COUNT` screens: it prints `ready` when all have joined, and
when its input ends, what they heard.
"""

from __future__ import annotations

import asyncio
import json
import os
import struct
import sys
import time
from datetime import datetime
from functools import partial
from typing import NamedTuple, cast

import uvloop

from loadtests.bench.clients import handshake, masked

AT_ONCE = 50
PATIENCE_SECONDS = 30.0
_PATH = "/socket.io/?EIO=4&transport=websocket"
_TEXT, _CLOSE, _PING = 1, 8, 9


class Batch(NamedTuple):
    """One `events`. `stamp`: `at` of its newest event, in seconds since 1970. `size`: of the packet, in bytes."""

    ids: list[str]
    stamp: float
    cursor: str
    size: int


class Audience:
    """What a run's screens have heard: `arrivals` are (monotonic seconds, batch), in their order on any screen."""

    def __init__(self) -> None:
        self.arrivals: list[tuple[float, Batch]] = []
        self.lost: list[str] = []
        self.resets = 0
        self.changed = asyncio.Event()
        self._known: dict[bytes, Batch | None] = {}
        self._packet = b""
        self._batch: Batch | None = None

    def heard(self, packet: bytes, now: float) -> Batch | None:
        """The batch of a packet; None when it is something else."""
        if packet != self._packet:  # to compare is cheaper than to look up, which has to hash
            self._packet, self._batch = packet, self._look_up(packet)
        batch = self._batch
        if batch is not None:
            self.arrivals.append((now, batch))
            self.changed.set()
        return batch

    def _look_up(self, packet: bytes) -> Batch | None:
        if packet not in self._known:
            if len(self._known) > 64:
                self._known.clear()
            self._known[packet] = self._read(packet)
        return self._known[packet]

    def _read(self, packet: bytes) -> Batch | None:
        name, *values = json.loads(packet[packet.find(b"[") :])
        if name == "reset":
            self.resets += 1
        if name != "events":
            return None
        (body,) = values
        events = body["events"]
        stamp = max((datetime.fromisoformat(event["at"]).timestamp() for event in events), default=0.0)
        return Batch([event["id"] for event in events], stamp, body["cursor"], len(packet))

    def end(self, why: str) -> None:
        """A screen has lost its connection, and was not to."""
        self.lost.append(why)
        self.changed.set()


class Screen(asyncio.Protocol):
    """One guard's screen. `events`: how many it was shown."""

    def __init__(self, audience: Audience, token: str, cursor: str | None = None) -> None:
        auth = {"token": token} | ({} if cursor is None else {"cursor": cursor})
        self._auth = json.dumps(auth).encode()
        self._audience = audience
        self._buffer = b""
        self._upgraded = False
        self._closing = False
        self._transport: asyncio.Transport | None = None
        self.joined: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.gone = asyncio.Event()
        self.events = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(handshake(_PATH, {}))

    def connection_lost(self, exc: Exception | None) -> None:
        self._lose("the connection ended")
        self.gone.set()

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        buffer = self._buffer + data if self._buffer else data
        start = 0
        if not self._upgraded:
            start = buffer.find(b"\r\n\r\n") + 4
            if start < 4:
                self._buffer = buffer
                return
            if not buffer.startswith(b"HTTP/1.1 101"):
                self._lose(buffer[:200].decode(errors="replace"))
                return
            self._upgraded = True
        self._buffer = buffer[self._take(buffer, start, now) :]

    def _take(self, buffer: bytes, start: int, now: float) -> int:
        """Hands on every whole frame; returns where the first incomplete one begins."""
        length = len(buffer)
        while length - start >= 2:
            size, head = buffer[start + 1], 2
            if size >= 126:
                kind, head = (">H", 4) if size == 126 else (">Q", 10)
                if length - start < head:
                    break
                (size,) = struct.unpack_from(kind, buffer, start + 2)
            if length - start < head + size:
                break
            self._frame(buffer[start] & 0x0F, buffer[start + head : start + head + size], now)
            start += head + size
        return start

    def _frame(self, opcode: int, payload: bytes, now: float) -> None:
        if opcode == _TEXT and payload.startswith(b"42/live,"):
            batch = self._audience.heard(payload, now)
            if batch is not None:
                self.events += len(batch.ids)
        elif opcode == _TEXT:
            self._control(payload)
        elif opcode == _PING:
            self._write(masked(0x8A, payload))
        elif opcode == _CLOSE:
            code = struct.unpack(">H", payload[:2])[0] if len(payload) > 1 else "none"
            self._lose(f"closed with {code}: {payload[2:].decode(errors='replace')}")

    def _control(self, packet: bytes) -> None:
        if packet.startswith(b"0"):
            self._write(masked(0x81, b"40/live," + self._auth))
        elif packet.startswith(b"2"):
            self._write(masked(0x81, b"3"))
        elif packet.startswith(b"40/live,"):
            if not self.joined.done():
                self.joined.set_result(None)
        elif packet.startswith((b"41", b"44", b"1")):
            self._lose(packet[:200].decode(errors="replace"))

    def _write(self, frame: bytes) -> None:
        assert self._transport is not None
        self._transport.write(frame)

    def _lose(self, why: str) -> None:
        if self._closing:
            return
        self._closing = True
        self._audience.end(why)
        if not self.joined.done():
            self.joined.set_exception(RuntimeError(why))
        if self._transport is not None:
            self._transport.abort()

    def close(self) -> None:
        self._closing = True
        if self._transport is not None:
            self._transport.abort()


async def connect(port: int, token: str, count: int, audience: Audience, cursor: str | None = None) -> list[Screen]:
    """So many screens, all of them joined."""
    loop = asyncio.get_running_loop()
    screens: list[Screen] = []
    while len(screens) < count:
        some = []
        for _ in range(min(AT_ONCE, count - len(screens))):
            made = await loop.create_connection(partial(Screen, audience, token, cursor), "127.0.0.1", port)
            some.append(made[1])
        screens += some
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await asyncio.gather(*(screen.joined for screen in some))
        except BaseException:
            await close(screens)
            raise
    return screens


async def close(screens: list[Screen]) -> None:
    """Returns when their connections are gone."""
    for screen in screens:
        screen.close()
    for screen in screens:
        await screen.gone.wait()


async def _watch(port: int, token: str, count: int) -> None:
    audience = Audience()
    screens = await connect(port, token, count, audience)
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    shown = [screen.events for screen in screens]
    await close(screens)
    print(json.dumps({"lost": audience.lost, "least": min(shown), "most": max(shown)}))


if __name__ == "__main__":
    os.nice(19)  # those who measure on this core come first
    uvloop.run(_watch(int(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
