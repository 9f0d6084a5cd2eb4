"""What is said of a test that hangs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.hanging import forget, waits, watch


@asynccontextmanager
async def lent(ended: asyncio.Event) -> AsyncIterator[None]:
    yield
    await ended.wait()


async def use(ended: asyncio.Event) -> None:
    async with lent(ended):
        pass


async def test_a_task_that_waits_in_a_generator_is_shown_with_what_it_waits_for() -> None:
    ended = asyncio.Event()
    task = asyncio.create_task(use(ended), name="the one that hangs")
    await asyncio.sleep(0)
    (shown,) = [text for text in waits() if text.startswith("the one that hangs\n")]
    places = [line.split()[-1] for line in shown.splitlines()[1:-1]]
    assert places == ["use", "_AsyncGeneratorContextManager.__aexit__", "lent", "Event.wait"]
    assert "<Future pending" in shown.splitlines()[-1]
    ended.set()
    await task
    assert not any(text.startswith("the one that hangs\n") for text in waits())


def test_it_fails_and_says_so() -> None:
    try:
        watch(0.05)
        with pytest.raises(pytest.fail.Exception, match="no end after 0 s") as failed:
            asyncio.run(use(asyncio.Event()))
    finally:
        forget()
    assert "lent" in str(failed.value)
