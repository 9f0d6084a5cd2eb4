"""A recorder and its clients in one process, and somebody who waits for scans to be kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from hub.config import Settings
from hub.domain.ids import new_id_bytes
from hub.recorder.admission import Extra, entries, records
from hub.recorder.client import RecorderClient
from hub.recorder.process import Recorder, socket_path
from hub.recorder.wire import Amendment, Annulment, Entry, Merge, Note, Override

SCHOOL, DEVICE, KEY, OTHER_KEY = (bytes([n]) * 16 for n in (1, 2, 3, 4))
AT = 1_795_000_000_000_000


def entry(scan_id: bytes | None = None, **more: Any) -> Entry:
    values: dict[str, Any] = {
        "scan_id": scan_id or new_id_bytes(),
        "device": DEVICE,
        "school": SCHOOL,
        "key": KEY,
        "at": AT,
        "code": 0,
        "flags": 0,
        "direction": 1,
        "pass_id": b"p" * 16,
        "student_id": None,
    }
    return Entry(**(values | more))


class Waiter:
    """Somebody who waits for a scan; `outcome` is how it ended, and it ends once."""

    def __init__(self, log: list[Waiter] | None = None) -> None:
        self._done: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self._log = log

    @property
    def then(self) -> Callable[[Any], None]:
        return lambda me: self._end("kept")

    def known_as(self, override: Override) -> None:
        self._end(override)

    def unavailable(self) -> None:
        self._end("unavailable")

    def _end(self, outcome: object) -> None:
        self._done.set_result(outcome)
        if self._log is not None:
            self._log.append(self)

    async def outcome(self) -> Any:
        async with asyncio.timeout(120):
            return await self._done


@asynccontextmanager
async def recording(settings: Settings) -> AsyncIterator[Recorder]:
    recorder, ready = Recorder(settings), asyncio.Event()
    task = asyncio.create_task(recorder.run(ready))
    try:
        await ready.wait()
        yield recorder
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        for worker in list(recorder.workers):  # as the end of its process would
            if worker.transport is not None:
                worker.transport.abort()


@asynccontextmanager
async def client_of(settings: Settings, name: str = "worker-0", **more: int) -> AsyncIterator[RecorderClient]:
    limits = {"timeout_ms": 5_000, "backlog": 1_000} | more
    client = RecorderClient(socket_path(settings), worker=name, **limits)
    task = asyncio.create_task(client.run())
    try:
        yield client
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(120):
        while not true():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.005)


def ask(client: RecorderClient, *scans: Entry, log: list[Waiter] | None = None) -> list[Waiter]:
    waiters = [Waiter(log) for _ in scans]
    for scan, waiter in zip(scans, waiters, strict=True):
        client.record(scan, waiter)
    return waiters


async def outcomes(waiters: list[Waiter]) -> list[Any]:
    return [await waiter.outcome() for waiter in waiters]


def kept(recorder: Recorder) -> list[tuple[Entry, int]]:
    return [pair for row in recorder.journal.all_rows() for pair in entries(row)]


def beside(recorder: Recorder) -> list[Amendment | Merge]:
    found: list[Amendment | Merge] = []
    for row in recorder.journal.all_rows():
        for record in records(row.body):
            if not isinstance(record, Note | Annulment):
                found += record.merges if isinstance(record, Extra) else record.amendments
    return found
