"""A hub that serves the page, signs people in and speaks the screens' protocol, and cuts, resets, refuses or is silent
as a test says.

Engine.IO 4 and Socket.IO 5 by hand, so that the page is held to the protocol and not to one server of it.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from aiohttp import WSMsgType, web

from hub.live.page import page_routes
from tests.browser.scripted_api import USER, api_routes
from tests.integration.files.samples import picture

Event = dict[str, Any]
EMAIL, PASSWORD, CODE = "guard@school.example", "two owls and a lantern", "123456"
UNAUTHORIZED = {"message": "send auth: {token: …}", "data": {"code": "unauthorized"}}
ACCESS, REFRESH = "passhub", "passhub-refresh"
PHOTO = "/api/v1/students/00000000-0000-0000-0000-000000000001/photo"
POINT = {"id": "00000000-0000-0000-0000-0000000000d0", "name": "North gate"}


def event(number: int, **other: Any) -> Event:
    """A granted scan; its id, name, pass and time are made of `number`."""
    return {
        "id": str(UUID(int=number)),
        "at": (datetime.now(UTC) + timedelta(milliseconds=number)).isoformat().replace("+00:00", "Z"),
        "decision": "granted",
        "reason": None,
        "accessPoint": POINT,
        "student": {"id": str(UUID(int=number)), "name": f"Student {number}", "photoUrl": None},
        "pass": {"id": str(UUID(int=number)), "passNumber": f"P-{number}", "expiryDate": "2030-01-01"},
        "direction": "entry",
        "stale": False,
        "offline": False,
    } | other


def door(name: str = "North gate", **other: Any) -> dict[str, Any]:
    return {
        "id": name,
        "name": name,
        "perMinute": 12,
        "granted": 34,
        "denied": 2,
        "reader": "online",
        "lastScanAt": datetime.now(UTC).isoformat(),
    } | other


def stats(*doors: dict[str, Any], **other: Any) -> dict[str, Any]:
    return {
        "at": datetime.now(UTC).isoformat(),
        "accessPoints": list(doors) or [door()],
        "windowSeconds": 60,
        "feed": {"ageSeconds": 0.2, "stale": False},
        "journal": {"waiting": 0, "oldestSeconds": 0, "healthy": True},
    } | other


class Screen:
    """The hub's end of one page. `auth`: what it joined with; `cookie`: the access token that the browser sent."""

    def __init__(self, socket: web.WebSocketResponse, request: web.Request, auth: dict[str, Any]) -> None:
        self.socket = socket
        self.request = request
        self.auth = auth
        self.cookie = request.cookies.get(ACCESS)
        self.pongs = 0

    async def send(self, name: str, data: Any) -> None:
        await self.socket.send_str("42/live," + json.dumps([name, data]))

    async def events(self, cursor: str, events: Iterable[Event]) -> None:
        await self.send("events", {"cursor": cursor, "events": list(events)})

    def cut(self) -> None:
        """As a pulled cable would, if the other side noticed."""
        assert self.request.transport is not None
        self.request.transport.abort()


def _unauthorized(message: str) -> web.Response:
    return web.json_response({"message": message}, status=401)


