"""From the commit of a revocation to the first denial on every worker, under load; and a bare listener beside it.

All clocks are the machine's: the commit's time is taken when PostgreSQL has confirmed it, the denial's is the hub's own
`accessTime`. The load itself asks: one scan in four is of the pass that is about to be revoked, on every connection, so
that each worker is asked some thousand times a second. The bare listener is a process of its own on the hub's core.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
import uuid
from datetime import datetime
from functools import partial
from typing import cast

import asyncpg

from loadtests.bench.scans import HTTP_CONNECTIONS, WARM_UP, limit
from loadtests.bench.world import code, device_key

GAP_SECONDS = 0.03
PATIENCE_SECONDS = 10.0
NOTIFY_PORT = 19_105
_LIVE = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Target:
    """The pass of the moment, and when (µs since 1970, by the hub's clock) each worker first denied it."""

    def __init__(self) -> None:
        self.code = ""
        self.denied: dict[str, float] = {}
        self.workers: set[str] = set()
        self.all_denied = asyncio.Event()

    def aim(self, qr_code: str) -> None:
        self.code, self.denied = qr_code, {}
        self.all_denied.clear()

    def note(self, worker: str, at: float) -> None:
        self.denied[worker] = min(at, self.denied.get(worker, at))
        if self.denied.keys() >= self.workers:
            self.all_denied.set()


class Asking(asyncio.Protocol):
    """One kept-alive connection that asks as fast as it is answered; it learns first which worker it has."""

    def __init__(self, number: int, passes: int, target: Target) -> None:
        self._key = device_key(number).encode()
        self._passes = passes
        self._target = target
        self._worker = ""
        self._aimed = ""
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(_LIVE)

    def _ask(self) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        self._aimed = self._target.code if random.random() < 0.25 else ""
        qr_code = self._aimed or code(random.randrange(self._passes // 2))
        body = f'{{"qrCode":"{qr_code}","scanId":"{uuid.uuid4()}","direction":"entry"}}'.encode()
        self._transport.write(
            b"POST /api/v1/passes/verify HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %b\r\n"
            b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (self._key, len(body), body)
        )

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data
        end = buffer.find(b"\r\n\r\n")
        at = buffer.find(b"Content-Length: ") + 16
        if end < 0 or len(buffer) < end + 4 + int(buffer[at : buffer.find(b"\r", at)]):
            self._buffer = buffer
            return
        self._buffer = b""
        if not self._worker:
            self._worker = str(json.loads(buffer[end + 4 :])["process"])
            self._target.workers.add(self._worker)
        elif self._aimed and self._aimed == self._target.code and b'"revoked_pass"' in buffer:
            answer = json.loads(buffer[end + 4 :])
            self._target.note(self._worker, datetime.fromisoformat(answer["accessTime"]).timestamp())
        self._ask()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()


async def measure(url: str, port: int, workers: int, passes: int, trials: int) -> dict[str, list[float]]:
    """Seconds from commit to denial on the last worker, and from commit to the bare listener, per trial, under load."""
    database = await asyncpg.connect(url)
    target = Target()
    loop = asyncio.get_running_loop()
    connections = []
    for number in range(HTTP_CONNECTIONS):
        made = await loop.create_connection(partial(Asking, number, passes, target), "127.0.0.1", port)
        connections.append(made[1])
    delays: list[float] = []
    notifies: list[float] = []
    with limit("notify", NOTIFY_PORT, url):
        reader, writer = await asyncio.open_connection("127.0.0.1", NOTIFY_PORT)
        await asyncio.sleep(WARM_UP)
        if len(target.workers) != workers:
            raise RuntimeError(f"only {len(target.workers)} of {workers} workers were reached")
        for trial in range(trials):
            qr_code = code(passes - 1 - trial)
            target.aim(qr_code)
            await asyncio.sleep(GAP_SECONDS)
            await database.execute("UPDATE passes SET status = 'revoked' WHERE qr_code = $1", qr_code)
            committed = time.time()
            async with asyncio.timeout(PATIENCE_SECONDS):
                await target.all_denied.wait()
            delays.append(max(target.denied.values()) - committed)
            await database.execute("NOTIFY bench")
            notified = time.time()
            notifies.append(float(await reader.readline()) - notified)
        writer.close()
    for connection in connections:
        connection.close()
    await database.execute("UPDATE passes SET status = 'active' WHERE status = 'revoked'")
    await database.close()
    return {"denied": delays, "notify": notifies}
