"""A worker with a recorder behind it, and tokens for the screens of two schools."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable

import pytest

from hub.config import Settings
from tests.integration.gate.place import Gate, Place, furnish, recorder_running, worker_running

TOKENS = {"near-token": "near", "far-token": "far"}


@pytest.fixture
async def place(database: str) -> Place:
    return await furnish(database)


@pytest.fixture
def quick(settings: Callable[..., Settings]) -> Callable[..., Settings]:
    """Settings of a worker that ends without waiting for its clients."""
    own = {"shutdown_timeout": 0.2, "workers": 1, "live_tokens": json.dumps(TOKENS)}
    return lambda **more: settings(**(own | more))


@pytest.fixture
async def gate(place: Place, quick: Callable[..., Settings]) -> AsyncIterator[Gate]:
    own = quick()
    async with recorder_running(own), worker_running(own, place) as running:
        yield running
