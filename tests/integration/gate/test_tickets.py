"""A browser as a reader: a ticket is good once, for a page of this site, and for as long as its owner is signed in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp import WSServerHandshakeError

from hub.config import Settings
from hub.domain.ids import new_id
from tests.integration.gate.place import JSON, Gate, Place, Reader, recorder_running, until, worker_running
from tests.integration.live.guards import add_guards
from tests.integration.rest.site import Trail

CONNECT = "/api/v1/readers/connect"
DESK = "UPDATE schools SET settings = '{\"guardDesk\": true}' WHERE code = 'near'"


@pytest.fixture
async def gates(place: Place, quick: Callable[..., Settings]) -> AsyncIterator[tuple[Gate, Gate]]:
    """Two workers of one host; the near school has a guard desk."""
    own, trail = quick(reader_ping=0.1), Trail()
    await add_guards(place, own)
    await place.execute(DESK)
    async with (
        recorder_running(own),
        worker_running(own, place, 0, trail=trail) as one,
        worker_running(own, place, 1, trail=trail) as two,
    ):
        yield one, two


async def ask(gate: Gate, door: str = "gate", school: str = "near") -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {gate.place.tokens[school]}"}
    path = f"{gate.url}/api/v1/access-points/{gate.place.doors[door]}/tickets"
    async with gate.http.post(path, headers=headers) as answer:
        return answer.status, await answer.json()


async def ticket(gate: Gate, door: str = "gate") -> str:
    status, answer = await ask(gate, door)
    assert (status, answer["expiresIn"]) == (201, 30), answer
    return str(answer["ticket"])


@asynccontextmanager
async def browser(gate: Gate, presented: str, origin: str | None = "") -> AsyncIterator[Reader]:
    """As a page of this site connects, unless it says another origin."""
    headers = {} if origin is None else {"Origin": origin or gate.url}
    protocols = (JSON, f"passhub.ticket.{presented}")
    async with gate.http.ws_connect(gate.url + CONNECT, protocols=protocols, headers=headers) as socket:
        assert socket.protocol == JSON
        reader = Reader(socket, JSON)
        reader.welcome = await reader.read()
        yield reader


async def refused(gate: Gate, presented: str, origin: str | None = "") -> int:
    with pytest.raises(WSServerHandshakeError) as error:
        async with browser(gate, presented, origin):
            pass
    return error.value.status


async def test_what_is_scanned_is_logged_as_the_doors_with_the_person_beside_it(gates: tuple[Gate, Gate]) -> None:
    one, two = gates
    place = one.place
    async with browser(two, await ticket(one)) as reader:
        assert reader.welcome["accessPoint"]["name"] == "gate"
        scan = {"type": "scan", "scanId": str(new_id()), "code": place.codes["granted"], "deviceInfo": {"app": "x"}}
        assert (await reader.ask(scan))["decision"] == "granted"
        many = {"scanId": str(new_id()), "code": place.codes["revoked_pass"]}
        answer = await reader.ask({"type": "scans", "scans": [many]})
        assert [one["reason"] for one in answer["decisions"]] == ["revoked_pass"]
    rows = list((await place.rows(2)).values())
    guard = str((await place.fetch("SELECT id FROM users WHERE email = 'guard@near'"))[0]["id"])
    assert [row["access_point_id"] for row in rows] == [place.doors["gate"]] * 2
    infos = [msgspec.json.decode(row["device_info"]) for row in rows]
    assert infos == [{"app": "x", "userId": guard}, {"userId": guard}]
    made = await place.fetch("SELECT action, resource_id FROM audit_logs WHERE resource_type = 'reader_ticket'")
    assert [(row["action"], row["resource_id"]) for row in made] == [("create", place.doors["gate"])]


async def test_of_many_who_present_it_on_two_workers_one_is_let_in(gates: tuple[Gate, Gate]) -> None:
    one, two = gates
    presented = await ticket(one)

    async def attempt(gate: Gate) -> int:
        try:
            async with browser(gate, presented):
                return 101
        except WSServerHandshakeError as error:
            return error.status

    found = await asyncio.gather(*(attempt(gate) for gate in (one, two) * 5))
    assert sorted(found) == [101, *[401] * 9]


async def test_a_ticket_that_is_old_or_made_up_opens_nothing(gates: tuple[Gate, Gate]) -> None:
    one, _ = gates
    presented = await ticket(one)
    await one.place.execute("UPDATE reader_tickets SET expires_at = now()")
    assert await refused(one, presented) == 401
    assert await refused(one, "x" * 43) == 401
    assert await refused(one, "x") == 401


async def test_a_page_of_another_site_cannot_use_one_and_does_not_use_it_up(gates: tuple[Gate, Gate]) -> None:
    one, _ = gates
    presented = await ticket(one)
    assert await refused(one, presented, "https://evil.example") == 403
    assert await refused(one, presented, None) == 403
    async with browser(one, presented):
        pass


async def test_it_takes_nobodys_place_and_decides_nothing_by_itself(gates: tuple[Gate, Gate]) -> None:
    one, _ = gates
    async with one.reader("gate") as device, browser(one, await ticket(one)) as person:
        at = {"scanId": str(new_id()), "code": "x", "at": "2026-11-24T08:00:00Z", "decision": "granted"}
        answer = await person.ask({"type": "replay", "scans": [at]})
        assert (answer["type"], answer["code"]) == ("error", "malformed_frame")
        for reader in (device, person):
            scan = {"type": "scan", "scanId": str(new_id()), "code": one.place.codes["granted"]}
            assert (await reader.ask(scan))["decision"] == "granted"
        # The same tab, loaded again.
        async with browser(one, await ticket(one)):
            assert (await person.closed())[0] == 4002


ENDS = [
    "UPDATE sessions SET ended_at = now() WHERE user_id = (SELECT id FROM users WHERE email = 'guard@near')",
    "UPDATE users SET is_active = false WHERE email = 'guard@near'",
    "UPDATE schools SET settings = '{}' WHERE code = 'near'",
    "UPDATE access_points SET deleted_at = now() WHERE name = 'gate'",
]


@pytest.mark.parametrize("statement", ENDS)
async def test_the_sessions_end_ends_the_connection(gates: tuple[Gate, Gate], statement: str) -> None:
    one, two = gates
    async with browser(two, await ticket(one)) as reader:
        await one.place.execute(statement)
        assert (await reader.closed())[0] == 4001


async def test_who_has_been_signed_out_meanwhile_does_not_get_in(gates: tuple[Gate, Gate]) -> None:
    one, two = gates
    presented = await ticket(one)
    await one.place.execute(ENDS[0])
    session = (await one.place.fetch("SELECT session_id FROM reader_tickets"))[0]["session_id"]
    await until(lambda: two.worker.accounts.sessions.identity_of(session) is None, bool)
    assert await refused(two, presented) == 401


async def test_tickets_are_for_who_may_scan_and_for_doors_of_their_school(gates: tuple[Gate, Gate]) -> None:
    one, _ = gates
    assert (await ask(one, "far", "far"))[0] == 403  # no guard desk there
    assert (await ask(one, "far"))[0] == 404
    async with aiohttp.ClientSession() as http, http.post(f"{one.url}/api/v1/access-points/{new_id()}/tickets") as got:
        assert got.status == 401
