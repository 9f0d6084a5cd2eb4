"""The shell with all declared resources on a real PostgreSQL, in this process: schools, people, and what they send.

Who asks and what is kept stand in for hub/accounts in the shortest way that is true: tokens in a dictionary, rows in
audit_logs. What signs in is the real thing, without a feed: it asks the tables each time.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import cache
from io import BytesIO
from typing import Any, cast
from uuid import UUID

import aiohttp
import asyncpg
import msgspec
from aiohttp import web
from pydantic import SecretStr

from hub.accounts.accounts import ACCOUNTS, Accounts
from hub.accounts.audit import AuditEntry
from hub.accounts.hashing import hasher
from hub.accounts.identity import Identity
from hub.accounts.permissions import WALL, Permission
from hub.accounts.roster import Roster
from hub.config import Settings, load_settings
from hub.domain.ids import new_id
from hub.errors import Unauthorized
from hub.gate.annulling import ANNULLING, Annulling
from hub.gate.by_hand import BY_HAND, ByHand
from hub.gate.desk import DESK, Desk
from hub.index.directory import Directory
from hub.index.feed import Feed
from hub.index.index import PassIndex
from hub.issuing.badges.presses import PRESSES, Presses
from hub.issuing.pictures import PICTURES, Pictures
from hub.recorder.client import Pending, RecorderClient
from hub.recorder.wire import Annul, Annulled, Entry
from hub.resources import declared_routes
from hub.resources.analytics.kept import KEPT, KeptAnalytics
from hub.resources.students.cards import CARDS, Cards
from hub.rest.client import Clients
from hub.rest.files.intake import INTAKE, Intake
from hub.rest.files.parts import FILES
from hub.rest.limiter import Limiter
from hub.rest.protocol import Runner
from hub.rest.reference import reference_routes
from hub.rest.route import Route
from hub.rest.router import Router
from hub.rest.shell import Shell
from hub.rest.stack import Stack
from hub.store.files import open_files
from hub.store.pg import Connection, Pg, Role
from tests.conftest import SECRET_KEY
from tests.services import Cluster

ALL = frozenset(Permission)
PASSWORD = "two owls and a lantern"
PASSWORD_HASH = hasher().hash(PASSWORD)
SCHOOL_ADMIN = UUID("018bcfe5-6800-7000-8000-000000000002")
#: What each role may do here: more is in hub/accounts; the shell only asks for a permission.
ROLES: dict[str, frozenset[Permission]] = {
    "super_admin": ALL,
    "school_admin": ALL,
    "staff": frozenset({p for p in ALL if p.resource in {"students", "passes"}} | {Permission.access_points_read}),
    "security": frozenset({Permission.passes_read, Permission.access_logs_read, Permission.faces_read}),
    "card_reader": frozenset({Permission.passes_verify}),
    "wall_screen": WALL,
}


class People:
    """An Authenticator: tokens that tests made."""

    def __init__(self) -> None:
        self.known: dict[str, Identity] = {}
        self.asked: list[str] = []

    def remembers(self, token: str) -> bool:
        return token in self.known

    async def identify(self, token: str) -> Identity:
        self.asked.append(token)
        if token not in self.known:
            raise Unauthorized("sign in again: this token is unknown, expired or revoked")
        return self.known[token]

    def sign_in(
        self, role: str, school: UUID | None, user: UUID, permissions: frozenset[Permission] | None = None
    ) -> str:
        token = f"token.{new_id()}"
        rights = ROLES[role] if permissions is None else permissions
        self.known[token] = Identity(user, school, role, rights, new_id(), wall=role == "wall_screen")
        return token


class Trail:
    """An AuditTrail: rows where they belong, and what was kept apart from transactions in a list."""

    def __init__(self) -> None:
        self.kept: list[AuditEntry] = []

    async def write(self, tx: Connection, entry: AuditEntry) -> None:
        await tx.execute(
            "INSERT INTO audit_logs (id, school_id, user_id, action, resource_type, resource_id, old_values,"
            " new_values, ip_address, user_agent) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            *(entry.id, entry.school_id, entry.user_id, entry.action, entry.resource_type, entry.resource_id),
            *(_json(entry.old), _json(entry.new), entry.address, entry.user_agent),
        )

    async def read(self, entry: AuditEntry) -> None:
        self.kept.append(entry)


class Journal:
    """A RecorderClient, as far as people write to it: takes everything, and knows no scan."""

    def __init__(self) -> None:
        self.annulments = self

    def record(self, entry: Entry, pending: Pending) -> None:
        asyncio.get_running_loop().call_soon(pending.then, pending)

    async def ask(self, asked: Annul) -> Annulled:
        if not asked.found:
            return Annulled(0, "unknown")
        return Annulled(0, "annulled", asked.devices[0], asked.school)


def _json(values: dict[str, Any] | None) -> str | None:
    return None if values is None else msgspec.json.encode(values).decode()


class Answer(msgspec.Struct):
    """A response, read."""

    status: int
    headers: Any
    text: str

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.text)


class Site:
    """What is served on `url`; `schools` by code, `tokens` by role and school."""

    def __init__(
        self,
        url: str,
        database: str,
        http: aiohttp.ClientSession,
        people: People,
        trail: Trail,
        accounts: Accounts,
    ) -> None:
        self.accounts = accounts
        self.url = url
        self.database = database
        self.http = http
        self.people = people
        self.trail = trail
        self.schools: dict[str, UUID] = {}
        self.users: dict[str, UUID] = {}

    async def ask(self, method: str, path: str, token: str | None = None, body: Any = None, **more: Any) -> Answer:
        """`body`: bytes, files and forms as they are, all else as JSON. `path` from the root."""
        headers = dict(more.pop("headers", {}))
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        data = body
        if body is not None and not isinstance(body, bytes | BytesIO | aiohttp.FormData):
            data = msgspec.json.encode(body)
        if body is not None and not isinstance(body, aiohttp.FormData):
            headers.setdefault("Content-Type", "application/json")
        async with self.http.request(method, self.url + path, data=data, headers=headers, **more) as response:
            return Answer(response.status, response.headers.copy(), await response.text(errors="replace"))

    def token(self, role: str = "school_admin", school: str | None = "near") -> str:
        """A new session of that role."""
        where = None if school is None or role == "super_admin" else self.schools[school]
        return self.people.sign_in(role, where, self.users[school or "near"])

    async def fetch(self, statement: str, *values: object) -> list[Any]:
        connection = await asyncpg.connect(self.database)
        try:
            return list(await connection.fetch(statement, *values))
        finally:
            await connection.close()

    async def furnish(self) -> None:
        await self._connected(self._furnish)

    async def furnish_anew(self) -> None:
        """Other schools and people under the same names, for the next of the tests that share this site.

        What there was is kept, in schools and of people of other names; no token is known any more.
        """
        self.people.known.clear()
        self.trail.kept.clear()
        await self._connected(self._refurnish)

    async def _connected(self, work: Callable[[asyncpg.Connection], Awaitable[None]]) -> None:
        connection = await asyncpg.connect(self.database)
        try:
            async with connection.transaction():
                await work(connection)
        finally:
            await connection.close()

    async def _refurnish(self, connection: asyncpg.Connection) -> None:
        # Those too that a test has made: no code and no address may be taken.
        await connection.execute("UPDATE schools SET code = right(id::text, 20) WHERE code <> right(id::text, 20)")
        await connection.execute(
            "UPDATE users SET email = id || '@former.example' WHERE email NOT LIKE '%@former.example'"
        )
        await self._furnish(connection)

    async def _furnish(self, connection: asyncpg.Connection) -> None:
        for code in ("near", "far"):
            self.schools[code] = await connection.fetchval(
                "INSERT INTO schools (name, code) VALUES ($1, $1) RETURNING id", code
            )
            self.users[code] = await connection.fetchval(
                "INSERT INTO users (email, password_hash, first_name, last_name, role_id, school_id)"
                " VALUES ($1, $2, 'Ada', 'Lovelace', $3, $4) RETURNING id",
                *(f"{code}@example.org", PASSWORD_HASH, SCHOOL_ADMIN, self.schools[code]),
            )
            # A wall screen has an id of its own; here it is the user's, so that `token` finds both.
            await connection.execute(
                "INSERT INTO wall_screens (id, school_id, name, created_by, expires_at)"
                " VALUES ($1, $2, 'Hall', $1, now() + interval '180 days')",
                *(self.users[code], self.schools[code]),
            )

    async def point(self, school: str = "near", name: str = "Gate") -> UUID:
        """A door, made apart from what is tested."""
        rows = await self.fetch(
            "INSERT INTO access_points (id, name, school_id) VALUES ($1, $2, $3) RETURNING id",
            *(new_id(), name, self.schools[school]),
        )
        id_: UUID = rows[0]["id"]
        return id_


@cache
def _reference() -> list[web.RouteDef]:
    """The documents of all resources, made once for all sites."""
    return reference_routes(declared_routes())


@asynccontextmanager
async def site_running(
    settings: Settings, routes: list[Route] | None = None, *, redis_up: bool = True
) -> AsyncIterator[Site]:
    """The shell as hub/app.py puts it together; `routes` instead of the resources' own."""
    clients = Clients(ipaddress.ip_network(one) for one in settings.trusted_proxies)
    people, trail, limiter = People(), Trail(), Limiter(settings, lambda: redis_up)
    pg = await Pg.open(settings, Role)
    declared = declared_routes() if routes is None else routes
    router = Router(settings, pg, people, trail, limiter, clients)
    shell = Shell(settings.body_max_bytes, Stack(settings, clients), ())
    own = settings if settings.secret_key else settings.model_copy(update={"secret_key": SecretStr("A" * 43)})
    accounts = Accounts(own, pg, Roster(), lambda: False)
    reference = _reference() if routes is None else reference_routes(declared)
    application = shell.application([*router.routes(declared), *reference])
    application[ACCOUNTS] = accounts
    index, directory, journal = PassIndex(), Directory(), cast("RecorderClient", Journal())
    application[DESK] = desk = Desk(index, directory, Feed(settings, index, directory, []), journal)
    application[BY_HAND] = ByHand(desk, journal)
    application[ANNULLING] = Annulling(journal, pg)
    application[PICTURES] = pictures = Pictures()
    application[CARDS] = cards = Cards(own, pg, lambda: False)
    application[KEPT] = kept = KeptAnalytics(own, lambda: False)
    application[PRESSES] = presses = Presses(settings, 1)
    application[FILES] = files = await open_files(own)
    application[INTAKE] = intake = Intake(own)
    runner = Runner(
        application,
        {},
        access_log=None,
        handle_signals=False,
    )
    await runner.setup()
    listening = socket.create_server(("127.0.0.1", 0))
    await aiohttp.web.SockSite(runner, listening).start()
    try:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
            url = f"http://127.0.0.1:{listening.getsockname()[1]}"
            assert settings.database_url is not None
            site = Site(url, settings.database_url.get_secret_value(), http, people, trail, accounts)
            await site.furnish()
            yield site
    finally:
        await runner.cleanup()
        await limiter.close()
        await accounts.close()
        await pictures.close()
        await cards.close()
        await kept.close()
        await presses.close()
        await files.close()
        await intake.close()
        await pg.close()
        listening.close()


@asynccontextmanager
async def shared_site(cluster: Cluster, **more: Any) -> AsyncIterator[Site]:
    """A site for all tests of a module, on a database of its own; `more` settings."""
    name = await asyncio.to_thread(cluster.create)
    own: dict[str, Any] = {"secret_key": SECRET_KEY, "rate_anonymous": 1_000_000, "rate_signed_in": 1_000_000}
    async with site_running(load_settings(database_url=cluster.url(name), **(own | more))) as site:
        yield site
    await asyncio.to_thread(cluster.drop, name)
