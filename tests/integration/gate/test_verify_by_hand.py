"""People verify passes: at which door they say, and what a reader may not do, they may not do as one."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest

from hub.accounts.permissions import Permission
from hub.config import Settings
from tests.integration.gate.place import Gate, Place, furnish, recorder_running, until, worker_running
from tests.integration.rest.site import ROLES, People, Trail

ADDRESSES = ["/api/v1/passes/verify", "/api/v2/passes/verify"]
JSON = {"Content-Type": "application/json"}


class Desk:
    """A gate, and people who may stand at it."""

    def __init__(self, gate: Gate, people: People, trail: Trail, user: UUID) -> None:
        self.gate = gate
        self.people = people
        self.trail = trail
        self.user = user

    @property
    def place(self) -> Place:
        return self.gate.place

    def token(self, role: str = "school_admin", school: str | None = "near") -> str:
        """With dots in it, as access tokens have."""
        where = None if school is None else self.place.schools[school]
        token = self.people.sign_in(role, where, self.user)
        self.people.known[f"{token}.x.y"] = self.people.known.pop(token)
        return f"{token}.x.y"

    async def ask(self, address: str, token: str, what: str = "granted", door: str = "gate", **more: Any) -> Any:
        body = {"qrCode": self.place.codes[what], "accessPointId": str(self.place.doors[door])} | more
        return await self.gate.post(address, body, headers={"Authorization": f"Bearer {token}"} | JSON)


@asynccontextmanager
async def _desk(database: str, settings: Settings) -> AsyncIterator[Desk]:
    place, people, trail = await furnish(database), People(), Trail()
    rows = await place.fetch(
        "INSERT INTO users (email, password_hash, first_name, last_name, school_id)"
        " VALUES ('a@example.org', '', '', '', $1) RETURNING id",
        place.schools["near"],
    )
    async with recorder_running(settings), worker_running(settings, place, 0, None, people, trail) as gate:
        await until(lambda: len(gate.worker.index), bool)
        yield Desk(gate, people, trail, rows[0]["id"])


@pytest.fixture
async def desk(database: str, settings: Callable[..., Settings]) -> AsyncIterator[Desk]:
    async with _desk(database, settings(shutdown_timeout=0.2, workers=1)) as running:
        yield running


async def test_who_asked_stands_in_both_logs(desk: Desk) -> None:
    for address in ADDRESSES:
        scan = uuid4()
        status, answer = await desk.ask(address, desk.token(), scanId=str(scan), direction="entry")
        assert (status, answer["decision"], answer["scanId"]) == (200, "granted", str(scan)), answer
        assert answer["accessPointId"] == str(desk.place.doors["gate"])
        assert answer["student"]["name"] == "Zoë Quillfeather"
        entry = desk.trail.kept.pop()
        assert (entry.action, entry.user_id, entry.resource_id) == ("verify", desk.user, desk.place.passes["granted"])
        assert entry.subject_id == desk.place.students["granted"]
    rows = await desk.place.rows(2)
    assert {json.loads(row["device_info"])["userId"] for row in rows.values()} == {str(desk.user)}
    assert {row["access_point_id"] for row in rows.values()} == {desk.place.doors["gate"]}


async def test_a_denial_is_an_answer_and_a_look_leaves_no_row(desk: Desk) -> None:
    address, token = ADDRESSES[0], desk.token()
    status, answer = await desk.ask(address, token, "revoked_pass", record=False)
    assert (status, answer["reason"]) == (200, "revoked_pass")
    status, answer = await desk.ask(address, token, "bad_signature")
    assert (status, answer["reason"], answer["pass"]) == (200, "bad_signature", None)
    assert len(await desk.place.rows(1)) == 1


@pytest.mark.parametrize("address", ADDRESSES)
async def test_each_role_may_what_it_may(desk: Desk, address: str) -> None:
    for role, rights in ROLES.items():
        status, answer = await desk.ask(address, desk.token(role, None if role == "super_admin" else "near"))
        assert status == (200 if Permission.passes_verify in rights else 403), (role, answer)
    status, _ = await desk.ask(address, "unknown.token.here")
    assert status == 401


@pytest.mark.parametrize("address", ADDRESSES)
async def test_another_schools_door_is_not_there(desk: Desk, address: str) -> None:
    assert (await desk.ask(address, desk.token(), door="far"))[0] == 404
    assert (await desk.ask(address, desk.token(), accessPointId=str(uuid4())))[0] == 404
    assert (await desk.ask(address, desk.token("super_admin", None), door="far"))[0] == 200


async def test_people_name_a_door_and_devices_do_not(desk: Desk) -> None:
    body = {"qrCode": desk.place.codes["granted"]}
    headers = {"Authorization": f"Bearer {desk.token()}"} | JSON
    status, answer = await desk.gate.post(ADDRESSES[0], body, headers=headers)
    assert (status, answer["details"]) == (400, [{"field": "accessPointId", "message": "is required"}])
    status, _ = await desk.gate.post(ADDRESSES[0], body | {"accessPointId": str(desk.place.doors["gate"])})
    assert status == 400
    status, _ = await desk.gate.post(ADDRESSES[1], body | {"accessPointId": str(desk.place.doors["gate"])})
    assert status == 401
    assert await desk.place.fetch("SELECT FROM access_logs") == []
