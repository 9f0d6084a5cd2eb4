"""Who may see which school's events, and not before the worker knows its schools."""

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

REQUEST = make_mocked_request("GET", "/socket.io/")


async def test_a_worker_that_has_not_read_its_schools_asks_for_patience(
    place: Place, quick: Callable[..., Settings]
) -> None:
    """A screen that is refused gives up; one that meets a worker too early must not."""
    settings = quick()
    pg = await Pg.open(settings, Role)
    try:
        worker = Worker(settings, 0, Line(), pg)
        with pytest.raises(StoreUnavailable):
            await worker.admission.scope(REQUEST, {"token": place.tokens["near"]})
        with pytest.raises(Unauthorized):
            await worker.admission.scope(REQUEST, {"token": "no such token"})
    finally:
        await pg.close()


async def test_a_session_opens_its_school(place: Place, quick: Callable[..., Settings]) -> None:
    settings = quick()
    async with recorder_running(settings), worker_running(settings, place) as gate:
        for code in ("near", "far"):
            assert await school_of(gate, {"token": place.tokens[code]}) == place.schools[code].bytes
        # What else is said of a school is not heard: it is the session's.
        auth: dict[str, Any] = {"token": place.tokens["near"], "schoolId": str(place.schools["far"])}
        assert await school_of(gate, auth) == place.schools["near"].bytes
        refused: list[dict[str, Any]] = [{"token": place.expired["near"]}, {"token": "t"}, {"token": None}, {}]
        for auth in refused:
            with pytest.raises(Unauthorized):
                await school_of(gate, auth)


async def school_of(gate: Gate, auth: dict[str, Any]) -> bytes:
    return (await gate.worker.admission.scope(REQUEST, auth)).school
