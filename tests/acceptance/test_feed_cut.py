"""The whole program, cut off from PostgreSQL while passes are revoked: it says so, has a bound, misses nothing."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from tests.acceptance.program import Program, free_port, wait_for
from tests.services import Cluster
from tests.tcp_proxy import HOWS, How, TcpProxy

CODES = ("kept", "revoked", "replaced", "deleted", "suspended")
DOORS = ("lenient", "strict", "open")
#: So many questions, each on a connection of its own, reach both workers.
EVERYBODY = 24
IMPORT = (
    "INSERT INTO passes (school_id, pass_number, qr_code, issue_date, expiry_date)"
    " SELECT id, 'i' || i, 'i' || i, '2026-09-01', '2127-08-31' FROM schools, generate_series(1, 40000) AS i"
)


class Hub:
    """`passhub serve` with two workers behind a proxy, on a database of its own; `sql` goes past the proxy."""

    def __init__(self, database: str, proxy: TcpProxy, directory: Path) -> None:
        self._database = database
        self.port = free_port()
        self.answers: dict[str, dict[str, Any]] = {}
        self.program = Program(
            *("serve", "--port", str(self.port), "--workers", "2", "--journal-dir", str(directory / "journal")),
            environment={
                "HUB_DATABASE_URL": proxy.url(database),
                "HUB_SECRET_KEY": "A" * 43,
                "HUB_JOURNAL_TIMEOUT_MS": "5000",
                "HUB_FEED_HEARTBEAT": "3",
            },
        )

    def sql(self, statement: str, *values: object) -> Any:
        """The first value of the last row."""

        async def run() -> Any:
            connection = await asyncpg.connect(self._database)
            try:
                return await connection.fetchval(statement, *values)
            finally:
                await connection.close()

        return asyncio.run(run())

    def prepare(self) -> None:
        school = self.sql("INSERT INTO schools (name, code) VALUES ('One', 'ONE') RETURNING id")
        for name in DOORS:
            door = self.sql(
                "INSERT INTO access_points (name, school_id, max_staleness_seconds, fail_open)"
                " VALUES ($2, $1, $3, $4) RETURNING id",
                *(school, name, None if name == "lenient" else 3, name == "open"),
            )
            self.sql(
                "INSERT INTO device_keys (school_id, access_point_id, key_hash) VALUES ($1, $2, $3)",
                *(school, door, hashlib.sha256(name.encode()).digest()),
            )
        for code in CODES:
            student = self.sql(
                "INSERT INTO students (student_id, first_name, last_name, school_id) VALUES ($2, 'Ada', $2, $1)"
                " RETURNING id",
                *(school, code),
            )
            self.sql(
                "INSERT INTO passes (school_id, student_id, pass_number, qr_code, issue_date, expiry_date)"
                " VALUES ($1, $2, $3, $3, '2026-09-01', '2127-08-31')",
                *(school, student, code),
            )

    def change_everything(self) -> None:
        self.sql("UPDATE passes SET status = 'revoked' WHERE qr_code = 'revoked'")
        self.sql("UPDATE passes SET qr_code = 'successor' WHERE qr_code = 'replaced'")
        self.sql("DELETE FROM passes WHERE qr_code = 'deleted'")
        self.sql("UPDATE students SET status = 'suspended' WHERE student_id = 'suspended'")

    def http(self, path: str, body: object = None, key: str = "") -> tuple[int, bytes]:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}", "Connection": "close"}
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=30)) as connection:
            connection.request("POST" if body else "GET", path, json.dumps(body) if body else None, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()

    def ask(self, code: str, door: str = "lenient") -> tuple[str, bool]:
        """The reason (or `granted`) and whether the answer is flagged stale; remembered by its scanId."""
        status, raw = self.http("/api/v1/passes/verify", {"qrCode": code, "scanId": str(uuid4())}, door)
        assert status == 200, raw
        answer = json.loads(raw)
        self.answers[answer["scanId"]] = answer
        return answer["reason"] or "granted", answer["stale"]

    def everybody(self, code: str, door: str = "lenient") -> set[tuple[str, bool]]:
        return {self.ask(code, door) for _ in range(EVERYBODY)}

    def become(self, code: str, reason: str, stale: bool, door: str = "lenient") -> None:
        wait_for(lambda: self.everybody(code, door) == {(reason, stale)}, f"{code} at {door}: {reason}, stale: {stale}")

    def is_ready(self) -> bool:
        try:
            return self.http("/health/ready")[0] == 200
        except (OSError, HTTPException):
            return False


@pytest.fixture
def proxy(cluster: Cluster) -> Iterator[TcpProxy]:
    with TcpProxy(cluster.postgres.socket_dir / ".s.PGSQL.5432") as proxy:
        yield proxy


@pytest.fixture
def hub(database: str, proxy: TcpProxy, tmp_path: Path) -> Iterator[Hub]:
    hub = Hub(database, proxy, tmp_path)
    hub.prepare()
    with hub.program as program:
        wait_for(lambda: hub.is_ready() or not program.running, "ready")
        assert program.running, program.text
        hub.become("kept", "granted", stale=False)
        yield hub


@pytest.mark.parametrize("how", HOWS)
def test_a_cut_is_said_is_bounded_and_misses_nothing(hub: Hub, proxy: TcpProxy, how: How) -> None:
    cut = time.monotonic()
    proxy.cut(how)
    hub.change_everything()
    hub.become("revoked", "granted", stale=True)
    print(f"{how}: {EVERYBODY} answers in a row were flagged {time.monotonic() - cut:.1f} s after the cut")
    hub.become("kept", "stale_index", stale=True, door="strict")
    hub.become("nobody's", "stale_index", stale=True, door="strict")
    assert hub.everybody("kept", "open") == {("granted", True)}
    assert hub.everybody("kept") == {("granted", True)}
    proxy.heal()
    # Fresh means caught up: a worker that says so has missed nothing.
    wait_for(lambda: all(not stale for _, stale in hub.everybody("kept")), "fresh again")
    assert hub.everybody("revoked") == {("revoked_pass", False)}
    assert hub.everybody("replaced") == {("malformed_code", False)}
    assert hub.everybody("deleted") == {("malformed_code", False)}
    assert hub.everybody("suspended") == {("student_suspended", False)}
    assert hub.everybody("successor") == {("granted", False)}
    assert hub.everybody("kept", "strict") == {("granted", False)}
    every_answer_is_in_the_log(hub)


def every_answer_is_in_the_log(hub: Hub) -> None:
    """As it was given, the flag too, though PostgreSQL was away when many were."""
    wait_for(lambda: hub.sql("SELECT count(*) FROM access_logs") >= len(hub.answers), "all is drained")

    async def rows() -> list[asyncpg.Record]:
        connection = await asyncpg.connect(hub._database)
        try:
            return list(await connection.fetch("SELECT id::text, status, reason, stale FROM access_logs"))
        finally:
            await connection.close()

    logged = {row["id"]: (row["status"], row["reason"], row["stale"]) for row in asyncio.run(rows())}
    assert logged == {
        id_: (answer["decision"], answer["reason"], answer["stale"]) for id_, answer in hub.answers.items()
    }


def test_a_revocation_overtakes_an_import_on_every_worker(hub: Hub) -> None:
    """40,000 rows in one statement; what is revoked meanwhile is denied before the last of them is known."""
    delays = []
    overtook, revoked = 0, False
    with ThreadPoolExecutor(1) as pool:
        importing = pool.submit(hub.sql, IMPORT)
        # The newest are read first: the first pass of the import is the last to be known.
        while hub.ask("i1")[0] != "granted":
            committed_before = importing.done()
            revoked = not revoked
            hub.sql("UPDATE passes SET status = $1 WHERE qr_code = 'revoked'", "revoked" if revoked else "active")
            committed = time.monotonic()
            wanted = ("revoked_pass" if revoked else "granted", False)
            while {hub.ask("revoked") for _ in range(6)} != {wanted}:
                assert time.monotonic() < committed + 60, f"{wanted} not within a minute"
            delays.append(time.monotonic() - committed)
            overtook += committed_before and hub.ask("i1")[0] != "granted"
        importing.result()
    hub.become("i1", "granted", stale=False)
    print(
        f"{len(delays)} revocations, {overtook} overtook; the slowest {max(delays) * 1000:.0f} ms, questions included"
    )
    assert max(delays) < 60
    assert not any(answer["stale"] for answer in hub.answers.values())
