"""A place with doors: schools in a real PostgreSQL, a recorder and workers in this process, and readers' clients."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from typing import Any
from uuid import UUID

import aiohttp
import asyncpg
import msgspec
from aiohttp import WSMsgType

from hub.app import Worker
from hub.config import Settings, decode_key
from hub.control.line import ControlLine
from hub.domain.ids import new_id
from hub.domain.keyring import KeyRing
from hub.domain.qr import SigningKey, generate_signing_key, sign_code
from hub.recorder.process import Recorder
from hub.rest.ports import AuditTrail, Authenticator
from hub.store.pg import Pg, Role
from tests.conftest import SECRET_KEY

JSON, MSGPACK = "passhub.v1.json", "passhub.v1.msgpack"
DENIED = {
    "revoked_pass": {"status": "revoked"},
    "inactive_pass": {"status": "inactive"},
    "expired_pass": {"expires": -1},
    "expired_status": {"status": "expired"},
    "not_yet_valid": {"starts": 2},
    "student_suspended": {"student": "suspended"},
    "student_inactive": {"student": "inactive"},
    "student_graduated": {"student": "graduated"},
}


class Place:
    """Codes by what they are, doors and their keys by name. School `far` has a pass and a door of its own.

    `tokens`, `expired`: of people who are signed in, where a test has added some.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.signer: SigningKey = generate_signing_key()
        self.codes: dict[str, str] = {}
        self.passes: dict[str, UUID] = {}
        self.students: dict[str, UUID] = {}
        self.doors: dict[str, UUID] = {}
        self.keys: dict[str, str] = {}
        self.schools: dict[str, UUID] = {}
        self.tokens: dict[str, str] = {}
        self.expired: dict[str, str] = {}

    async def execute(self, statement: str, *values: object) -> None:
        connection = await asyncpg.connect(self.url)
        try:
            await connection.execute(statement, *values)
        finally:
            await connection.close()

    async def fetch(self, statement: str, *values: object) -> list[Any]:
        connection = await asyncpg.connect(self.url)
        try:
            return list(await connection.fetch(statement, *values))
        finally:
            await connection.close()

    async def waited_for(self, connection: asyncpg.Connection) -> bool:
        """Whether a statement waits for what the transaction of `connection` has locked."""
        found = await self.fetch(
            "SELECT FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid))", connection.get_server_pid()
        )
        return bool(found)

    async def rows(self, count: int) -> dict[UUID, Any]:
        """access_logs by id, once there are `count` of them."""
        return {
            row["id"]: row
            for row in await until(
                lambda: self.fetch("SELECT * FROM access_logs ORDER BY received_at"), lambda rows: len(rows) >= count
            )
        }


async def until(look: Callable[[], Any], enough: Callable[[Any], bool]) -> Any:
    """What `look` gives as soon as it is `enough`; fails after two minutes."""
    async with asyncio.timeout(120):
        while True:
            found = look()
            if asyncio.iscoroutine(found):
                found = await found
            if enough(found):
                return found
            await asyncio.sleep(0.02)


async def furnish(url: str) -> Place:
    """Fill an empty, migrated database."""
    place = Place(url)
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            for code in ("near", "far", "shut"):
                place.schools[code] = await connection.fetchval(
                    "INSERT INTO schools (name, code, is_active) VALUES ($1, $1, $2) RETURNING id", code, code != "shut"
                )
            await connection.execute(
                "INSERT INTO signing_keys (kid, public_key, private_key) VALUES ($1, $2, $3)",
                *(place.signer.kid, place.signer.public),
                KeyRing([decode_key(SECRET_KEY)]).seal(place.signer.private, place.signer.kid.encode()),
            )
            for name, school, kind, active in (
                ("gate", "near", "both", True),
                ("in", "near", "entry", True),
                ("out", "near", "exit", True),
                ("off", "near", "both", False),
                ("far", "far", "both", True),
                ("shut", "shut", "both", True),
            ):
                await _add_door(connection, place, name, school, kind, active)
            await _add_pass(connection, place, "granted", "near")
            await _add_pass(connection, place, "visitor", "near", student=None)
            await _add_pass(connection, place, "far", "far")
            for name, what in DENIED.items():
                await _add_pass(connection, place, name, "near", **what)  # type: ignore[arg-type]
    finally:
        await connection.close()
    place.codes["unknown_pass"] = _code(place.signer, place, new_id())
    place.codes["bad_signature"] = _code(generate_signing_key(), place, new_id())
    place.codes["malformed_code"] = "https://example.org/a-menu"
    return place


