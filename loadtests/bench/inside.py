"""What is measured inside one process: memory and loading of the index, the cost of a decision, the drain.

`python -m loadtests.bench.inside index|decision|drain URL N` prints JSON; each in a fresh process on the server's core.
"""

from __future__ import annotations

import gc
import json
import os
import random
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from uuid import UUID, uuid4

import asyncpg
import msgspec
import uvloop

from hub.config import Settings, load_settings
from hub.control.framing import LENGTH
from hub.domain.qr import lookup_key
from hub.gate.desk import Answer, Desk
from hub.index import loader
from hub.index.directory import Directory
from hub.index.feed import Feed
from hub.index.index import PassIndex
from hub.recorder import copying
from hub.recorder.client import RecorderClient
from hub.recorder.drain import Drain
from hub.recorder.journal import Journal
from hub.recorder.wire import Entry, Frame
from hub.store.pg import Role, connect
from loadtests.bench.world import SCHOOL, SERVER_CORE, SIDE_PASSES, code, pin

ROUNDS = 5
SMALL = 10_000


def _resident() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def index(url: str, passes: int) -> dict[str, object]:
    """Load all `passes`, in turn with a COPY of the same rows out."""
    settings = load_settings(database_url=url)
    connection = await connect(settings, Role.hub_system)
    query = loader.queries["load_passes"]
    loads, copies = [], []
    kept: list[PassIndex] = []
    memory = 0.0
    before = _resident()
    for round_ in range(ROUNDS):
        fresh = PassIndex()
        gc.disable()
        started = time.perf_counter()
        await loader.load(connection, fresh, Directory())
        loads.append(time.perf_counter() - started)
        gc.enable()
        if round_ == 0:
            memory = (_resident() - before) / len(fresh)
            kept.append(fresh)
        del fresh
        size = 0

        async def sink(data: bytes) -> None:
            nonlocal size
            size += len(data)

        started = time.perf_counter()
        await connection.copy_from_query(query, output=sink, format="binary")
        copies.append(time.perf_counter() - started)
    await connection.close()
    if len(kept[0]) != passes + SIDE_PASSES:
        raise RuntimeError(f"{len(kept[0])} of {passes} passes were loaded")
    return {
        "passes": passes,
        "bytes_a_pass": memory,
        "load_s": loads,
        "copy_s": copies,
        "ratio": median(a / b for a, b in zip(loads, copies, strict=True)),
    }


async def decision(url: str, passes: int) -> dict[str, object]:
    """The desk's whole verb but for the recorder, of random passes; seconds a scan, at 10,000 and at all of them."""
    settings = load_settings(database_url=url)
    connection = await connect(settings, Role.hub_system)
    full, small, directory = PassIndex(), PassIndex(), Directory()
    await loader.load(connection, full, directory)
    await connection.close()
    for number in range(SMALL):
        key = lookup_key(code(number))
        packed = full.get(key)
        assert packed is not None
        small.put(key, bytes(bytearray(packed)))
    desks = {SMALL: _desk(settings, small, directory), passes: _desk(settings, full, directory)}
    rounds: dict[int, list[float]] = {SMALL: [], passes: []}
    for _ in range(2 * ROUNDS + 1):
        for size, desk in desks.items():
            rounds[size].append(_ask_many(desk, directory, size))
    ratios = [b / a for a, b in zip(rounds[SMALL][1:], rounds[passes][1:], strict=True)]
    return {"seconds": {str(size): median(times[1:]) for size, times in rounds.items()}, "ratio": median(ratios)}


def _desk(settings: Settings, index: PassIndex, directory: Directory) -> Desk:
    feed = Feed(settings, index, directory)
    feed.stale_since = None
    recorder = RecorderClient(Path("/nonexistent"), worker="bench", timeout_ms=500, backlog=1)
    return Desk(index, directory, feed, recorder)


def _ask_many(desk: Desk, directory: Directory, size: int) -> float:
    scans = [(code(random.randrange(size)), uuid4()) for _ in range(50_000)]
    point = next(point for point in directory.points.values() if point.school_id == SCHOOL)
    denied = 0

    def answered(answer: Answer) -> None:
        nonlocal denied
        denied += answer.code != 0

    ask = desk.ask
    started = time.perf_counter()
    for one, scan_id in scans:
        ask(point, one, scan_id, 1, answered, record=False)
    elapsed = time.perf_counter() - started
    if denied:
        raise RuntimeError(f"{denied} passes of the bench were denied")
    return elapsed / len(scans)


