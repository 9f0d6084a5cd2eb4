"""Ten thousand random and mutated frames and bodies: no crash, no 5xx, nothing that stays in memory or runs on."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest
from aiohttp import WSMsgType
from structlog.testing import capture_logs

from hub.config import Settings
from tests.integration.gate.place import JSON, MSGPACK, Gate, Place, furnish, recorder_running, until, worker_running
from tests.integration.mutations import Mutator

FRAMES, BODIES, RAW = 2_500, 3_500, 1_500
ALLOWED_GROWTH = 8 * 2**20


def resident() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def frames(gate: Gate, mutator: Mutator, protocol: str, door: str, count: int) -> Counter[str]:
    """Send frames as one reader, which connects again whenever it is closed; what came back, by what it was."""
    heard: Counter[str] = Counter()
    sent = 0
    while sent < count:
        async with gate.reader(door, protocol) as reader:
            reading = asyncio.create_task(_hear(reader.socket, heard))
            while sent < count and not reader.socket.closed:
                raw = mutator.bytes_of(mutator.frame(), binary=protocol == MSGPACK)
                await _send(reader.socket, raw, protocol, mutator)
                sent += 1
                await asyncio.sleep(0)
                if sent % 50 == 0:
                    await until(lambda: gate.worker.recorder.in_flight, lambda waiting: waiting == 0)
            if not reader.socket.closed:
                await reader.socket.close()
            await reading
    return heard


async def _send(socket: aiohttp.ClientWebSocketResponse, raw: bytes, protocol: str, mutator: Mutator) -> None:
    try:
        if (protocol == MSGPACK) != (mutator.random.random() < 0.01):
            await socket.send_bytes(raw)
        else:
            await socket.send_frame(raw, WSMsgType.TEXT)  # whether it is UTF-8 or not
    except ConnectionError:
        pass


async def _hear(socket: aiohttp.ClientWebSocketResponse, heard: Counter[str]) -> None:
    while True:
        message = await socket.receive()
        if message.type in {WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR}:
            heard[f"closed {socket.close_code}"] += 1
            return
        heard["answers"] += 1


async def bodies(gate: Gate, mutator: Mutator, count: int) -> Counter[str]:
    heard: Counter[str] = Counter()
    for _ in range(count):
        path, body = mutator.body()
        raw = mutator.bytes_of(body, binary=False)
        async with gate.http.post(gate.url + path, data=raw, headers=gate.headers()) as response:
            heard[str(response.status)] += 1
            assert response.content_type == "application/json"
            await response.read()
    return heard


async def requests(gate: Gate, mutator: Mutator, count: int) -> Counter[str]:
    """Whole requests with broken heads, on sockets of their own."""
    heard: Counter[str] = Counter()
    for _ in range(count):
        path, body = mutator.body()
        raw = mutator.bytes_of(body, binary=False)
        head = (
            f"POST {path} HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer {gate.place.keys['gate']}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(raw)}\r\nConnection: close\r\n\r\n"
        )
        if mutator.random.random() < 0.2:
            head = head.replace("Content-Length", "Transfer-Encoding: chunked\r\nX-Length")
        heard[await _exchange(gate.port, mutator.damage(head.encode()) + raw)] += 1
    return heard


async def _exchange(port: int, sent: bytes) -> str:
    """The status. A request that ended too early is cut off: the hub waits for the rest of it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(sent)
        async with asyncio.timeout(0.05):
            line = await reader.readline()
        return line[9:12].decode() or "closed"
    except TimeoutError:
        return "waits"
    except ConnectionError:
        return "closed"
    finally:
        writer.transport.abort()


async def everything(gate: Gate, seed: int, share: float) -> Counter[str]:
    codes = [*gate.place.codes.values(), "", "SP1:", "x" * 4096]
    heard = await asyncio.gather(
        frames(gate, Mutator(seed, codes), JSON, "gate", int(FRAMES * share)),
        frames(gate, Mutator(seed + 1, codes), MSGPACK, "in", int(FRAMES * share)),
        bodies(gate, Mutator(seed + 2, codes), int(BODIES * share)),
        requests(gate, Mutator(seed + 3, codes), int(RAW * share)),
    )
    await until(lambda: gate.worker.shell.active, lambda active: active == 0)
    return sum(heard, Counter())


async def test_ten_thousand_broken_frames_and_bodies(
    database: str, settings: Callable[..., Settings], caplog: pytest.LogCaptureFixture
) -> None:
    place: Place = await furnish(database)
    own = settings(rate_device=0, shutdown_timeout=0.2, reader_ping=600, reader_silence=3600)
    caplog.set_level(logging.WARNING)
    async with recorder_running(own) as recorder, worker_running(own, place) as gate:
        with capture_logs() as logs:
            await everything(gate, 1, 0.2)
            await until(lambda: recorder.journal.waiting, lambda waiting: waiting == 0)
            tasks, memory = len(asyncio.all_tasks()), resident()
            logs.clear()
            heard = await everything(gate, 11, 1.0)
            await until(lambda: recorder.journal.waiting, lambda waiting: waiting == 0)
            faults = [line for line in logs if line["log_level"] in {"error", "critical"} or "exc_info" in line]
        assert not [status for status in heard if status.startswith("5")], heard
        assert heard["200"] > 500
        assert heard["400"] > 500
        assert heard["answers"] > 2_000
        assert set(heard) <= {
            "answers", "200", "400", "401", "404", "405", "413", "417", "waits", "closed",
            "closed 1000", "closed 1002", "closed 1006", "closed 1007", "closed 1008", "closed 1009",
            "closed None",  # cut off in the middle of a frame of the other side
        }, heard  # fmt: skip
        assert not faults
        assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
        assert gate.worker.recorder.in_flight == 0
        await until(lambda: len(asyncio.all_tasks()), lambda count: count <= tasks)
        assert resident() - memory < ALLOWED_GROWTH
        assert recorder.drain.rejected == 0
        assert (await gate.verify("granted"))["valid"] is True
    recorded = await place.fetch("SELECT count(*) AS n, count(DISTINCT (access_point_id, id)) AS d FROM access_logs")
    assert recorded[0]["n"] == recorded[0]["d"] > 1_000