class ScriptedHub:
    """`open`: False turns every handshake away, `can_renew`: every wish for another access token. `refusal`: what
    whoever joins is told. `second_factor`: a sign-in needs CODE. `access`, `refresh`: the tokens that are good now.
    `asked`: what was posted below /auth. `user`: who signs in. Intervals: milliseconds.
    """

    def __init__(self) -> None:
        self.url = ""
        self.open = True
        self.can_renew = True
        self.second_factor = False
        self.access: str | None = None
        self.refresh: str | None = None
        self.user = dict(USER)
        self.asked: list[tuple[str, Any]] = []
        self.signed_out = asyncio.Event()
        self._tokens = itertools.count(1)
        self.refusal: dict[str, Any] | None = None
        self.ping_interval = 25_000
        self.ping_timeout = 20_000
        self._joined: asyncio.Queue[Screen] = asyncio.Queue()

    def routes(self) -> list[web.RouteDef]:
        auth = "/api/v1/auth"
        return [
            web.post(f"{auth}/login", self.login),
            web.post(f"{auth}/refresh", self.renew),
            web.post(f"{auth}/logout", self.logout),
            web.get(f"{auth}/me", self.me),
            web.get(PHOTO, self.photo),
            web.get("/socket.io/", self.socket),
        ]

    async def login(self, request: web.Request) -> web.Response:
        body = await self._asked(request)
        assert body["delivery"] == "cookie"
        if (body["email"], body["password"]) != (EMAIL, PASSWORD):
            return _unauthorized("e-mail address or password is wrong")
        if self.second_factor and "totp" not in body:
            return _unauthorized("send `totp` too: a code of the second factor, or a recovery code")
        if self.second_factor and body["totp"] != CODE:
            return _unauthorized("the code of the second factor is wrong, or was used before")
        return self._granted()

    async def renew(self, request: web.Request) -> web.Response:
        await self._asked(request)
        if not self.can_renew:
            raise web.HTTPServiceUnavailable
        presented = request.cookies.get(REFRESH)
        if presented is None or presented != self.refresh:
            self.access = self.refresh = None  # used before: the session is over
            return _unauthorized("this refresh token is not one that is valid here; sign in again")
        return self._granted()

    async def me(self, request: web.Request) -> web.Response:
        if request.cookies.get(ACCESS) != self.access or self.access is None:
            return _unauthorized("sign in first")
        return web.json_response(self.user)

    async def photo(self, request: web.Request) -> web.Response:
        if request.cookies.get(ACCESS) != self.access or self.access is None:
            return _unauthorized("sign in first")
        return web.Response(body=picture(), content_type="image/jpeg")

    async def logout(self, request: web.Request) -> web.Response:
        await self._asked(request)
        if request.cookies.get(ACCESS) != self.access or self.access is None:
            return _unauthorized("this session is over; sign in again")
        self.access = self.refresh = None
        self.signed_out.set()
        return web.Response(status=204)

    async def _asked(self, request: web.Request) -> Any:
        body = await request.json() if request.can_read_body else None
        self.asked.append((request.path.rpartition("/")[2], body))
        return body

    def _granted(self) -> web.Response:
        number = next(self._tokens)
        self.access, self.refresh = f"access-{number}", f"refresh-{number}"
        answer = web.json_response({"expiresIn": 900, "user": self.user})
        for name, value in ((ACCESS, self.access), (REFRESH, self.refresh)):
            answer.set_cookie(name, value, path="/", httponly=True, samesite="Strict")
        return answer

    async def screen(self) -> Screen:
        """The next page that joins."""
        async with asyncio.timeout(120):
            return await self._joined.get()

    async def socket(self, request: web.Request) -> web.StreamResponse:
        if not self.open:
            raise web.HTTPServiceUnavailable
        assert request.query == {"EIO": "4", "transport": "websocket"}
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        greeting = {"sid": "e", "upgrades": [], "pingInterval": self.ping_interval, "pingTimeout": self.ping_timeout}
        await socket.send_str("0" + json.dumps(greeting | {"maxPayload": 100_000}))
        joining = await socket.receive_str()
        assert joining.startswith("40/live,")
        screen = Screen(socket, request, json.loads(joining.removeprefix("40/live,")))
        if screen.cookie is None or screen.cookie != self.access:
            await socket.send_str("44/live," + json.dumps(UNAUTHORIZED))
            await socket.close()
            return socket
        if self.refusal is not None:
            await socket.send_str("44/live," + json.dumps(self.refusal))
            await socket.close()
            return socket
        await socket.send_str('40/live,{"sid":"s"}')
        await self._joined.put(screen)
        async for message in socket:
            screen.pongs += message.type is WSMsgType.TEXT and message.data == "3"
        return socket


@asynccontextmanager
async def scripted_hub() -> AsyncIterator[ScriptedHub]:
    """One that listens on a port of its own."""
    hub = ScriptedHub()
    application = web.Application()
    application.add_routes([*page_routes(), *hub.routes(), *api_routes()])
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert runner.addresses
    hub.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield hub
    finally:
        await runner.cleanup()
