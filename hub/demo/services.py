"""PostgreSQL and Valkey of one demo: started side by side, started again when one dies."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from hub.demo.embedded import RunningPostgres, RunningValkey, start_postgres, start_valkey
from hub.demo.screen import Screen
from hub.errors import StartError

WATCH_SECONDS = 0.2
NEXT_TRY_SECONDS = 2.0


class Running(Protocol):
    """A service's process."""

    @property
    def pid(self) -> int: ...

    def alive(self) -> bool: ...

    def stop(self) -> None: ...


R = TypeVar("R", bound=Running)


class Service(Generic[R]):
    """One of them. Starting and stopping block, so they happen in a thread, one after another."""

    def __init__(self, name: str, begin: Callable[[Path], R], directory: Path) -> None:
        self.name = name
        self._begin = begin
        self._directory = directory
        self._turn = asyncio.Lock()
        self._running: R | None = None

    @property
    def running(self) -> R:
        assert self._running is not None, "not started"
        return self._running

    @property
    def pid(self) -> int | None:
        return None if self._running is None or not self._running.alive() else self._running.pid

    async def start(self) -> None:
        """Returns when it answers. Raises StartError, one line."""

        def begin() -> None:
            self._running = self._begin(self._directory)

        await self._to_the_end(begin)

    async def stop(self) -> None:
        if self._running is not None:
            await self._to_the_end(self._running.stop)

    async def keep(self, screen: Screen, started_again: Callable[[], None]) -> None:
        """Until cancelled: whenever it has died, it is started again, and `started_again` is called."""
        told = ""
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            if self.running.alive():
                continue
            if not told:
                screen.say(f"{self.name} has ended unexpectedly; starting it again")
            try:
                await self.stop()  # gives back its lock
                await self.start()
            except StartError as error:
                if str(error) != told:
                    screen.say(str(error))
                told = str(error)
                await asyncio.sleep(NEXT_TRY_SECONDS)
                continue
            told = ""
            screen.say(f"{self.name} is back (pid {self.running.pid})")
            started_again()

    async def _to_the_end(self, work: Callable[[], None]) -> None:
        """A cancelled start goes on to its end before the cancellation does: what it started has to be known."""
        async with self._turn:
            task = asyncio.create_task(asyncio.to_thread(work))
            try:
                await asyncio.shield(task)
            except asyncio.CancelledError:
                await asyncio.wait([task])
                task.exception()  # nobody else asks, and asyncio would complain about it
                raise


class Services:
    """Both, in one data directory."""

    def __init__(self, directory: Path) -> None:
        self.postgres: Service[RunningPostgres] = Service("PostgreSQL", start_postgres, directory)
        self.valkey: Service[RunningValkey] = Service("Valkey", start_valkey, directory)

    async def start(self) -> None:
        """Raises StartError of the first that fails; the other is to be stopped then."""
        await _both(self.postgres.start(), self.valkey.start())

    def pids(self) -> dict[str, int | None]:
        """`postgres` and `valkey`; None while one is not there."""
        return {"postgres": self.postgres.pid, "valkey": self.valkey.pid}

    async def stop(self) -> None:
        """Ends what runs of both. Idempotent."""
        await _both(self.valkey.stop(), self.postgres.stop())


async def _both(*work: Coroutine[None, None, None]) -> None:
    for fault in await asyncio.gather(*work, return_exceptions=True):
        if fault is not None:
            raise fault
