"""Who is killed for saying nothing, and who is not."""

from __future__ import annotations

import asyncio
import signal
import time

import pytest

from hub.supervisor import watchdog
from tests.beside import beside

TIMEOUT = 0.5


class Process:
    def __init__(self, name: str, *, wakes: bool = False) -> None:
        self.name = name
        self.heard: float | None = time.monotonic()
        self._wakes = wakes
        self.signals: list[int] = []
        self.killed = asyncio.Event()

    def signal(self, number: int) -> None:
        self.signals.append(number)
        if self._wakes:
            self.heard = time.monotonic()
        if number == signal.SIGKILL:
            self.killed.set()

    async def speak(self) -> None:
        while True:
            self.heard = time.monotonic()
            await asyncio.sleep(0.01)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(watchdog, "STACKS_SECONDS", 0)


async def test_one_that_says_nothing_is_asked_where_it_hangs_and_killed() -> None:
    hung, starts, speaks = Process("hung"), Process("starts"), Process("speaks")
    starts.heard = None
    async with beside(speaks.speak(), watchdog.watch(lambda: [hung, starts, speaks], TIMEOUT)):
        await asyncio.wait_for(hung.killed.wait(), 60)
    assert hung.signals == [signal.SIGUSR1, signal.SIGKILL]
    assert not starts.signals  # a first load of the index may take long
    assert not speaks.signals


async def test_one_that_speaks_when_it_is_asked_lives() -> None:
    hung, wakes = Process("hung"), Process("wakes", wakes=True)
    async with beside(watchdog.watch(lambda: [wakes, hung], TIMEOUT)):
        await asyncio.wait_for(hung.killed.wait(), 60)
    assert set(wakes.signals) == {signal.SIGUSR1}


async def test_who_could_not_run_itself_blames_nobody() -> None:
    """The machine was suspended: what the others sent is still to be read."""
    process, looked = Process("speaks"), asyncio.Event()

    def processes() -> list[Process]:
        looked.set()
        return [process]

    async with beside(watchdog.watch(processes, TIMEOUT)):
        await asyncio.sleep(0)
        time.sleep(2 * TIMEOUT)  # noqa: ASYNC251  nothing else of this loop runs
        await asyncio.wait_for(looked.wait(), 60)
    assert not process.signals
