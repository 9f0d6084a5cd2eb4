"""Processes that run and do nothing: a loop that never comes back answers no door and ends by no fault of its own.

Each process sends its numbers every second. One from which nothing came for HUB_WATCHDOG_TIMEOUT is asked where it
hangs (SIGUSR1: each thread's stack, on its standard error) and, if it still says nothing, killed; it is started again
as any that dies.
"""

from __future__ import annotations

import asyncio
import faulthandler
import signal
import time
from collections.abc import Callable, Iterable
from typing import Protocol

import structlog

log = structlog.get_logger(__name__)

LOOK_SECONDS = 1.0
#: For writing the stacks down.
STACKS_SECONDS = 0.2
STACKS_SIGNAL = signal.SIGUSR1


class Watched(Protocol):
    """`heard`: when it last sent anything, monotonic seconds; None before: a start may be long."""

    name: str
    heard: float | None

    def signal(self, number: int) -> None: ...


def say_where_when_asked() -> None:
    """From now on this process answers SIGUSR1 with the stack of each thread, whatever it is doing."""
    faulthandler.register(STACKS_SIGNAL, all_threads=True)


async def watch(processes: Callable[[], Iterable[Watched]], silence: float) -> None:
    """Until cancelled. `silence`: how long is too long, seconds, well above LOOK_SECONDS."""
    while True:
        due = time.monotonic() + LOOK_SECONDS
        await asyncio.sleep(LOOK_SECONDS)
        now = time.monotonic()
        late = now - due > LOOK_SECONDS
        for process in list(processes()):
            if late and process.heard is not None:
                # It was this process that could not run: what the others sent meanwhile is still to be read.
                process.heard = now
            await _judge(process, silence)


async def _judge(process: Watched, silence: float) -> None:
    heard = process.heard
    if heard is None or (silent := time.monotonic() - heard) <= silence:
        return
    log.error("a process hangs", process=process.name, silent_seconds=round(silent))
    process.signal(STACKS_SIGNAL)
    await asyncio.sleep(STACKS_SECONDS)
    if process.heard != heard:
        log.warning("the process goes on", process=process.name)
        return
    process.heard = time.monotonic()  # one that even this does not end is told again after the same time
    process.signal(signal.SIGKILL)
