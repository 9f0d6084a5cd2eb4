"""Who may see which school's events, and not before the worker knows its schools."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from aiohttp.test_utils import make_mocked_request

from hub.accounts.identity import Identity
from hub.accounts.permissions import Permission
from hub.app import Worker
from hub.config import Settings
from hub.errors import Forbidden, StoreUnavailable, Unauthorized
from hub.store.pg import Pg, Role
from tests.integration.gate.place import (
    Gate,
    Line,
    Place,
    recorder_running,
    refuse_scans,
    take_scans,
    until,
    worker_running,
)

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


async def test_who_watches_and_who_may_not_is_in_the_audit(
    place: Place, quick: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = quick()
    auth = {"token": place.tokens["near"]}
    async with recorder_running(settings), worker_running(settings, place) as gate:
        await school_of(gate, auth)
        sessions = gate.worker.accounts.sessions
        guard = await sessions.identify(auth["token"])

        async def nobody(token: str) -> Identity:
            return msgspec.structs.replace(await identify(token), permissions=frozenset())

        identify = sessions.identify
        monkeypatch.setattr(sessions, "identify", nobody)
        with pytest.raises(Forbidden):
            await school_of(gate, auth)
        with pytest.raises(Unauthorized):
            await school_of(gate, {"token": "no such token"})
        rows = await until(
            lambda: place.fetch("SELECT * FROM audit_logs WHERE resource_type = 'live' ORDER BY id"),
            lambda found: len(found) >= 2,
        )
    assert [(row["action"], row["user_id"], row["school_id"]) for row in rows] == [
        (action, guard.user_id, place.schools["near"]) for action in ("read", "refuse")
    ]
    assert json.loads(rows[1]["new_values"]) == {"why": "this needs the permission live:read"}


@pytest.mark.parametrize("ends", [None, frozenset()], ids=["the session", "the permission"])
async def test_what_ends_while_the_audit_is_written_opens_nothing(
    place: Place, quick: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch, ends: frozenset[Permission] | None
) -> None:
    """The screens that were there have been told by then, and this one is not yet among them."""
    settings = quick()
    auth = {"token": place.tokens["near"]}
    async with recorder_running(settings), worker_running(settings, place) as gate:
        sessions = gate.worker.accounts.sessions
        guard = await sessions.identify(auth["token"])
        left = None if ends is None else msgspec.structs.replace(guard, permissions=ends)
        monkeypatch.setattr(sessions, "identity_of", lambda _: left)
        with pytest.raises(Unauthorized):
            await school_of(gate, auth)


async def test_while_nothing_can_be_kept_nobody_joins(place: Place, quick: Callable[..., Settings]) -> None:
    settings = quick()
    auth = {"token": place.tokens["near"]}
    async with recorder_running(settings) as recorder, worker_running(settings, place) as gate:
        refuse_scans(recorder, "the disk is full")
        with pytest.raises(StoreUnavailable):
            await school_of(gate, auth)
        take_scans(recorder)
        assert await school_of(gate, auth) == place.schools["near"].bytes


async def school_of(gate: Gate, auth: dict[str, Any]) -> bytes:
    return (await gate.worker.admission.scope(REQUEST, auth)).school
