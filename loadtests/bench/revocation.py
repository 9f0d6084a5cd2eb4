"""From the commit of a revocation to the first denial on every worker, under load; and a bare NOTIFY beside it.

Both clocks are the machine's: the commit's time is taken when PostgreSQL has confirmed it, the denial's is the hub's
own `accessTime`. Four probes a worker ask again half a millisecond after each answer, without being recorded.
"""

from __future__ import annotations

import asyncio
import json
import time
from datetime import datetime
from typing import Any

import asyncpg

from loadtests.bench.clients import drive
from loadtests.bench.scans import HTTP_CONNECTIONS, WARM_UP, http_client
from loadtests.bench.world import code, device_key

PROBE_SECONDS = 0.0005
GAP_SECONDS = 0.02
PROBES_A_WORKER = 4


class Probe:
    """A kept-alive connection to one worker."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, key: str) -> None:
        self.reader = reader
        self.writer = writer
        self.key = key

    @classmethod
    async def open(cls, port: int, key: str) -> Probe:
        return cls(*await asyncio.open_connection("127.0.0.1", port), key)

    async def ask(self, qr_code: str) -> dict[str, Any]:
        body = json.dumps({"qrCode": qr_code, "record": False}).encode()
        self.writer.write(
            b"POST /api/v1/passes/verify HTTP/1.1\r\nHost: l\r\n"
            b"Authorization: Bearer %b\r\nContent-Length: %d\r\n\r\n%b" % (self.key.encode(), len(body), body)
        )
        return await self._body()

    async def _body(self) -> dict[str, Any]:
        head = await self.reader.readuntil(b"\r\n\r\n")
        at = head.index(b"Content-Length: ") + 16
        answer: dict[str, Any] = json.loads(await self.reader.readexactly(int(head[at : head.index(b"\r", at)])))
        return answer

    async def worker(self) -> str:
        """Which worker is at the other end."""
        self.writer.write(b"GET /health/live HTTP/1.1\r\nHost: l\r\n\r\n")
        return str((await self._body())["process"])


async def _first_denial(probes: list[Probe], qr_code: str) -> float:
    """When (by the hub's clock) the first of one worker's probes was denied."""

    async def until_denied(probe: Probe) -> float:
        while True:
            answer = await probe.ask(qr_code)
            if answer["reason"] == "revoked_pass":
                return datetime.fromisoformat(answer["accessTime"]).timestamp()
            await asyncio.sleep(PROBE_SECONDS)

    return min(await asyncio.gather(*(until_denied(probe) for probe in probes)))


async def _connect(port: int, workers: int) -> dict[str, list[Probe]]:
    """PROBES_A_WORKER connections to each worker; the kernel chooses, so it may take a few more."""
    found: dict[str, list[Probe]] = {}
    for number in range(200):
        probe = await Probe.open(port, device_key(100 + number % 20))
        place = found.setdefault(await probe.worker(), [])
        if len(place) < PROBES_A_WORKER:
            place.append(probe)
        else:
            probe.writer.close()
        if len(found) == workers and all(len(p) == PROBES_A_WORKER for p in found.values()):
            return found
    raise RuntimeError(f"only {len(found)} of {workers} workers were reached")


async def measure(url: str, port: int, workers: int, passes: int, trials: int) -> dict[str, list[float]]:
    """Seconds from commit to denial on the last worker, and from commit to a bare listener, per trial, under load."""
    database = await asyncpg.connect(url)
    listener = await asyncpg.connect(url)
    heard: asyncio.Queue[float] = asyncio.Queue()
    await listener.add_listener("bench", lambda *_: heard.put_nowait(time.time()))
    by_worker = await _connect(port, workers)
    seconds = trials * 0.2 + 5
    loading = asyncio.create_task(drive(http_client(passes), port, HTTP_CONNECTIONS, seconds, WARM_UP))
    await asyncio.sleep(WARM_UP)
    delays: list[float] = []
    notifies: list[float] = []
    try:
        for trial in range(trials):
            qr_code = code(passes - 1 - trial)
            waiting = [asyncio.create_task(_first_denial(probes, qr_code)) for probes in by_worker.values()]
            await asyncio.sleep(GAP_SECONDS)
            await database.execute("UPDATE passes SET status = 'revoked' WHERE qr_code = $1", qr_code)
            committed = time.time()
            delays.append(max(await asyncio.gather(*waiting)) - committed)
            await database.execute("NOTIFY bench")
            notified = time.time()
            notifies.append(max(0.0, await heard.get() - notified))
    finally:
        loading.cancel()
        await asyncio.gather(loading, return_exceptions=True)
        await database.execute("UPDATE passes SET status = 'active' WHERE status = 'revoked'")
        await database.close()
        await listener.close()
    return {"denied": delays, "notify": notifies}
