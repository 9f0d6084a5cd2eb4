"""A worker with a recorder behind it, for the tests of this directory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest

from hub.config import Settings
from tests.integration.gate.place import Gate, Place, furnish, recorder_running, worker_running


@pytest.fixture
async def place(database: str) -> Place:
    return await furnish(database)


@pytest.fixture
def quick(settings: Callable[..., Settings]) -> Callable[..., Settings]:
    """Settings of a worker that ends without waiting for its clients."""
    return lambda **own: settings(**({"shutdown_timeout": 0.2, "workers": 1} | own))


@pytest.fixture
async def gate(place: Place, quick: Callable[..., Settings]) -> AsyncIterator[Gate]:
    own = quick()
    async with recorder_running(own), worker_running(own, place) as running:
        yield running
