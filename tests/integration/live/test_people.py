"""People at /live: by their session's token or cookie, for as long as the session lives and they may look."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from hub.accounts.tokens import AccessTokens
from hub.config import Settings
from hub.domain.ids import new_id
from hub.errors import Unauthorized
from loadtests.load.signed_in import NotSignedIn, SignedIn
from tests.integration.accounts.office import PASSWORD, PASSWORD_HASH, ROLE_IDS
from tests.integration.gate.place import Gate, Place, recorder_running, until, worker_running
from tests.integration.live.screen import connected, watching
from tests.integration.live.test_events import scans
from tests.integration.rest.site import Trail

ENDED = 4001


@pytest.fixture
async def gates(place: Place, quick: Callable[..., Settings]) -> AsyncIterator[tuple[Gate, Gate]]:
    """Two workers of one host."""
    for role, school in (("security", "near"), ("card_reader", "near"), ("super_admin", None)):
        await place.execute(
            "INSERT INTO users (id, email, password_hash, first_name, last_name, role_id, school_id)"
            " VALUES ($1, $2, $3, 'Ada', 'L', $4, $5)",
            *(new_id(), f"{role}@x", PASSWORD_HASH, ROLE_IDS[role], place.schools.get(school or "")),
        )
    own = quick(rate_anonymous=10_000)
    trail = Trail()
    async with (
        recorder_running(own),
        worker_running(own, place, 0, trail=trail) as one,
        worker_running(own, place, 1, trail=trail) as two,
    ):
        yield one, two


async def sign_in(gate: Gate, role: str = "security", **more: Any) -> Any:
    body = {"email": f"{role}@x", "password": PASSWORD} | more
    async with gate.http.post(f"{gate.url}/api/v1/auth/login", json=body) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.json()


async def test_a_guard_sees_the_school_and_stays_when_the_token_expires(
    gates: tuple[Gate, Gate], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = gates
    token = (await sign_in(one))["accessToken"]
    async with watching(two.http, two.url, token) as screen:
        await screen.until_ids(await scans(one, 1))
        # From now on every access token has expired, for all that workers can tell.
        monkeypatch.setattr(AccessTokens, "verify", _expired)
        await screen.until_ids([*screen.ids, *await scans(two, 1)])
        async with connected(two.http, two.url, {"token": token}) as late:
            await late.until(lambda: late.refusal is not None)
            assert late.refusal is not None
            assert late.refusal["data"]["code"] == "unauthorized"


def _expired(*_: object) -> None:
    raise Unauthorized("the access token has expired")


async def test_with_an_expired_token_nobody_joins_and_with_the_next_one_they_do(gates: tuple[Gate, Gate]) -> None:
    one, _ = gates
    async with watching(one.http, one.url, one.place.tokens["near"]) as screen:
        await screen.until_ids(await scans(one, 1))
    for cursor in ({}, {"cursor": screen.cursor}):
        async with connected(one.http, one.url, {"token": one.place.expired["near"]} | cursor) as late:
            await late.until(lambda late=late: late.refusal is not None)  # type: ignore[misc]
            assert late.refusal is not None
            assert late.refusal["data"]["code"] == "unauthorized"
            assert "expired" in late.refusal["message"]
            # The same connection may say who it is once more, with a token that it has got meanwhile.
            missed = await scans(one, 2)
            await late.send("40/live," + json.dumps({"token": one.place.tokens["near"], "cursor": screen.cursor}))
            await late.until(lambda late=late, missed=missed: set(missed) <= set(late.ids))  # type: ignore[misc]


ENDS = [
    "UPDATE users SET is_active = false WHERE email = 'security@x'",
    "UPDATE users SET role_id = '018bcfe5-6800-7000-8000-000000000003' WHERE email = 'security@x'",
    "UPDATE users SET password_hash = 'x' WHERE email = 'security@x'",
    "UPDATE sessions SET ended_at = now() WHERE user_id = (SELECT id FROM users WHERE email = 'security@x')",
    "UPDATE schools SET is_active = false WHERE code = 'near'",
    "UPDATE schools SET settings = '{\"secondFactor\": [\"security\"]}' WHERE code = 'near'",
]


@pytest.mark.parametrize("statement", ENDS)
async def test_what_ends_a_session_closes_its_screens_on_every_worker(
    gates: tuple[Gate, Gate], place: Place, statement: str
) -> None:
    one, two = gates
    token = (await sign_in(one))["accessToken"]
    async with (
        watching(one.http, one.url, token) as here,
        watching(two.http, two.url, token) as there,
        watching(two.http, two.url, two.place.tokens["far"]) as other,
    ):
        await place.execute(statement)
        assert [(await screen.until_end())[0] for screen in (here, there)] == [ENDED, ENDED]
        assert other.end is None


async def test_logging_out_closes_this_sessions_screens_and_no_others(gates: tuple[Gate, Gate]) -> None:
    one, two = gates
    gone, kept = (await sign_in(one))["accessToken"], (await sign_in(one))["accessToken"]
    async with watching(two.http, two.url, gone) as screen, watching(two.http, two.url, kept) as other:
        headers = {"Authorization": f"Bearer {gone}"}
        async with one.http.post(f"{one.url}/api/v1/auth/logout", headers=headers) as answer:
            assert answer.status == 204
        assert (await screen.until_end())[0] == ENDED
        await other.until_ids([*other.ids, *await scans(one, 1)])


async def test_who_may_not_look_does_not(gates: tuple[Gate, Gate], place: Place) -> None:
    one, two = gates
    reader = (await sign_in(one, "card_reader"))["accessToken"]
    root = (await sign_in(one, "super_admin"))["accessToken"]
    tries = [
        ({"token": reader}, "forbidden"),
        ({"token": root}, "validation"),
        ({"token": root, "schoolId": str(new_id())}, "not_found"),
        ({"token": root, "schoolId": 7}, "validation"),
        ({"token": "e30.e30."}, "unauthorized"),
        ({}, "unauthorized"),
    ]
    for auth, code in tries:
        async with connected(two.http, two.url, auth) as screen:
            await screen.until(lambda screen=screen: screen.refusal is not None)  # type: ignore[misc]
            assert screen.refusal is not None
            assert screen.refusal["data"]["code"] == code
    auth = {"token": root, "schoolId": str(place.schools["near"])}
    async with connected(two.http, two.url, auth) as screen:
        await screen.until(lambda: screen.cursor is not None)
        await screen.until_ids(await scans(one, 1))


async def test_a_super_admin_without_the_second_factor_that_is_asked_for_sees_nothing(
    place: Place, quick: Callable[..., Settings]
) -> None:
    await place.execute(
        "INSERT INTO users (id, email, password_hash, first_name, last_name, role_id)"
        " VALUES ($1, 'super_admin@x', $2, 'Ada', 'L', $3)",
        *(new_id(), PASSWORD_HASH, ROLE_IDS["super_admin"]),
    )
    own = quick(rate_anonymous=10_000, super_admin_second_factor=True)
    async with recorder_running(own), worker_running(own, place, 0, trail=Trail()) as gate:
        school = str(place.schools["near"])
        token = (await sign_in(gate, "super_admin"))["accessToken"]
        body = {"email": "super_admin@x", "password": PASSWORD, "delivery": "cookie"}
        async with gate.http.post(f"{gate.url}/api/v1/auth/login", json=body) as answer:
            cookie = {"Cookie": f"passhub={answer.cookies['passhub'].value}", "Origin": gate.url}
        ways: list[tuple[dict[str, str], dict[str, str]]] = [({"token": token}, {}), ({}, cookie)]
        for auth, headers in ways:
            async with connected(gate.http, gate.url, auth | {"schoolId": school}, headers=headers) as screen:
                await screen.until(lambda screen=screen: screen.refusal is not None)  # type: ignore[misc]
                assert screen.refusal is not None
                assert screen.refusal["data"]["code"] == "forbidden"


async def test_the_load_s_screens_renew_what_is_refused(gates: tuple[Gate, Gate], place: Place) -> None:
    one, two = gates
    session = SignedIn(one.url, "security@x", PASSWORD)
    first = await asyncio.to_thread(session.token)
    assert await asyncio.to_thread(session.token) == first
    second = await asyncio.to_thread(session.token, first)
    assert second != first
    assert await asyncio.to_thread(session.token, first) == second  # another screen has renewed it
    async with watching(two.http, two.url, second) as screen:
        await place.execute("UPDATE sessions SET ended_at = now()")
        assert (await screen.until_end())[0] == ENDED
    third = await asyncio.to_thread(session.token, second)
    async with watching(two.http, two.url, third) as screen:
        await screen.until_ids(await scans(one, 1))
    with pytest.raises(NotSignedIn, match="security@x was not let in"):
        await asyncio.to_thread(SignedIn(one.url, "security@x", "not this one").token)


async def test_a_page_needs_no_token_in_its_hands(gates: tuple[Gate, Gate]) -> None:
    one, _ = gates
    body = {"email": "security@x", "password": PASSWORD, "delivery": "cookie"}
    async with one.http.post(f"{one.url}/api/v1/auth/login", json=body) as answer:
        cookie = {"Cookie": f"passhub={answer.cookies['passhub'].value}"}
    async with connected(one.http, one.url, {}, headers={"Origin": one.url, **cookie}) as screen:
        await screen.until(lambda: screen.cursor is not None)
        await screen.until_ids(await scans(one, 1))
    async with connected(one.http, one.url, {}, headers=cookie) as nameless:  # a page always says where it is from
        await nameless.until(lambda: nameless.refusal is not None)
        assert nameless.refusal is not None
        assert nameless.refusal["data"]["code"] == "forbidden"


async def test_a_session_that_ends_while_its_screen_joins_leaves_none(gates: tuple[Gate, Gate], place: Place) -> None:
    one, two = gates
    token = (await sign_in(one))["accessToken"]

    async def join() -> None:
        async with connected(two.http, two.url, {"token": token}) as screen:
            await screen.until(lambda: screen.refusal is not None or screen.end is not None)

    joining = [asyncio.create_task(_quietly(join())) for _ in range(10)]
    await place.execute("UPDATE sessions SET ended_at = now()")
    await asyncio.gather(*joining)
    await until(lambda: len(two.worker.screens._guests), lambda count: count == 0)


async def _quietly(work: Any) -> None:
    """A connection that was closed while something was still to be read is what this is about."""
    try:
        await work
    except AssertionError as error:
        assert "connection ended" in str(error)  # noqa: PT017
