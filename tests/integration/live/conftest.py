"""A worker with a recorder behind it, and a guard of each of two schools who is signed in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest

from hub.config import Settings
from tests.integration.gate.place import Gate, Place, furnish, recorder_running, worker_running
from tests.integration.live.guards import add_guards


@pytest.fixture
async def place(database: str, settings: Callable[..., Settings]) -> Place:
    furnished = await furnish(database)
    await add_guards(furnished, settings())
    return furnished


@pytest.fixture
def quick(settings: Callable[..., Settings]) -> Callable[..., Settings]:
    """Settings of a worker that ends without waiting for its clients."""
    own = {"shutdown_timeout": 0.2, "workers": 1}
    return lambda **more: settings(**(own | more))


@pytest.fixture
async def gate(place: Place, quick: Callable[..., Settings]) -> AsyncIterator[Gate]:
    own = quick()
    async with recorder_running(own), worker_running(own, place) as running:
        yield running
