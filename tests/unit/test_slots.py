"""Who has a worker's slot when it dies while it is being replaced."""

from __future__ import annotations

import asyncio
import signal

import pytest

from hub.config import load_settings
from hub.supervisor.children import Child
from hub.supervisor.run import Supervisor


class Process:
    """Ends when it is told to."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.signals: list[int] = []
        self._told = asyncio.Event()

    def send_signal(self, number: int) -> None:
        self.signals.append(number)
        self._told.set()

    async def wait(self) -> int:
        await self._told.wait()
        return 0


async def test_a_successor_that_has_taken_the_slot_meanwhile_keeps_it(monkeypatch: pytest.MonkeyPatch) -> None:
    supervisor = Supervisor(load_settings(secret_key="A" * 43))
    monkeypatch.setattr(supervisor, "_write_state", lambda: None)
    supervisor._sockets = [None]  # type: ignore[list-item]
    successor, started = Child("worker-0", "worker", str), Process(2)
    successor._process = Process(1)  # type: ignore[assignment]

    async def start(child: Child, *_: object) -> None:
        child._process = started  # type: ignore[assignment]
        supervisor._workers[0] = successor  # it was ready, and SIGHUP's task has put it there

    monkeypatch.setattr(Child, "start", start)
    assert await supervisor._start("worker", 0, successor=False) is successor
    assert supervisor._workers[0] is successor
    async with asyncio.timeout(60):
        while supervisor._children:
            await asyncio.gather(*supervisor._background)
    assert started.signals == [signal.SIGTERM]
    assert supervisor._holder(0) is successor
