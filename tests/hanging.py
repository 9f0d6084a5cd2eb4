"""What a test that has run out of time hangs in. The main thread's stack ends in the selector of the loop; what counts
is what each task waits for.
"""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import AsyncGenerator, Iterator
from typing import Any, Protocol

import pytest

#: How the parts of a coroutine, a generator and an asynchronous generator are called.
_FRAMES = ("cr_frame", "gi_frame", "ag_frame")
_AWAITS = ("cr_await", "gi_yieldfrom", "ag_await")


class _Settings(Protocol):
    timeout: float


def watch(settings: _Settings) -> None:
    """Fail the test that runs in this thread after `settings.timeout` seconds, and say what its tasks wait for."""

    def fail(*_: object) -> None:
        tasks = "\n\n".join(waits()) or "there are none"
        pytest.fail(f"it hangs: no end after {settings.timeout:.0f} s; its tasks wait here:\n{tasks}")

    signal.signal(signal.SIGALRM, fail)
    signal.setitimer(signal.ITIMER_REAL, settings.timeout)


def forget() -> None:
    """The test has ended."""
    signal.setitimer(signal.ITIMER_REAL, 0)


def waits() -> Iterator[str]:
    """Each task that has not ended, in any loop of this process: its name, and its stack from the outside inwards."""
    for task in list(asyncio.tasks._all_tasks):  # type: ignore[attr-defined]
        if not task.done():
            yield "\n".join([task.get_name(), *_stack(task.get_coro())])


def _stack(coroutine: Any) -> Iterator[str]:
    """`Task.get_stack` ends at the first generator; what its `__anext__` waits in is known to the collector alone."""
    awaited = coroutine
    while awaited is not None:
        frame = next((found for name in _FRAMES if (found := getattr(awaited, name, None)) is not None), None)
        if frame is not None:
            yield f"  {frame.f_code.co_filename}:{frame.f_lineno} {frame.f_code.co_qualname}"
            awaited = next((found for name in _AWAITS if (found := getattr(awaited, name, None)) is not None), None)
            continue
        behind = gc.get_referents(awaited)
        awaited = next((found for found in behind if isinstance(found, AsyncGenerator)), None)
        if awaited is None:
            yield f"  {next((found for found in behind if asyncio.isfuture(found)), None)!r}"
