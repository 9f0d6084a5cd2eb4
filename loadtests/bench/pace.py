"""Scans at a fixed rate, whatever the answers take: a door does not wait for another door's answer.

A scan is due at its time on the clock, and its latency counts from there: a server that stalls is charged for the scans
that had to wait for a connection too (a closed loop would have asked less meanwhile).
"""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections import deque
from functools import partial
from typing import NamedTuple, cast

from loadtests.bench.clients import content_length
from loadtests.bench.world import Crowd

TICK_SECONDS = 0.001
PATIENCE_SECONDS = 20.0


class Scan(NamedTuple):
    """Times are monotonic seconds: when it was due, and when its answer came."""

    id: str
    due: float
    answered: float


class Paced:
    """`connections` kept-alive connections, a door each, that ask `rate` times a second together."""

    def __init__(self, port: int, crowd: Crowd, *, connections: int, rate: float) -> None:
        self._port = port
        self._crowd = crowd
        self._connections = connections
        self._rate = rate
        self._idle: deque[_Door] = deque()
        self._due: deque[float] = deque()
        self._all_idle = asyncio.Event()
        self.answered: list[Scan] = []
        self.errors = 0

    async def run(self, seconds: float) -> list[Scan]:
        """So long; returns when the last is answered."""
        loop = asyncio.get_running_loop()
        doors: list[_Door] = []
        for number in range(self._connections):
            made = await loop.create_connection(partial(_Door, self._crowd.key(number), self), "127.0.0.1", self._port)
            doors.append(made[1])
        self._idle.extend(doors)
        started = time.monotonic()
        count, total = 0, int(seconds * self._rate)
        while count < total:
            now = time.monotonic()
            while count < total and started + count / self._rate <= now:
                self._due.append(started + count / self._rate)
                count += 1
            self._ask()
            await asyncio.sleep(TICK_SECONDS)
        self._all_idle.clear()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(self._idle) < len(doors):
                await self._all_idle.wait()
                self._all_idle.clear()
        for door in doors:
            door.close()
        if self.errors:
            raise RuntimeError(f"{self.errors} answers were not what they should be")
        return self.answered

    def _ask(self) -> None:
        while self._due and self._idle:
            self._idle.popleft().ask(self._due.popleft(), self._crowd.code(random.randrange(self._crowd.passes)))

    def done(self, door: _Door, scan: Scan, *, granted: bool) -> None:
        self.answered.append(scan)
        self.errors += not granted
        self._idle.append(door)
        self._ask()
        if len(self._idle) == self._connections:
            self._all_idle.set()


class _Door(asyncio.Protocol):
    """One connection, one scan at a time."""

    def __init__(self, key: str, pace: Paced) -> None:
        self._key = key.encode()
        self._pace = pace
        self._buffer = b""
        self._id = ""
        self._since = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def ask(self, due: float, qr_code: str) -> None:
        assert self._transport is not None
        self._id, self._since = str(uuid.uuid4()), due
        body = f'{{"qrCode":"{qr_code}","scanId":"{self._id}","direction":"entry"}}'.encode()
        self._transport.write(
            b"POST /api/v1/passes/verify HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %b\r\n"
            b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (self._key, len(body), body)
        )

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data
        end = buffer.find(b"\r\n\r\n")
        if end < 0 or len(buffer) < end + 4 + content_length(buffer):
            self._buffer = buffer
            return
        self._buffer = b""
        scan = Scan(self._id, self._since, time.monotonic())
        self._pace.done(self, scan, granted=buffer[9:12] == b"200" and b'"granted"' in buffer)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()
