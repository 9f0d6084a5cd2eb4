"""Who may see a school's events: by a token, and not before the worker knows its schools."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request

from hub.app import Worker
from hub.config import Settings
from hub.errors import StoreUnavailable, Unauthorized
from hub.store.pg import Pg, Role
from tests.integration.gate.place import Gate, Line, Place, recorder_running, worker_running

TOKENS = '{"t": "near", "lost": "nowhere"}'
REQUEST = make_mocked_request("GET", "/socket.io/")


@pytest.mark.usefixtures("place")
async def test_a_worker_that_has_not_read_its_schools_asks_for_patience(quick: Callable[..., Settings]) -> None:
    """A screen that is refused gives up; one that meets a worker too early must not."""
    settings = quick(live_tokens=TOKENS)
    pg = await Pg.open(settings, [Role.hub_system])
    try:
        worker = Worker(settings, 0, Line(), pg)
        with pytest.raises(StoreUnavailable):
            await worker.admission.scope(REQUEST, {"token": "t"})
        with pytest.raises(Unauthorized):
            await worker.admission.scope(REQUEST, {"token": "no such token"})
    finally:
        await pg.close()


async def test_a_token_opens_its_school(place: Place, quick: Callable[..., Settings]) -> None:
    settings = quick(live_tokens=TOKENS)
    async with recorder_running(settings), worker_running(settings, place) as gate:
        assert await school_of(gate, {"token": "t"}) == place.schools["near"].bytes
        refused: list[dict[str, Any]] = [{"token": "lost"}, {"token": None}, {}]
        for auth in refused:
            with pytest.raises(Unauthorized):
                await school_of(gate, auth)


async def school_of(gate: Gate, auth: dict[str, Any]) -> bytes:
    return (await gate.worker.admission.scope(REQUEST, auth)).school
