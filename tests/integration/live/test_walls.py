"""Wall screens: paired by a code, watching one school, ended at once; and of no use for anything else."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from http.cookies import SimpleCookie
from typing import Any

import aiohttp
import pytest
from aiohttp import WSServerHandshakeError

from hub.config import Settings
from hub.domain.ids import new_id
from tests.integration.accounts.office import PASSWORD, PASSWORD_HASH, ROLE_IDS
from tests.integration.gate.place import Gate, Place, recorder_running, until, worker_running
from tests.integration.live.screen import Screen, connected
from tests.integration.live.test_events import scans
from tests.integration.rest.site import Trail

ADMIN = "admin@near"


class Browser:
    """What hangs on a wall: it keeps its cookies."""

    def __init__(self, gate: Gate, http: aiohttp.ClientSession) -> None:
        self.gate = gate
        self.http = http
        self.jar: SimpleCookie = SimpleCookie()

    @property
    def headers(self) -> dict[str, str]:
        cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in self.jar.items() if morsel.value)
        return {"Cookie": cookies, "Origin": self.gate.url}

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        url = f"{self.gate.url}/api/v1{path}"
        async with self.http.request(method, url, json=body, headers=self.headers) as answer:
            for header in answer.headers.getall("Set-Cookie", []):
                self.jar.load(header)
            return answer.status, await answer.json() if answer.status != 204 else None

    async def pair(self, admin: Callable[..., Any]) -> dict[str, Any]:
        """It asks, somebody confirms, it comes for its session."""
        status, asked = await self.ask("POST", "/auth/pairings")
        assert (status, asked["expiresIn"], len(asked["code"])) == (201, 600, 8)
        secret = {"secret": asked["secret"]}
        assert await self.ask("POST", "/auth/pairings/claim", secret) == (202, {"screen": None})
        typed = f"{asked['code'][:4].lower()} {asked['code'][4:]}"
        status, made = await admin("POST", "/wall-screens", {"code": typed, "name": "Lodge"})
        assert (status, made["name"], made["claimedAt"]) == (201, "Lodge", None)
        assert (await admin("POST", "/wall-screens", {"code": typed, "name": "again"}))[0] == 404
        status, claimed = await self.ask("POST", "/auth/pairings/claim", secret)
        assert (status, claimed["screen"]["id"], claimed["screen"]["name"]) == (200, made["id"], "Lodge")
        assert (await self.ask("POST", "/auth/pairings/claim", secret))[0] == 401
        screen: dict[str, Any] = claimed["screen"]
        return screen


@pytest.fixture
async def gates(place: Place, quick: Callable[..., Settings]) -> AsyncIterator[tuple[Gate, Gate]]:
    """Two workers of one host, and an administrator."""
    await place.execute(
        "INSERT INTO users (id, email, password_hash, first_name, last_name, role_id, school_id)"
        " VALUES ($1, $2, $3, 'Ada', 'L', $4, $5)",
        *(new_id(), ADMIN, PASSWORD_HASH, ROLE_IDS["school_admin"], place.schools["near"]),
    )
    own, trail = quick(rate_anonymous=10_000), Trail()
    async with (
        recorder_running(own),
        worker_running(own, place, 0, trail=trail) as one,
        worker_running(own, place, 1, trail=trail) as two,
    ):
        yield one, two


@pytest.fixture
async def admin(gates: tuple[Gate, Gate]) -> Callable[..., Any]:
    one, _ = gates
    async with one.http.post(f"{one.url}/api/v1/auth/login", json={"email": ADMIN, "password": PASSWORD}) as answer:
        token = (await answer.json())["accessToken"]

    async def ask(method: str, path: str, body: Any = None, **more: str) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {token}"} | more
        async with one.http.request(method, f"{one.url}/api/v1{path}", json=body, headers=headers) as answer:
            return answer.status, await answer.json() if answer.status != 204 else answer.headers

    return ask


@pytest.fixture
async def browser(gates: tuple[Gate, Gate]) -> AsyncIterator[Browser]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        yield Browser(gates[0], http)


async def joined(screen: Screen) -> Screen:
    await screen.until(lambda: screen.cursor is not None)
    return screen


async def test_it_watches_its_school_by_cookie_on_every_worker(
    gates: tuple[Gate, Gate], admin: Callable[..., Any], browser: Browser
) -> None:
    one, two = gates
    session = await browser.pair(admin)
    assert session["schoolId"] == str(one.place.schools["near"])
    assert (session["schoolName"], session["timezone"]) == ("near", "UTC")
    morsel = browser.jar["passhub"]
    assert (morsel["httponly"], morsel["samesite"]) == (True, "Strict")
    assert int(morsel["max-age"]) > 179 * 86_400
    for gate in (one, two):
        headers = browser.headers | {"Origin": gate.url}
        async with connected(browser.http, gate.url, {}, headers=headers) as screen:
            await (await joined(screen)).until_ids(await scans(gate, 2))
    elsewhere = browser.headers | {"Origin": "https://x.example"}
    with pytest.raises(WSServerHandshakeError):
        async with connected(browser.http, one.url, {}, headers=elsewhere):
            pass


async def test_it_may_do_nothing_else(admin: Callable[..., Any], browser: Browser) -> None:
    session = await browser.pair(admin)
    for method, path in (
        *(("GET", "/auth/me"), ("POST", "/auth/logout"), ("GET", "/students"), ("GET", "/access-logs")),
        *(("GET", "/wall-screens"), ("DELETE", f"/wall-screens/{session['id']}")),
    ):
        assert (await browser.ask(method, path))[0] == 403, path
    status, again = await browser.ask("POST", "/auth/wall-screen")
    assert (status, again) == (200, session)
    assert (await admin("POST", "/auth/wall-screen"))[0] == 403


ENDS = [
    "UPDATE wall_screens SET revoked_at = now()",
    "DELETE FROM wall_screens WHERE token_hash IS NOT NULL",
    "UPDATE wall_screens SET expires_at = now() - interval '1 s'",
    "UPDATE schools SET is_active = false WHERE code = 'near'",
]


@pytest.mark.parametrize("statement", ENDS)
async def test_its_end_closes_it_on_every_worker(
    gates: tuple[Gate, Gate], admin: Callable[..., Any], browser: Browser, statement: str
) -> None:
    one, two = gates
    await browser.pair(admin)
    async with (
        connected(browser.http, one.url, {}, headers=browser.headers) as here,
        connected(browser.http, two.url, {}, headers=browser.headers | {"Origin": two.url}) as there,
    ):
        for screen in (here, there):
            await joined(screen)
        await one.place.execute(statement)
        assert [(await screen.until_end())[0] for screen in (here, there)] == [4001, 4001]
    assert (await browser.ask("POST", "/auth/wall-screen"))[0] == 401


async def test_an_administrator_lists_renames_and_revokes(
    gates: tuple[Gate, Gate], admin: Callable[..., Any], browser: Browser
) -> None:
    session = await browser.pair(admin)
    _, listed = await admin("GET", "/wall-screens")
    assert [(one["id"], one["name"], one["claimedAt"] is not None) for one in listed["data"]] == [
        (session["id"], "Lodge", True)
    ]
    path = f"/wall-screens/{session['id']}"
    assert (await admin("PUT", path, {"name": "Hall"}))[1]["name"] == "Hall"
    async with connected(browser.http, gates[0].url, {}, headers=browser.headers) as screen:
        await joined(screen)
        assert (await admin("DELETE", path))[0] == 204
        assert (await screen.until_end())[0] == 4001
    assert (await admin("GET", path))[0] == 404


async def test_it_lives_longer_by_being_used(
    gates: tuple[Gate, Gate], admin: Callable[..., Any], browser: Browser
) -> None:
    await browser.pair(admin)
    place = gates[0].place
    await place.execute("UPDATE wall_screens SET expires_at = now() + interval '1 h', last_seen_at = NULL")
    assert (await browser.ask("POST", "/auth/wall-screen"))[0] == 200
    row = (await place.fetch("SELECT expires_at - now() AS left, last_seen_at FROM wall_screens"))[0]
    assert row["left"].days >= 179
    assert row["last_seen_at"] is not None


async def test_what_is_over_or_made_up_opens_nothing(
    gates: tuple[Gate, Gate], admin: Callable[..., Any], browser: Browser
) -> None:
    _, asked = await browser.ask("POST", "/auth/pairings")
    assert (await admin("POST", "/wall-screens", {"code": "AAAAAAAA", "name": "x"}))[0] == 404
    await gates[0].place.execute("UPDATE pairings SET expires_at = now()")
    assert (await admin("POST", "/wall-screens", {"code": asked["code"], "name": "x"}))[0] == 404
    assert (await browser.ask("POST", "/auth/pairings/claim", {"secret": asked["secret"]}))[0] == 401
    assert (await browser.ask("POST", "/auth/pairings/claim", {"secret": "x"}))[0] == 401
    browser.jar.load(f"passhub={'x' * 43}")
    assert (await browser.ask("POST", "/auth/wall-screen"))[0] == 401
    async with connected(browser.http, gates[0].url, {}, headers=browser.headers) as screen:
        await screen.until(lambda: screen.refusal is not None)


async def test_one_that_was_revoked_before_it_came_gets_nothing(
    gates: tuple[Gate, Gate], admin: Callable[..., Any], browser: Browser
) -> None:
    _, asked = await browser.ask("POST", "/auth/pairings")
    _, made = await admin("POST", "/wall-screens", {"code": asked["code"], "name": "x"})
    assert (await admin("DELETE", f"/wall-screens/{made['id']}"))[0] == 204
    assert (await browser.ask("POST", "/auth/pairings/claim", {"secret": asked["secret"]}))[0] == 401
    gate = gates[0]
    assert await until(lambda: gate.worker.roster.walls == {}, bool)
