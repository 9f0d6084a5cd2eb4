"""Work that blocks, in a thread that nobody waits for at the end: a hung disk keeps no doctor."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from functools import partial
from typing import TypeVar

T = TypeVar("T")


async def in_thread(work: Callable[[], T], within: float) -> T:
    """What `work()` returns or raises; TimeoutError when it takes longer than `within` seconds.

    The loop's own executor will not do: its threads are joined at the end, and asking for a name may take a minute.
    """
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[T] = loop.create_future()

    def hand_over(deliver: Callable[[], None]) -> None:
        if not outcome.done():
            deliver()

    def run() -> None:
        deliver: Callable[[], None]
        try:
            deliver = partial(outcome.set_result, work())
        except Exception as error:  # noqa: BLE001 - it is raised where the outcome is awaited
            deliver = partial(outcome.set_exception, error)
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(hand_over, deliver)

    threading.Thread(target=run, name="doctor", daemon=True).start()
    async with asyncio.timeout(within):
        return await outcome
