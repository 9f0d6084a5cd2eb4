"""The door for screens: Socket.IO namespace `/live` at /socket.io/, WebSocket only.

python-socketio keeps handshakes, the namespace and pings; events do not pass through its queue, which has no bound,
nor its emit, which makes a task a client: they are written to the transport as they are (hub/live/audience.py).

A connection that does not join in time, says too much, or does not read is closed with a code that says so.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
import socketio
import structlog
from aiohttp import hdrs, web
from engineio.exceptions import EngineIOError
from socketio import exceptions

from hub.config import Settings
from hub.errors import HubError
from hub.live.cursor import Cursor, read_cursor
from hub.live.frames import (
    CLOSE_FLOOD,
    CLOSE_NOT_JOINED,
    CLOSE_RESTART,
    CLOSE_SESSION_ENDED,
    CLOSE_SILENT,
    NAMESPACE,
)
from hub.live.live import Live
from hub.live.screen import Screen
from hub.telemetry import Family, counters, gauge

log = structlog.get_logger(__name__)

PATH = "/socket.io/"
JOIN_SECONDS = 10.0
LOOK_SECONDS = 0.5
#: A screen says who it is and answers pings: more than this, and this many more a second, is no screen.
PACKETS, PACKETS_A_SECOND = 40, 5.0
MAX_PACKET = 16_384


class Scope(msgspec.Struct, frozen=True):
    """What somebody may see, for as long as the sign-in `session` lasts."""

    school: bytes
    session: UUID


#: The scope of what a client presented as `auth`. Raises Unauthorized.
Authenticate = Callable[[web.Request, dict[str, Any]], Awaitable[Scope]]


class _Guest:
    """A connection, from its handshake on. `screen`: once it has joined."""

    __slots__ = ("allowance", "came", "engine_id", "joining", "request", "school", "screen", "seen")

    def __init__(self, request: web.Request) -> None:
        self.request = request
        self.engine_id = ""
        self.screen: Screen | None = None
        self.school = b""
        self.joining: asyncio.Task[None] | None = None
        self.allowance = float(PACKETS)
        self.came = self.seen = time.monotonic()

    def may_speak(self) -> bool:
        """It says little; what is more is not looked at."""
        now = time.monotonic()
        self.allowance = min(PACKETS, self.allowance + (now - self.seen) * PACKETS_A_SECOND)
        self.seen = now
        if self.allowance < 1:
            self.end(CLOSE_FLOOD, "a screen says who it is, and listens")
            return False
        self.allowance -= 1
        return True

    def look(self, silence: float) -> None:
        """Ends one that has not joined in time, or has answered no ping for so many seconds."""
        if self.screen is None and time.monotonic() - self.came > JOIN_SECONDS:
            self.end(CLOSE_NOT_JOINED, f"join {NAMESPACE} within {JOIN_SECONDS:.0f} s")
        elif time.monotonic() - self.seen > silence:
            self.end(CLOSE_SILENT, "no ping was answered; connect again with the last cursor")

    def end(self, code: int, reason: str) -> None:
        transport = self.request.transport
        if transport is not None:
            (self.screen or Screen("", transport, 1, None, lambda code: None)).close(code, reason)


_UNREADABLE = (EngineIOError, exceptions.SocketIOError, ValueError, TypeError, LookupError)
_GUEST = web.RequestKey("guest", _Guest)
_quiet = logging.getLogger("hub.live.protocol")
_quiet.setLevel(logging.CRITICAL)  # its lines quote what clients send


def _guest_of(environ: dict[str, Any]) -> _Guest:
    guest: _Guest = environ["aiohttp.request"][_GUEST]
    return guest


class _Server(socketio.AsyncServer):  # type: ignore[misc]
    """Every packet of a client is counted before it is looked at."""

    async def _handle_eio_connect(self, eio_sid: str, environ: dict[str, Any]) -> Any:
        guest = _guest_of(environ)
        guest.engine_id = eio_sid
        socket = self.eio.sockets[eio_sid]
        receive = socket.receive

        async def receive_counted(packet: Any) -> None:
            if guest.may_speak():
                await receive(packet)

        socket.receive = receive_counted
        return await super()._handle_eio_connect(eio_sid, environ)


class ScreenDoor:
    """One a worker. `retiring`: newcomers are sent elsewhere."""

    def __init__(self, settings: Settings, live: Live, authenticate: Authenticate) -> None:
        self._settings = settings
        self._live = live
        self._authenticate = authenticate
        self._origins = frozenset(settings.allowed_origins)
        self._guests: set[_Guest] = set()
        self._closes: dict[str, float] = {}
        self._refused = {"origin": 0.0, "full": 0.0, "token": 0.0}
        self.retiring = False
        self._server = _Server(
            async_mode="aiohttp",
            transports=["websocket"],
            namespaces=[NAMESPACE],
            cors_allowed_origins=[],  # whoever may not come is refused before, in handle
            async_handlers=False,
            ping_interval=settings.live_ping,
            ping_timeout=2 * settings.live_ping,  # later than our own look, which tells the client why
            max_http_buffer_size=MAX_PACKET,
            logger=_quiet,
            engineio_logger=_quiet,
        )
        self._server.on("connect", self._connect, namespace=NAMESPACE)
        self._server.on("disconnect", self._disconnected, namespace=NAMESPACE)

    def routes(self) -> list[web.RouteDef]:
        return [web.get(PATH, self.handle)]

    def families(self) -> list[Family]:
        return [
            gauge("hub_live_connections", "Connections of screens, joined or not", len(self._guests)),
            counters("hub_live_closed_total", "Screens' connections closed by the hub", "code", self._closes),
            counters("hub_live_refused_total", "Screens refused at the handshake", "why", self._refused),
        ]

    async def run(self) -> None:
        """Look after connections that do not do their part, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            for guest in list(self._guests):
                guest.look(2 * self._settings.live_ping)

    # Handshake

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One connection's whole life."""
        self._check(request)
        guest = request[_GUEST] = _Guest(request)
        self._guests.add(guest)
        try:
            response: web.StreamResponse = await self._server.handle_request(request)
        except _UNREADABLE as error:
            # What cannot be read ends the connection: Engine.IO lets it through, and leaves its own end open.
            log.info("a screen sent what cannot be read", fault=type(error).__name__)
            if request.transport is not None:
                request.transport.abort()
            raise ConnectionResetError("the screen was cut off") from None
        finally:
            self._guests.discard(guest)
            await self._forget(guest)
        return response

    def _check(self, request: web.Request) -> None:
        origin = request.headers.get(hdrs.ORIGIN)
        if origin is not None and not self._is_allowed(origin, request):
            self._refused["origin"] += 1
            raise web.HTTPForbidden(text="pages of this origin may not connect; HUB_ALLOWED_ORIGINS says which may")
        if request.headers.get(hdrs.UPGRADE, "").lower() != "websocket":
            raise web.HTTPBadRequest(text="screens connect by WebSocket: ?EIO=4&transport=websocket")
        if self.retiring or len(self._guests) >= self._settings.live_screens:
            self._refused["full"] += 1
            raise web.HTTPServiceUnavailable(text="no place for another screen here; try again in a moment")

    def _is_allowed(self, origin: str, request: web.Request) -> bool:
        if origin in self._origins:
            return True
        try:
            return urlsplit(origin).netloc.lower() == request.host.lower()
        except ValueError:  # a host that cannot be
            return False

    async def _forget(self, guest: _Guest) -> None:
        self._leave(guest)
        socket = self._server.eio.sockets.pop(guest.engine_id, None)
        if socket is not None and not socket.closed:
            await socket.close(wait=False, abort=True)
            await socket.queue.put(None)  # ends its writer

    async def _connect(self, sid: str, environ: dict[str, Any], auth: Any = None) -> None:
        """A client asks to join the namespace. What is raised is its `connect_error`."""
        guest = _guest_of(environ)
        transport = guest.request.transport
        if guest.joining is not None or self.retiring or transport is None:
            raise exceptions.ConnectionRefusedError("try again in a moment", {"code": "unavailable"})
        given = auth if isinstance(auth, dict) else {}
        try:
            scope = await self._authenticate(guest.request, given)
            cursor = None if given.get("cursor") is None else read_cursor(given["cursor"])
        except HubError as error:
            self._refused["token"] += 1
            raise exceptions.ConnectionRefusedError(str(error), {"code": error.code}) from None
        guest.school = scope.school
        guest.screen = Screen(sid, transport, self._settings.live_buffer_bytes, scope.session, self._count)
        guest.joining = asyncio.create_task(self._join(guest, guest.screen, cursor))

    async def _join(self, guest: _Guest, screen: Screen, cursor: Cursor | None) -> None:
        try:
            # The answer to the client goes through Engine.IO's queue, and comes first.
            await self._server.eio.sockets[guest.engine_id].queue.join()
            await self._live.join(screen, guest.school, cursor)
        except Exception:
            log.exception("a screen could not be brought up to date")
            screen.close(CLOSE_RESTART, "something went wrong here; connect again with the last cursor")

    def _disconnected(self, sid: str, reason: str) -> None:
        """It left the namespace; its connection may stay."""
        for guest in self._guests:
            if guest.screen is not None and guest.screen.name == sid:
                self._leave(guest)
                guest.screen = guest.joining = None
                return

    def _leave(self, guest: _Guest) -> None:
        if guest.joining is not None:
            guest.joining.cancel()
        if guest.screen is not None:
            guest.screen.closed = True
            self._live.leave(guest.screen, guest.school)

    # Ends

    def _count(self, code: int) -> None:
        self._closes[str(code)] = self._closes.get(str(code), 0) + 1

    def end_session(self, session: UUID) -> None:
        """A sign-in ended: so do its screens."""
        for guest in list(self._guests):
            if guest.screen is not None and guest.screen.session == session:
                guest.end(CLOSE_SESSION_ENDED, "the session has ended; sign in again")

    def close_all(self) -> None:
        """The worker goes: screens connect again, to another."""
        self.retiring = True
        for guest in list(self._guests):
            guest.end(CLOSE_RESTART, "the hub restarts; connect again with the last cursor")
