"""A database of many passes of one school, a few of another, and a hub on it, every server process pinned to one core.

PostgreSQL and Valkey run on the client's core: they are somebody else's machines in real life, and the drain's writes
must not look like the hub's. The limits are measured on the same core as the hub, in turn with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from hub.accounts.hashing import hasher
from hub.demo.embedded import RunningPostgres, erase, start_postgres, start_valkey
from hub.store.migrate import migrate

#: Of PostgreSQL.
SHARED_BUFFERS = "1GB"
SERVER_CORE = 0
CLIENT_CORE = 1
SCHOOL = UUID("00000000-0000-7000-8000-000000000001").bytes
POINTS = 128
SIDE_PASSES, SIDE_POINTS = 2_000, 16

_FILL = """
INSERT INTO schools (id, name, code) VALUES ('00000000-0000-7000-8000-000000000001', 'Bench School', 'BENCH');
INSERT INTO students (id, student_id, first_name, last_name, school_id)
SELECT ('00000001-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'S' || n,
    (ARRAY['Maximilian', 'Søren', 'Aisha', 'Ólafur', 'Chiara', 'Wei', 'Zoë', 'Anastasia'])[1 + n % 8],
    (ARRAY['Schmidt', 'Nguyễn', 'Fernández', 'O''Neill', 'Kowalczyk', 'Yılmaz', 'Dupont', 'García'])[1 + n / 8 % 8],
    '00000000-0000-7000-8000-000000000001'
FROM generate_series(0, {passes} - 1) n;
INSERT INTO passes (id, student_id, school_id, pass_number, qr_code, issue_date, expiry_date)
SELECT ('00000002-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
    ('00000001-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, '00000000-0000-7000-8000-000000000001',
    'BENCH-' || lpad(n::text, 7, '0'), 'SP1:BENCH' || n, '2026-01-01', '2099-12-31'
FROM generate_series(0, {passes} - 1) n;
INSERT INTO access_points (id, name, school_id, access_type)
SELECT ('00000003-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'Door ' || n,
    '00000000-0000-7000-8000-000000000001', 'both'
FROM generate_series(0, {points} - 1) n;
INSERT INTO device_keys (school_id, access_point_id, key_hash)
SELECT '00000000-0000-7000-8000-000000000001', ('00000003-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
    sha256(convert_to('phk_bench' || n, 'UTF8'))
FROM generate_series(0, {points} - 1) n;
"""
_ADD_ADMIN = """
INSERT INTO users (email, password_hash, first_name, last_name, role_id, school_id)
SELECT $1, $2, 'Ada', 'Lovelace', r.id, s.id
FROM roles r, schools s WHERE r.name = 'school_admin' AND r.school_id IS NULL AND s.code = $3
"""
_FILL_SIDE = """
INSERT INTO schools (id, name, code) VALUES ('00000000-0000-7000-8000-000000000002', 'Side School', 'SIDE');
INSERT INTO students (id, student_id, first_name, last_name, school_id)
SELECT ('00000001-0000-7000-9000-' || lpad(to_hex(n), 12, '0'))::uuid, 'S' || n, 'Aisha', 'Fernández',
    '00000000-0000-7000-8000-000000000002'
FROM generate_series(0, {passes} - 1) n;
INSERT INTO passes (id, student_id, school_id, pass_number, qr_code, issue_date, expiry_date)
SELECT ('00000002-0000-7000-9000-' || lpad(to_hex(n), 12, '0'))::uuid,
    ('00000001-0000-7000-9000-' || lpad(to_hex(n), 12, '0'))::uuid, '00000000-0000-7000-8000-000000000002',
    'SIDE-' || lpad(n::text, 7, '0'), 'SP1:SIDE' || n, '2026-01-01', '2099-12-31'
FROM generate_series(0, {passes} - 1) n;
INSERT INTO access_points (id, name, school_id, access_type)
SELECT ('00000003-0000-7000-9000-' || lpad(to_hex(n), 12, '0'))::uuid, 'Door ' || n,
    '00000000-0000-7000-8000-000000000002', 'both'
FROM generate_series(0, {points} - 1) n;
INSERT INTO device_keys (school_id, access_point_id, key_hash)
SELECT '00000000-0000-7000-8000-000000000002', ('00000003-0000-7000-9000-' || lpad(to_hex(n), 12, '0'))::uuid,
    sha256(convert_to('phk_side' || n, 'UTF8'))
FROM generate_series(0, {points} - 1) n;
"""


#: Who signs in: an administrator of each school.
ADMIN, SIDE_ADMIN, PASSWORD = "ada@bench.example", "ada@side.example", "two owls and a lantern"


def sign_in(port: int, email: str) -> str:
    """An access token, good for 15 minutes."""
    body = json.dumps({"email": email, "password": PASSWORD}).encode()
    with contextlib.closing(HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request("POST", "/api/v1/auth/login", body, {"Content-Type": "application/json"})
        token: str = json.load(connection.getresponse())["accessToken"]
    return token


def code(number: int) -> str:
    return f"SP1:BENCH{number}"


def device_key(number: int) -> str:
    return f"phk_bench{number}"


class Crowd(NamedTuple):
    """People of one school who show their passes at its doors. `key`: of a door's device."""

    passes: int
    code: Callable[[int], str]
    key: Callable[[int], str]


#: Another school of the same hub, much smaller.
SIDE = Crowd(SIDE_PASSES, lambda number: f"SP1:SIDE{number}", lambda number: f"phk_side{number}")


class World:
    """Services and a database of `passes` passes; `serving()` runs a hub on it."""

    def __init__(self, root: Path, passes: int, url: str, redis_url: str, pids: list[int]) -> None:
        self.root = root
        self.passes = passes
        self.url = url
        self.redis_url = redis_url
        self.pids = pids

    @property
    def crowd(self) -> Crowd:
        """Of the large school."""
        return Crowd(self.passes, code, device_key)

    def processes(self, port: int) -> dict[str, Any]:
        """supervisor.json of the hub on this port, as it is now."""
        found: dict[str, Any] = json.loads((self._journal(port) / "supervisor.json").read_text())
        return found

    def _journal(self, port: int) -> Path:
        return self.root / f"journal-{port}"

    @contextlib.contextmanager
    def serving(self, port: int, workers: int = 1, **settings: str) -> Iterator[dict[str, object]]:
        """A hub on the server core, ready. Yields its supervisor.json."""
        journal = self._journal(port)
        environment = {k: v for k, v in os.environ.items() if not k.startswith("HUB_")} | {
            "HUB_DATABASE_URL": self.url,
            "HUB_REDIS_URL": self.redis_url,
            "HUB_JOURNAL_DIR": str(journal),
            "HUB_PORT": str(port),
            "HUB_WORKERS": str(workers),
            "HUB_SECRET_KEY": "A" * 43,
            "HUB_RATE_DEVICE": "1000000000",  # counted, as it is, and never reached
            "HUB_LOG_LEVEL": "warning",
            "HUB_LOG_FORMAT": "console",
            **settings,
        }
        server = subprocess.Popen([sys.executable, "-m", "hub", "serve"], env=environment)
        pin(SERVER_CORE, server.pid)  # before it starts its children, which inherit the core
        try:
            wait_ready(port)
            yield self.processes(port)
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(20)
            shutil.rmtree(journal, ignore_errors=True)


def pin(core: int, pid: int = 0) -> None:
    """Keep a process (this one by default) on one core; what it starts later stays there too."""
    os.sched_setaffinity(pid, {core})


def _children(pid: int) -> list[int]:
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    direct = [int(p) for p in text.split()]
    return direct + [grandchild for child in direct for grandchild in _children(child)]


def cpu_seconds(pids: list[int]) -> float:
    """User and system time of these processes and all their children, by the kernel's count."""
    ticks = 0
    for pid in {p for one in pids for p in [one, *_children(one)]}:
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def wait_ready(port: int, path: str = "/health/ready", seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=2):
                return
        except urllib.error.HTTPError as error:
            if error.code in {404, 405, 426, 400}:
                return
        except OSError:
            pass
        if time.monotonic() > deadline:
            raise RuntimeError(f"nothing ready on port {port}")
        time.sleep(0.05)


def wait_open(port: int, seconds: float = 20.0) -> None:
    """Until something listens on the port."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


@contextlib.contextmanager
def world(passes: int) -> Iterator[World]:
    """Services on the client's core and a filled database; all gone afterwards."""
    root = Path(tempfile.mkdtemp(prefix="hub-bench-"))
    root.chmod(0o711)
    pin(CLIENT_CORE)
    postgres = _postgres(root)
    valkey = start_valkey(root)
    try:
        asyncio.run(_fill(postgres.url("passhub"), passes))
        yield World(root, passes, postgres.url("passhub"), valkey.url, [postgres.pid, valkey.pid])
    finally:
        valkey.stop()
        postgres.stop()
        erase(root)
        shutil.rmtree(root, ignore_errors=True)


def _postgres(root: Path) -> RunningPostgres:
    """With as much memory as whoever has a million rows gives it: by itself it takes 128 MiB."""
    postgres = start_postgres(root)
    asyncio.run(_give_memory(postgres.url("passhub")))
    postgres.stop()
    return start_postgres(root)


async def _give_memory(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(f"ALTER SYSTEM SET shared_buffers = '{SHARED_BUFFERS}'")
    finally:
        await connection.close()


async def _fill(url: str, passes: int) -> None:
    await migrate(url)
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(_FILL.format(passes=passes, points=POINTS), timeout=600)
        await connection.execute(_FILL_SIDE.format(passes=SIDE_PASSES, points=SIDE_POINTS))
        password_hash = hasher().hash(PASSWORD)
        for email, school in ((ADMIN, "BENCH"), (SIDE_ADMIN, "SIDE")):
            await connection.execute(_ADD_ADMIN, email, password_hash, school)
        await connection.execute("SELECT hub_ensure_partitions('access_logs', 3)")
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()
