"""What is done to a pass by a request is known at the doors: made, switched off, replaced, used up, revoked."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import msgspec
import pytest

from hub.config import Settings
from tests.integration.gate.place import Gate, Place, furnish, recorder_running, until, worker_running
from tests.integration.rest.site import People, Trail

PASSES = "/api/v1/passes"


class Office:
    """Two workers of a host; requests go to the first, scans to whichever."""

    def __init__(self, gates: tuple[Gate, Gate], token: str) -> None:
        self.one, self.two = gates
        self.token = token

    @property
    def place(self) -> Place:
        return self.one.place

    async def ask(self, method: str, path: str, body: object = None) -> Any:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        data = None if body is None else msgspec.json.encode(body)
        async with self.one.http.request(method, self.one.url + path, headers=headers, data=data) as response:
            assert response.status < 300, await response.text()
            return None if response.status == 204 else await response.json()

    async def becomes(self, code: str, reason: str | None) -> None:
        """Every worker says so; asked without leaving a trace."""
        for gate in (self.one, self.two):
            await until(partial(gate.verify, code, record=False), lambda answer: answer["reason"] == reason)


@asynccontextmanager
async def _office(place: Place, settings: Settings, user: UUID) -> AsyncIterator[Office]:
    people = People()
    token = people.sign_in("school_admin", place.schools["near"], user)
    async with (
        recorder_running(settings),
        worker_running(settings, place, 0, None, people, Trail()) as gate,
        worker_running(settings, place, 1) as other,
    ):
        yield Office((gate, other), token)


@pytest.fixture
async def opened(database: str, settings: Callable[..., Settings]) -> Callable[[], Any]:
    """Opens the office; again, as after a restart."""
    place = await furnish(database)
    rows = await place.fetch(
        "INSERT INTO users (email, password_hash, first_name, last_name, school_id)"
        " VALUES ('a@example.org', '', '', '', $1) RETURNING id",
        place.schools["near"],
    )
    # The place's signing key is not sealed: here the hub makes its own.
    await place.execute("UPDATE signing_keys SET retired_at = now()")
    own = settings(shutdown_timeout=0.2, workers=1)
    return lambda: _office(place, own, rows[0]["id"])


async def test_a_pass_opens_doors_as_soon_as_it_is_made_until_it_does_not(opened: Callable[[], Any]) -> None:
    async with opened() as office:
        student = str(office.place.students["granted"])
        made = await office.ask("POST", PASSES, {"studentId": student, "expiryDate": "2099-07-31"})
        code, path = made["qrCode"], f"{PASSES}/{made['id']}"
        await office.becomes(code, None)
        async with office.two.reader() as reader:
            answer = await reader.ask({"type": "scan", "scanId": str(uuid4()), "code": code})
            assert (answer["decision"], answer["pass"]["passNumber"]) == ("granted", made["passNumber"])

            await office.ask("POST", f"{path}/deactivate", {"reason": "at the office"})
            await office.becomes(code, "inactive_pass")
            await office.ask("POST", f"{path}/activate")
            await office.becomes(code, None)

            renewed = await office.ask("POST", f"{path}/renew", {"expiryDate": "2098-07-31"})
            await office.becomes(renewed["qrCode"], None)
            await office.becomes(code, "unknown_pass")

            other = await office.ask("POST", f"{path}/replace", {})
            await office.becomes(other["qrCode"], None)
            await office.becomes(renewed["qrCode"], "revoked_pass")

            await office.ask("POST", f"{PASSES}/{other['id']}/revoke", {"reason": "lent"})
            await office.becomes(other["qrCode"], "revoked_pass")
            answer = await reader.ask({"type": "scan", "scanId": str(uuid4()), "code": other["qrCode"]})
            assert answer["reason"] == "revoked_pass"


@pytest.mark.parametrize(
    ("method", "what", "body"),
    [
        ("PUT", "", {"expiryDate": "2098-07-31"}),
        ("POST", "/renew", {"expiryDate": "2098-07-31"}),
        ("POST", "/replace", {}),
    ],
)
async def test_a_code_that_is_made_while_its_student_is_suspended_opens_nothing(
    opened: Callable[[], Any], method: str, what: str, body: dict[str, str]
) -> None:
    async with opened() as office:
        student = office.place.students["granted"]
        made = await office.ask("POST", PASSES, {"studentId": str(student), "expiryDate": "2099-07-31"})
        other = await asyncpg.connect(office.place.url)
        try:
            async with other.transaction():
                await other.execute("UPDATE students SET status = 'suspended' WHERE id = $1", student)
                asked = asyncio.create_task(office.ask(method, f"{PASSES}/{made['id']}{what}", body))
                look = partial(office.place.waited_for, other)
                await until(lambda: asked.done() or look(), bool)
                assert not asked.done()  # else the feed might read the new code before its student is suspended
                # The pass itself is free: whoever changes students locks their passes next.
                await other.execute("SELECT FROM passes WHERE student_id = $1 FOR UPDATE NOWAIT", student)
            await office.becomes((await asked)["qrCode"], "student_suspended")
        finally:
            await other.close()


async def test_a_limit_of_uses_holds_whoever_asks_at_once_and_after_a_restart(opened: Callable[[], Any]) -> None:
    async with opened() as office:
        body = {"visitorName": "Grace Hopper", "hostName": "Ada", "maxUses": 3}
        made = await office.ask("POST", f"{PASSES}/visitors", body)
        code = made["qrCode"]
        await office.becomes(code, None)
        doors = [(gate, door) for gate in (office.one, office.two) for door in ("gate", "in")] * 5
        answers = await asyncio.gather(*(gate.verify(code, door, direction="entry") for gate, door in doors))
        assert Counter(answer["reason"] for answer in answers) == {None: 3, "uses_exhausted": 17}
        assert all(answer["pass"]["passNumber"] == made["passNumber"] for answer in answers)
        await office.becomes(code, "uses_exhausted")
        out = await office.one.verify(code, "out")
        assert out["decision"] == "granted"
        kept = await office.ask("GET", f"{PASSES}/{made['id']}")
        assert (kept["uses"], kept["status"]) == (3, "active")
        rows = await office.place.rows(21)
        assert Counter(row["reason"] for row in rows.values()) == {None: 4, "uses_exhausted": 17}
    async with opened() as office:
        await office.becomes(code, "uses_exhausted")
        more = await office.ask("PUT", f"{PASSES}/{made['id']}", {"maxUses": 4})
        assert (more["maxUses"], more["uses"]) == (4, 3)
        await office.becomes(code, None)
        answers = await asyncio.gather(*(office.one.verify(code) for _ in range(3)))
        assert Counter(answer["decision"] for answer in answers) == {"granted": 1, "denied": 2}
