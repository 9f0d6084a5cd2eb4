"""Processes that run and do nothing: a loop that never comes back answers no door and ends by no fault of its own.

Each process sends its numbers every second. One from which nothing came for HUB_WATCHDOG_TIMEOUT is asked where it
hangs (SIGUSR1: each thread's stack, on its standard error) and killed; it is started again as any that dies.
"""

from __future__ import annotations

import asyncio
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
    """`heard`: when it last sent anything, or was ready; monotonic seconds."""

    name: str
    ready: asyncio.Event
    heard: float

    def signal(self, number: int) -> None: ...


async def watch(processes: Callable[[], Iterable[Watched]], silence: float) -> None:
    """Until cancelled. `silence`: how long is too long, seconds, well above LOOK_SECONDS."""
    while True:
        due = time.monotonic() + LOOK_SECONDS
        await asyncio.sleep(LOOK_SECONDS)
        now = time.monotonic()
        if now - due > LOOK_SECONDS:
            # It was this process that could not run: what the others sent meanwhile is still to be read.
            for process in processes():
                process.heard = now
            continue
        for process in [one for one in processes() if one.ready.is_set() and now - one.heard > silence]:
            log.error("a process hangs and is killed", process=process.name, silent_seconds=round(now - process.heard))
            process.heard = now  # one that even this does not end is told again after the same time
            process.signal(STACKS_SIGNAL)
            await asyncio.sleep(STACKS_SECONDS)
            process.signal(signal.SIGKILL)
