"""A worker, read top to bottom: opens every part in order, serves, closes in reverse. The one place that knows all.

    control line → feed and index → recorder client → desk → doors → live → HTTP server

It takes its first connection when its index is loaded, or after `start_grace`: a restarted worker with a database keeps
callers waiting for the second that the load takes; one without answers hub_unavailable rather than nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import signal
import socket
import time
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import structlog
from aiohttp import web

from hub.accounts import trail as trails
from hub.accounts.accounts import ACCOUNTS, Accounts
from hub.accounts.roster import Roster
from hub.config import Settings, key_ring
from hub.control.line import ControlLine
from hub.gate.annulling import ANNULLING, Annulling
from hub.gate.by_hand import BY_HAND, ByHand
from hub.gate.connections import CLOSE_RESTART, Connections
from hub.gate.described import READERS
from hub.gate.desk import DESK, Desk
from hub.gate.http import HttpDoor
from hub.gate.people import PeopleDoor, is_persons
from hub.gate.presence import Presence
from hub.gate.socket import SocketDoor
from hub.gate.tickets import Tickets
from hub.index.directory import Directory
from hub.index.feed import Feed, Follower
from hub.index.index import PassIndex
from hub.issuing.badges.presses import PRESSES, Presses
from hub.issuing.pictures import PICTURES, Pictures
from hub.live.acknowledged import Acknowledgements
from hub.live.admission import Admission
from hub.live.live import Live
from hub.live.page import page_routes
from hub.live.sio import ScreenDoor
from hub.live.stats import Stats
from hub.recorder.client import RecorderClient
from hub.recorder.process import socket_path
from hub.resources import declared_routes
from hub.resources.analytics.kept import KEPT, KeptAnalytics
from hub.resources.students.cards import CARDS, Cards
from hub.rest.client import Clients
from hub.rest.described import HEALTH
from hub.rest.express import Express
from hub.rest.files.intake import INTAKE, Intake
from hub.rest.files.parts import FILES
from hub.rest.health import Health, Parts, down, ok
from hub.rest.limiter import Limiter
from hub.rest.ports import AuditTrail, Authenticator
from hub.rest.protocol import Runner
from hub.rest.reference import reference_routes
from hub.rest.router import Router
from hub.rest.shell import Shell
from hub.rest.stack import Stack
from hub.rest.tls import Tls
from hub.store.files import open_files
from hub.store.pg import Pg, Role, active_connections
from hub.store.watch import RedisWatch
from hub.telemetry import Family, gauge

log = structlog.get_logger(__name__)


#: What is asked at doors while people wait.
VERIFY = ("POST", "/api/v1/passes/verify")
#: What readers ask goes without what is around a person's request.
BARE = frozenset(
    {
        VERIFY,
        ("POST", "/api/v1/access-logs"),
        ("POST", "/api/v1/access-logs/{scanId}/annul"),
        ("GET", "/api/v1/readers/connect"),
    }
)


class Worker:
    """One worker process. `slot` numbers its place under the supervisor."""

    def __init__(
        self,
        settings: Settings,
        slot: int,
        line: ControlLine,
        pg: Pg,
        authenticator: Authenticator | None = None,
        trail: AuditTrail | None = None,
    ) -> None:
        self.settings = settings
        self.slot = slot
        self.line = line
        self.index = PassIndex()
        self.directory = Directory()
        self.roster = Roster(super_admin_factor=settings.super_admin_second_factor)
        self.acknowledgements = Acknowledgements()
        self.cards = Cards(settings, pg, lambda: self.feed.stale_since is None)
        self.analytics = KeptAnalytics(settings, lambda: self.feed.stale_since is None)
        followers: list[Follower] = [self.roster, self.acknowledgements, self.cards, self.analytics]
        self.feed = Feed(settings, self.index, self.directory, followers)
        self.feed.on_students = self.cards.forget
        self.recorder = RecorderClient(
            socket_path(settings),
            worker=f"worker-{slot}",
            timeout_ms=settings.journal_timeout_ms,
            backlog=settings.journal_backlog,
        )
        self.redis = RedisWatch(settings)
        self.desk = Desk(self.index, self.directory, self.feed, self.recorder)
        self.connections = Connections(self.directory, self.recorder)
        self.presence = Presence(self.connections, pg)
        self.annulling = Annulling(self.recorder, pg)
        self.http = HttpDoor(settings, self.desk, self.directory, self.feed.ready, self.annulling)
        self.people = PeopleDoor(self.desk, self.directory, self.feed.ready)
        self.clients = Clients(ipaddress.ip_network(one) for one in settings.trusted_proxies)
        self.pg = pg
        self.accounts = Accounts(settings, pg, self.roster, lambda: self.feed.stale_since is None)
        tickets = Tickets(pg, self.directory, self.accounts.sessions, self.clients, settings.allowed_origins)
        self.sockets = SocketDoor(settings, self.desk, self.http, self.connections, tickets)
        self.authenticator = authenticator or self.accounts.sessions
        self.trail = trail or trails.AuditTrail(key_ring(settings), pg, self.recorder.notes.keep)
        self.pictures = Pictures()
        self.intake = Intake(settings)
        self.presses = Presses(settings, 1)
        self.stats = Stats(self.directory, self.feed, self.recorder, settings.reader_ping)
        self.live = Live(
            settings, self.recorder, pg, self.index, self.directory, self.connections.readers, self.stats.text
        )
        self.acknowledgements.send = self.live.tell
        self.admission = Admission(
            self.accounts.sessions,
            self.directory,
            self.feed.ready,
            self.clients,
            self.trail,
            settings.allowed_origins,
        )
        self.screens = ScreenDoor(settings, self.live, self.admission.scope)
        self.admission.follow(self.screens.end_session)
        self.shell = Shell(settings.body_max_bytes, Stack(settings, self.clients), BARE, is_persons)
        self.limiter = Limiter(settings, lambda: self.redis.state()["status"] == "ok")
        self.tls = Tls.of(settings)
        self.health = Health(self.look, f"worker-{slot}")
        self.stop = asyncio.Event()

    def application(self) -> web.Application:
        """All routes."""
        return self.shell.application(
            [
                *self.http.routes(),
                *self.sockets.routes(),
                *self.screens.routes(),
                *page_routes(),
                *self.health.routes(),
                web.get("/metrics", self.metrics),
                *self.resources(),
            ]
        )

    def resources(self) -> list[web.RouteDef]:
        """What people ask for, and what describes it."""
        router = Router(self.settings, self.pg, self.authenticator, self.trail, self.limiter, self.clients)
        declared = [*declared_routes(), self.people.route("v2")]
        (by_hand,) = router.routes([self.people.route("v1")])
        self.http.by_hand = self.shell.apart(by_hand)
        return [*router.routes(declared), *reference_routes(declared, [*READERS, *HEALTH])]

    def express(self) -> Express:
        """The shortest way of a scan. Not while this worker makes way: a connection's last answer says that it ends."""
        return Express(
            *VERIFY,
            self.settings.body_max_bytes,
            self.http.verify_at_once,
            lambda: not self.shell.retiring,
            self.shell.counter(*VERIFY),
        )

    async def metrics(self, request: web.Request) -> web.Response:
        """All processes of this host, in Prometheus' text format."""
        return web.Response(
            text=await self.line.metrics(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
        )

    async def look(self) -> Parts:
        """The state of each part, for /health."""
        feed, state = self.feed, self.recorder.state
        loaded = feed.ready.is_set()
        index = ok(passes=len(self.index)) if loaded else down("the index is not loaded yet")
        journal_fault = state.fault if self.recorder.connected else "the recorder is away"
        journal = {"waiting": state.depth, "bytes": state.bytes, "oldestSeconds": round(state.oldest, 3)}
        database = (
            ok(feedAgeSeconds=round(time.monotonic() - feed.last_heartbeat, 3))
            if feed.stale_since is None
            else down(feed.fault or "the feed is cut", staleSeconds=round(feed.stale_for, 3))
        )
        return Parts(
            {"index": index, "journal": ok(**journal) if journal_fault is None else down(journal_fault, **journal)},
            {"database": database, "redis": self.redis.state()},
        )

    def families(self) -> list[Family]:
        feed = self.feed
        return [
            gauge("hub_index_passes", "Passes in this worker's index", len(self.index)),
            gauge("hub_index_drift", "Schools whose index differed from the tables; must read 0", feed.drift),
            gauge("hub_feed_age_seconds", "Since the feed's last heartbeat", time.monotonic() - feed.last_heartbeat),
            gauge("hub_feed_stale", "1 while the index may miss a change", 0 if feed.stale_since is None else 1),
            gauge("hub_feed_changes", "Changes re-read since the start", feed.changes),
            gauge("hub_feed_reloads", "Full loads since the start", feed.reloads),
            gauge("hub_recorder_connected", "1 while the recorder is there", 1 if self.recorder.connected else 0),
            gauge("hub_scans_in_flight", "Scans waiting for the journal", self.recorder.in_flight),
            gauge("hub_requests_active", "Requests and sockets being served", self.shell.active),
            gauge("active_connections", "Connections to PostgreSQL in use", active_connections()),
        ]

    async def run(self, listening: socket.socket, *, successor: bool = False) -> None:
        """Serve until told to stop or to make way. A `successor` takes no connection before its index is loaded: the
        worker that it replaces answers until then."""
        self.line.collect(
            self.families,
            self.desk.families,
            self.sockets.families,
            self.shell.families,
            self.live.families,
            self.screens.families,
            self.cards.families,
            self.analytics.families,
        )
        background = [self.feed.run(), self.recorder.run(), self.redis.run(), self.line.run(), self.roster.run()]
        background += [self.live.run(), self.screens.run(), self.presence.run()]
        background += [self.cards.run(self.feed.ready.wait()), self.analytics.run()]
        if self.tls is not None:
            background.append(self.tls.run())
        async with _background(*background) as failed:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(None if successor else self.settings.start_grace):
                    await _first(self.feed.ready.wait(), self.stop.wait(), self.line.gone.wait(), failed.wait())
            files = await open_files(self.settings)
            application = self.application()
            application[FILES] = files
            application[INTAKE] = self.intake
            application[ACCOUNTS] = self.accounts
            application[ANNULLING] = self.annulling
            application[DESK] = self.desk
            application[BY_HAND] = ByHand(self.desk, self.recorder)
            application[PICTURES] = self.pictures
            application[CARDS] = self.cards
            application[KEPT] = self.analytics
            application[PRESSES] = self.presses
            runner = Runner(
                application,
                {VERIFY: self.shell.handlers[VERIFY]},
                self.express(),
                access_log=None,
                handle_signals=False,
                shutdown_timeout=self.settings.shutdown_timeout,
            )
            await runner.setup()
            site = web.SockSite(runner, listening, backlog=1024, ssl_context=self.tls.context if self.tls else None)
            await site.start()
            self.line.ready()
            await _first(self.stop.wait(), self.line.retire.wait(), self.line.gone.wait(), failed.wait())
            await self._wind_down(runner, site)
            await files.close()

    async def _wind_down(self, runner: web.AppRunner, site: web.SockSite) -> None:
        """Answer what is in flight, say goodbye, close."""
        retiring = self.line.retire.is_set() and not self.stop.is_set()
        self.shell.retiring = self.sockets.retiring = True
        server = site._server
        if server is not None:
            server.close()
        self.connections.close_all(CLOSE_RESTART, "the hub restarts; connect again")
        self.screens.close_all()
        limit = self.settings.retire_timeout if retiring else self.settings.shutdown_timeout / 2
        if self.line.gone.is_set():
            limit = 0.2
        await self._wait_for_clients(runner, limit, idle_too=retiring)
        await runner.cleanup()
        await self.limiter.close()
        await self.accounts.close()
        await self.pictures.close()
        await self.cards.close()
        await self.analytics.close()
        await self.intake.close()
        await self.presses.close()
        self.line.send_numbers()
        await asyncio.sleep(0)

    async def _wait_for_clients(self, runner: web.AppRunner, limit: float, *, idle_too: bool) -> None:
        """Until nothing is being served; with `idle_too`, until kept-alive clients have had their last answer."""
        deadline = time.monotonic() + limit
        server = runner.server
        while time.monotonic() < deadline:
            connections = len(server.connections) if server is not None else 0
            busy = self.shell.active or self.recorder.in_flight
            if not busy and not (idle_too and connections):
                return
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def _background(*work: Coroutine[Any, Any, None]) -> AsyncIterator[asyncio.Event]:
    """Run the tasks meanwhile. When one fails the event is set, and its error surfaces at the end."""
    failed = asyncio.Event()
    tasks = [asyncio.create_task(one) for one in work]
    for task in tasks:
        task.add_done_callback(lambda t: None if t.cancelled() else failed.set())
    try:
        yield failed
    finally:
        errors = [t.exception() for t in tasks if t.done() and not t.cancelled()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for error in errors:
            if error is not None:
                raise error


async def _first(*events: Coroutine[Any, Any, Any]) -> None:
    """Until one of them is done."""
    tasks = [asyncio.create_task(event) for event in events]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def serve(
    settings: Settings, slot: int, listening: socket.socket, control_fd: int | None, *, successor: bool = False
) -> None:
    """The worker process's main coroutine."""
    line = await ControlLine.open(control_fd)
    pg = await Pg.open(settings, Role)
    worker = Worker(settings, slot, line, pg)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, worker.stop.set)
    loop.add_signal_handler(signal.SIGHUP, lambda: None)
    try:
        await worker.run(listening, successor=successor)
    finally:
        await pg.close()
