"""Two workers in this process, each with its own memory and feed: people sign in at one and ask the other."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from uuid import UUID

import aiohttp
import asyncpg
import jwt
from aiohttp import web

from hub.accounts.accounts import ACCOUNTS, Accounts
from hub.accounts.hashing import hasher
from hub.accounts.roster import Roster
from hub.config import Settings
from hub.domain.ids import new_id
from hub.index.directory import Directory
from hub.index.feed import Feed
from hub.index.index import PassIndex
from hub.resources import declared_routes
from hub.rest.client import Clients
from hub.rest.limiter import Limiter
from hub.rest.protocol import Runner
from hub.rest.router import Router
from hub.rest.shell import Shell
from hub.rest.stack import Stack
from hub.store.pg import Pg, Role
from tests.integration.feed_world import until
from tests.integration.rest.site import Answer, Trail

NOW = time.time()
PASSWORD = "two owls and a lantern"
PASSWORD_HASH = hasher().hash(PASSWORD)
ROLE_IDS = {
    name: UUID(f"018bcfe5-6800-7000-8000-00000000000{number}")
    for number, name in enumerate(("super_admin", "school_admin", "staff", "security", "card_reader"), 1)
}


class Worker:
    """One of them. `accounts` is what its resources use."""

    def __init__(self, settings: Settings, http: aiohttp.ClientSession) -> None:
        self.roster = Roster(super_admin_factor=settings.super_admin_second_factor)
        self.feed = Feed(settings, PassIndex(), Directory(), [self.roster])
        self.trail = Trail()
        self.url = ""
        self.accounts: Accounts
        self._settings = settings
        self._http = http

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Worker]:
        settings, tasks = self._settings, [asyncio.create_task(self.feed.run()), asyncio.create_task(self.roster.run())]
        pg = await Pg.open(settings, Role)
        self.accounts = Accounts(settings, pg, self.roster, lambda: self.feed.stale_since is None)
        # A failed attempt waits on purpose, and a test need not.
        self.accounts.throttle._pause = _no_time
        # Nobody's code becomes too old while a test runs.
        self.accounts.factors._clock = lambda: NOW
        clients = Clients(ipaddress.ip_network(one) for one in settings.trusted_proxies)
        limiter = Limiter(settings, lambda: False)
        router = Router(settings, pg, self.accounts.sessions, self.trail, limiter, clients)
        app = Shell(settings.body_max_bytes, Stack(settings, clients), ()).application(router.routes(declared_routes()))
        app[ACCOUNTS] = self.accounts
        runner = Runner(app, {}, access_log=None, handle_signals=False)
        await runner.setup()
        with socket.create_server(("127.0.0.1", 0)) as listening:
            await web.SockSite(runner, listening).start()
            self.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
            try:
                await self.feed.ready.wait()
                yield self
            finally:
                await runner.cleanup()
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await self.accounts.close()
        await limiter.close()
        await pg.close()

    async def ask(self, method: str, path: str, token: str | None = None, body: Any = None, **more: Any) -> Answer:
        headers = dict(more.pop("headers", {}))
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        url = f"{self.url}/api/v1{path}"
        async with self._http.request(method, url, json=body, headers=headers, **more) as response:
            answer = Answer(response.status, response.headers.copy(), await response.text())
            assert answer.status < 500, answer.text
            return answer

    async def sign_in(self, email: str, **more: Any) -> Any:
        """What a good sign-in answers."""
        body = {"email": email, "password": PASSWORD} | more
        answer = await self.ask("POST", "/auth/login", body=body)
        assert answer.status == 200, answer.text
        return answer.json

    async def token(self, email: str) -> str:
        return str((await self.sign_in(email))["accessToken"])

    async def refuses(self, token: str) -> None:
        """Waits until this worker has heard of the session's end, and asks."""
        session = UUID(jwt.decode(token, options={"verify_signature": False})["sid"])
        await until(lambda: self.roster.identity(session) is None, "the end of a session is heard of")
        assert (await self.ask("GET", "/auth/me", token)).status == 401


class Office:
    """Two workers, two schools, and one person for each role: `admin@near`, `staff@far`, …, and `root@all`."""

    def __init__(self, settings: Settings, http: aiohttp.ClientSession) -> None:
        assert settings.database_url is not None
        self.settings = settings
        self.database = settings.database_url.get_secret_value()
        self.one, self.two = Worker(settings, http), Worker(settings, http)
        self.schools: dict[str, UUID] = {}
        self.users: dict[str, UUID] = {}

    async def fetch(self, statement: str, *values: object) -> list[Any]:
        connection = await asyncpg.connect(self.database)
        try:
            return list(await connection.fetch(statement, *values))
        finally:
            await connection.close()

    async def furnish(self) -> None:
        for code in ("near", "far"):
            self.schools[code] = new_id()
            await self.fetch("INSERT INTO schools (id, name, code) VALUES ($1, $2, $2)", self.schools[code], code)
            for role in ("school_admin", "staff", "security", "card_reader"):
                await self.person(f"{role}@{code}.example", role, code)
        await self.person("root@all.example", "super_admin", None)

    async def person(self, email: str, role: str, school: str | None, password_hash: str = PASSWORD_HASH) -> UUID:
        id_ = new_id()
        await self.fetch(
            "INSERT INTO users (id, email, password_hash, first_name, last_name, role_id, school_id)"
            " VALUES ($1, $2, $3, 'Ada', 'Lovelace', $4, $5)",
            *(id_, email, password_hash, ROLE_IDS[role], None if school is None else self.schools[school]),
        )
        self.users[email] = id_
        return id_

    async def set(self, school: str, settings: str) -> None:
        await self.fetch("UPDATE schools SET settings = $2 WHERE id = $1", self.schools[school], settings)

    async def until_somebody_waits(self) -> None:
        """For a row that another transaction holds."""
        waiting = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        for _ in range(3_000):
            if await self.fetch(waiting):
                return
            await asyncio.sleep(0.01)
        raise AssertionError("nobody waits")

    async def audited(self, action: str) -> list[Any]:
        return await self.fetch("SELECT * FROM audit_logs WHERE action = $1 ORDER BY created_at", action)


@asynccontextmanager
async def office_running(settings: Settings) -> AsyncIterator[Office]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        office = Office(settings, http)
        await office.furnish()
        async with office.one.running(), office.two.running():
            yield office


async def _no_time(seconds: float) -> None:
    """Instead of waiting."""