def _code(key: SigningKey, place: Place, pass_id: UUID) -> str:
    now = int(time.time())
    return sign_code(key, place.schools["near"], pass_id, now - 100 * 86_400, now + 100 * 86_400)


async def _add_door(
    connection: asyncpg.Connection, place: Place, name: str, school: str, kind: str, active: bool
) -> None:
    place.doors[name] = await connection.fetchval(
        "INSERT INTO access_points (name, school_id, access_type, is_active) VALUES ($1, $2, $3, $4) RETURNING id",
        name,
        place.schools[school],
        kind,
        active,
    )
    place.keys[name] = await add_key(connection, place.schools[school], place.doors[name])


async def add_key(connection: asyncpg.Connection, school: UUID, door: UUID) -> str:
    """A new device key of a door."""
    key = secrets.token_urlsafe(32)
    await connection.execute(
        "INSERT INTO device_keys (school_id, access_point_id, key_hash) VALUES ($1, $2, $3)",
        school,
        door,
        hashlib.sha256(key.encode()).digest(),
    )
    return key


async def _add_pass(
    connection: asyncpg.Connection,
    place: Place,
    name: str,
    school: str,
    status: str = "active",
    starts: int = -100,
    expires: int = 100,
    student: str | None = "active",
) -> None:
    person: UUID | None = None
    if student is not None:
        person = place.students[name] = await connection.fetchval(
            "INSERT INTO students (student_id, first_name, last_name, school_id, status)"
            " VALUES ($1, 'Zoë', 'Quillfeather', $2, $3) RETURNING id",
            name,
            place.schools[school],
            student,
        )
    id_ = place.passes[name] = new_id()
    place.codes[name] = _code(place.signer, place, id_)
    today = datetime.now(UTC).date()
    await connection.execute(
        "INSERT INTO passes (id, school_id, student_id, pass_number, qr_code, issue_date, expiry_date, status)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        id_,
        place.schools[school],
        person,
        f"P-{name}",
        place.codes[name],
        _day(today, starts),
        _day(today, expires),
        status,
    )


def _day(today: date, days: int) -> date:
    return today + timedelta(days=days)


@asynccontextmanager
async def recorder_running(settings: Settings) -> AsyncIterator[Recorder]:
    recorder, ready = Recorder(settings), asyncio.Event()
    task = asyncio.create_task(recorder.run(ready))
    opened = asyncio.create_task(ready.wait())
    await asyncio.wait([task, opened], return_when=asyncio.FIRST_COMPLETED)
    opened.cancel()
    try:
        yield recorder
    finally:
        task.cancel()
        await asyncio.gather(task, opened, return_exceptions=True)
        for worker in list(recorder.workers):  # as the end of its process would
            if worker.transport is not None:
                worker.transport.abort()


def refuse_scans(recorder: Recorder, why: str) -> None:
    """As a full journal does, until `take_scans`; it looks at its size once a second, and must not find room."""
    recorder._watch_size = lambda limit: None  # type: ignore[method-assign]
    recorder.full = why


def take_scans(recorder: Recorder) -> None:
    del recorder._watch_size
    recorder.full = None


class Line(ControlLine):
    """A control line that says in this process when the worker is ready."""

    def __init__(self) -> None:
        super().__init__()
        self.started = asyncio.Event()

    def ready(self) -> None:
        super().ready()
        self.started.set()


