"""What a test that has run out of time hangs in. The main thread's stack ends in the selector of the loop; what counts
is what each task waits for.
"""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import AsyncGenerator, Iterator
from typing import Any

import pytest

#: How the parts of a coroutine, a generator and an asynchronous generator are called.
_FRAMES = ("cr_frame", "gi_frame", "ag_frame")
_AWAITS = ("cr_await", "gi_yieldfrom", "ag_await")


def watch(seconds: float) -> None:
    """Fail the test that runs in this thread after so long, and say what its tasks wait for."""

    def fail(*_: object) -> None:
        tasks = "\n\n".join(waits()) or "there are none"
        pytest.fail(f"it hangs: no end after {seconds:.0f} s; its tasks wait here:\n{tasks}")

    signal.signal(signal.SIGALRM, fail)
    signal.setitimer(signal.ITIMER_REAL, seconds)


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
        frame = _first(awaited, _FRAMES)
        if frame is not None:
            yield f"  {frame.f_code.co_filename}:{frame.f_lineno} {frame.f_code.co_qualname}"
            awaited = _first(awaited, _AWAITS)
            continue
        behind = gc.get_referents(awaited)
        awaited = next((found for found in behind if isinstance(found, AsyncGenerator)), None)
        if awaited is None:
            yield f"  {next((found for found in behind if asyncio.isfuture(found)), None)!r}"


def _first(awaited: object, names: tuple[str, ...]) -> Any:
    """The first of these attributes that is there and not None; else None."""
    return next((found for name in names if (found := getattr(awaited, name, None)) is not None), None)