async def drain(url: str, scans: int) -> dict[str, object]:
    """Journal → access_logs, in turn with a raw COPY of the same rows into the same table."""
    owner = await asyncpg.connect(url)
    points = [r[0].bytes for r in await owner.fetch("SELECT id FROM access_points LIMIT 64")]
    rates, raw = [], []
    for _ in range(ROUNDS):
        entries = [_entry(n, points) for n in range(scans)]
        await owner.execute("TRUNCATE access_logs, scan_ids")
        rates.append(scans / await _drain_once(url, entries))
        stored = await owner.fetchval("SELECT count(*) FROM access_logs")
        if stored != scans:
            raise RuntimeError(f"{stored} of {scans} scans arrived")
        await owner.execute("TRUNCATE access_logs, scan_ids")
        raw.append(scans / await _copy_once(owner, entries))
    await owner.execute("TRUNCATE access_logs, scan_ids")
    await owner.close()
    return {
        "scans": scans,
        "drain": rates,
        "copy": raw,
        "ratio": median(a / b for a, b in zip(rates, raw, strict=True)),
    }


def _entry(number: int, points: list[bytes]) -> Entry:
    pass_id = UUID(f"00000002-0000-7000-8000-{number % 1_000_000:012x}").bytes
    student = UUID(f"00000001-0000-7000-8000-{number % 1_000_000:012x}").bytes
    key = lookup_key(code(number % 1_000_000))
    return Entry(
        uuid4().bytes, points[number % len(points)], SCHOOL, key, time.time_ns() // 1000, 0, 0, 1, pass_id, student
    )


async def _drain_once(url: str, entries: list[Entry]) -> float:
    with tempfile.TemporaryDirectory(prefix="hub-bench-") as folder:
        settings = load_settings(database_url=url, journal_dir=Path(folder))
        journal = Journal(settings.journal_dir)
        journal.open()
        for start in range(0, len(entries), 100):
            part = entries[start : start + 100]
            raw = msgspec.msgpack.encode(Frame(start, 0, part))
            first = journal.sequences.get(part[0].school, 1)
            journal.sequences[part[0].school] = first + len(part)
            journal.append(1, len(part), {part[0].school: first}, LENGTH.pack(len(raw)) + raw, prune=[])
        worker = Drain(settings, journal)
        worker.open = True
        started = time.perf_counter()
        while await worker.drain_batch():
            pass
        elapsed = time.perf_counter() - started
        journal.close()
        return elapsed


async def _copy_once(owner: asyncpg.Connection, entries: list[Entry]) -> float:
    """The same columns as binary COPY, encoded before the clock starts; batches as large as the drain's."""
    recorder = uuid4().bytes
    columns = [
        *("id", "student_id", "pass_id", "access_point_id", "school_id", "access_time", "access_type", "status"),
        *("reason", "device_info", "lookup_key", "received_at", "reader_time", "skew_ms", "stale", "offline"),
        *("hub_status", "hub_reason", "reader_status", "reader_reason", "recorded_by", "recorder_id", "stream_seq"),
    ]
    batches = []
    for start in range(0, len(entries), 5_000):
        part = [copying.row(entry, recorder, start + n) for n, entry in enumerate(entries[start : start + 5_000])]
        batches.append(copying.HEADER + b"".join(part) + copying.TRAILER)

    async def source(data: bytes):  # type: ignore[no-untyped-def]
        for at in range(0, len(data), 65_536):
            yield data[at : at + 65_536]

    started = time.perf_counter()
    for batch in batches:
        await owner.copy_to_table("access_logs", source=source(batch), columns=columns, format="binary")
    return time.perf_counter() - started


if __name__ == "__main__":
    what, url, number = sys.argv[1], sys.argv[2], int(sys.argv[3])
    pin(SERVER_CORE)
    print(json.dumps(uvloop.run({"index": index, "decision": decision, "drain": drain}[what](url, number))))