class Gate:
    """A worker that listens on `url`."""

    def __init__(self, worker: Worker, place: Place, port: int, http: aiohttp.ClientSession) -> None:
        self.worker = worker
        self.place = place
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.http = http

    def headers(self, door: str = "gate") -> dict[str, str]:
        return {"Authorization": f"Bearer {self.place.keys[door]}"}

    async def post(self, path: str, body: Any, door: str = "gate", **more: Any) -> tuple[int, Any]:
        """Status and decoded body."""
        raw = body if isinstance(body, bytes | BytesIO) else msgspec.json.encode(body)
        headers = {**self.headers(door), **more.pop("headers", {})}
        async with self.http.post(self.url + path, data=raw, headers=headers, **more) as response:
            return response.status, await response.json()

    async def verify(self, what: str, door: str = "gate", **more: Any) -> dict[str, Any]:
        """The decision on a code, by what it is."""
        body = {"qrCode": self.place.codes.get(what, what), **more}
        status, answer = await self.post("/api/v1/passes/verify", body, door)
        assert status == 200, answer
        assert isinstance(answer, dict)
        return answer

    @asynccontextmanager
    async def reader(self, door: str = "gate", protocol: str | None = JSON, **more: Any) -> AsyncIterator[Reader]:
        """A connected reader that has read its welcome."""
        protocols = () if protocol is None else (protocol,)
        async with self.http.ws_connect(
            self.url + "/api/v1/readers/connect", headers=self.headers(door), protocols=protocols, **more
        ) as socket:
            reader = Reader(socket, protocol)
            reader.welcome = await reader.read()
            yield reader


class Reader:
    """One connection, in the words of its subprotocol."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, protocol: str | None) -> None:
        self.socket = socket
        self.binary = protocol == MSGPACK
        self.welcome: dict[str, Any] = {}

    async def send(self, message: Any) -> None:
        if self.binary:
            await self.socket.send_bytes(message if isinstance(message, bytes) else msgspec.msgpack.encode(message))
        else:
            text = message if isinstance(message, str | bytes) else msgspec.json.encode(message)
            await self.socket.send_str(text if isinstance(text, str) else text.decode())

    async def read(self) -> dict[str, Any]:
        message = await self.socket.receive(timeout=120)
        assert message.type in {WSMsgType.TEXT, WSMsgType.BINARY}, message
        assert (message.type is WSMsgType.BINARY) == self.binary
        module: Any = msgspec.msgpack if self.binary else msgspec.json
        decoded = module.decode(message.data)
        assert isinstance(decoded, dict)
        return decoded

    async def ask(self, message: Any) -> dict[str, Any]:
        await self.send(message)
        return await self.read()

    async def closed(self) -> tuple[int | None, str]:
        """Code and reason, whatever came before."""
        while True:
            message = await self.socket.receive(timeout=120)
            if message.type is WSMsgType.CLOSE:
                return message.data, str(message.extra)
            if message.type in {WSMsgType.CLOSED, WSMsgType.ERROR}:
                return self.socket.close_code, ""


@asynccontextmanager
async def worker_running(
    settings: Settings,
    place: Place,
    slot: int = 0,
    line: Line | None = None,
    authenticator: Authenticator | None = None,
    trail: AuditTrail | None = None,
) -> AsyncIterator[Gate]:
    line = line or Line()
    pg = await Pg.open(settings, Role)
    worker = Worker(settings, slot, line, pg, authenticator, trail)
    listening = socket.create_server(("127.0.0.1", 0))
    task = asyncio.create_task(worker.run(listening))
    started = asyncio.create_task(line.started.wait())
    try:
        await asyncio.wait([task, started], return_when=asyncio.FIRST_COMPLETED)
        await until(lambda: worker.recorder.healthy, bool)
        async with aiohttp.ClientSession() as http:
            yield Gate(worker, place, listening.getsockname()[1], http)
    finally:
        worker.stop.set()
        started.cancel()
        await asyncio.gather(task, started, return_exceptions=True)
        listening.close()
        await pg.close()
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error
