"""People at a gate: a worker with a recorder, whose people's tokens are made by tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import msgspec

from hub.accounts.permissions import BUILT_IN, GUARD_DESK, Permission
from hub.config import Settings
from tests.integration.gate.place import Gate, Place, worker_running
from tests.integration.rest.site import People, Trail

LOGS = "/api/v1/access-logs"
USER = UUID("018bcfe5-6800-7000-8000-00000000aaaa")
GUARD = BUILT_IN["security"] | GUARD_DESK


class Guardroom:
    """A gate, and what people ask it."""

    def __init__(self, gate: Gate, people: People, trail: Trail) -> None:
        self.gate = gate
        self.people = people
        self.trail = trail

    def token(self, school: str | None = "near", permissions: frozenset[Permission] = GUARD) -> str:
        where = None if school is None else self.gate.place.schools[school]
        return self.people.sign_in("security", where, USER, permissions)

    async def ask(
        self,
        path: str,
        body: Any = None,
        token: str | None = None,
        method: str = "POST",
        headers: dict[str, str] | None = None,
    ) -> tuple[int, Any]:
        """Status and decoded body, as a guard of the near school unless a token is given."""
        headers = {
            "Authorization": f"Bearer {token or self.token()}",
            "Content-Type": "application/json",
            **(headers or {}),
        }
        raw = None if body is None else msgspec.json.encode(body)
        async with self.gate.http.request(method, self.gate.url + path, data=raw, headers=headers) as response:
            return response.status, await response.json()

    async def get(self, path: str) -> Any:
        status, answer = await self.ask(path, method="GET")
        assert status == 200, answer
        return answer


@asynccontextmanager
async def guardroom(settings: Settings, place: Place) -> AsyncIterator[Guardroom]:
    people, trail = People(), Trail()
    async with worker_running(settings, place, authenticator=people, trail=trail) as gate:
        yield Guardroom(gate, people, trail)
