"""Audit and keys with the real program: kills lose no row, tampering is told, keys are exchanged while it runs."""

from __future__ import annotations

import asyncio
import base64
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from hub.domain.audit_row import AuditRow
from hub.domain.ids import new_id_bytes
from hub.domain.keyring import KeyRing
from hub.domain.vault import column_place
from hub.recorder.client import RecorderClient
from tests.acceptance.hub import Hub
from tests.acceptance.program import Program
from tests.acceptance.school import School

pytestmark = pytest.mark.service

OLD, NEW, AUDIT = (base64.urlsafe_b64encode(bytes([n]) * 32).decode() for n in (1, 2, 3))
ROWS = 100


def audit_row() -> AuditRow:
    """Somebody read a student's data."""
    nothing = (None,) * 7
    at = time.time_ns() // 1000
    return AuditRow(new_id_bytes(), at, None, None, "read", "student", new_id_bytes(), *nothing, salt=b"s" * 16)


@asynccontextmanager
async def worker_of(directory: Path) -> AsyncIterator[RecorderClient]:
    """The part of a worker that keeps audit rows, at a real recorder's socket."""
    client = RecorderClient(directory / "recorder.sock", worker="test", timeout_ms=30_000, backlog=1_000)
    task = asyncio.create_task(client.run())
    try:
        yield client
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def keep(client: RecorderClient) -> set[bytes]:
    """Some reads, each answered once it is on disk; their ids."""
    rows = [audit_row() for _ in range(ROWS)]
    await asyncio.gather(*(client.notes.keep(row) for row in rows))
    return {row.id for row in rows}


async def logged(sql: asyncpg.Connection, count: int) -> set[bytes]:
    """The ids of all rows, once there are so many."""
    async with asyncio.timeout(120):
        while await sql.fetchval("SELECT count(*) FROM audit_logs") < count:  # noqa: ASYNC110 - no event tells of it
            await asyncio.sleep(0.05)
    rows = await sql.fetch("SELECT id FROM audit_logs")
    assert len(rows) == count
    return {row["id"].bytes for row in rows}


async def test_a_recorder_killed_between_the_read_and_the_drain_loses_no_row(school: School, directory: Path) -> None:
    sql = await asyncpg.connect(school.url)
    with Hub(school.url, directory) as hub:
        hub.wait_ready()
        async with worker_of(directory) as client:
            async with sql.transaction():
                await sql.execute("LOCK TABLE audit_logs IN ACCESS EXCLUSIVE MODE")  # nothing gets past the journal
                kept = await keep(client)
                victim = hub.pids["recorder"]
                os.kill(victim, signal.SIGKILL)
                hub.recorder_replaced(victim)
                kept |= await keep(client)
                assert await sql.fetchval("SELECT count(*) FROM audit_logs") == 0
            assert await logged(sql, 2 * ROWS) == kept
            kept |= await keep(client)
            assert await logged(sql, 3 * ROWS) == kept
    await sql.close()


async def test_without_postgresql_reads_are_journaled_and_logged_when_it_is_back(
    school: School, directory: Path
) -> None:
    with Hub("postgresql://nobody@127.0.0.1:9/none", directory, start_grace=0.1) as hub:
        hub.recovers((directory / "recorder.sock").exists, "a recorder without a database")
        async with worker_of(directory) as client:
            kept = await keep(client)
        hub.crash()
    sql = await asyncpg.connect(school.url)
    with Hub(school.url, directory) as hub:
        hub.wait_ready()
        assert await logged(sql, ROWS) == kept
    await sql.close()


def passhub(*arguments: str, **settings: str) -> tuple[int, str]:
    """Exit status and words of a command."""
    program = Program(*arguments, environment={f"HUB_{name.upper()}": value for name, value in settings.items()})
    with program:
        return program.wait(), program.text


def test_what_was_done_to_the_log_is_told_by_the_command(school: School, directory: Path) -> None:
    own = {"database_url": school.url, "audit_key": AUDIT, "audit_heads": str(directory / "heads.jsonl")}
    for _ in range(3):
        school.execute("INSERT INTO audit_logs (action, resource_type) VALUES ('read', 'student')")
    assert passhub("audit", "verify", **own)[1].startswith("0 rows in 0 batches, 0 of erased values; 3 not sealed yet")
    assert passhub("audit", "seal", **own) == (0, "3 rows sealed")
    status, text = passhub("audit", "verify", **own)
    assert (status, text) == (0, "3 rows in 1 batches, 0 of erased values; 0 not sealed yet")
    public = passhub("audit", "key", **own)[1]
    elsewhere = {"database_url": school.url}
    assert passhub("audit", "verify", "--public-key", public, **elsewhere)[0] == 0
    row = school.fetch(
        "UPDATE audit_logs SET action = 'update' WHERE id = (SELECT min(id::text)::uuid FROM audit_logs) RETURNING id"
    )[0]["id"]
    status, text = passhub("audit", "verify", **own)
    assert (status, text.splitlines()[0]) == (1, f"batch 1, row {row}: was changed")
    status, text = passhub("audit", "verify", "--public-key", "00" * 32, **elsewhere)
    assert (status, text.splitlines()[0]) == (1, "batch 1: its head is not what a known key signed")
    assert passhub("audit", "verify", **elsewhere)[1].startswith("passhub: HUB_AUDIT_KEY is not set")


def test_keys_are_exchanged_by_the_command(school: School, directory: Path) -> None:
    old, new = KeyRing([bytes([1]) * 32]), KeyRing([bytes([2]) * 32])
    id_ = school.fetch("SELECT id FROM students LIMIT 1")[0]["id"]
    place = column_place("students", "phone", id_)
    school.execute("UPDATE students SET phone = $2 WHERE id = $1", id_, old.seal(b"030 1", place))
    own = {"database_url": school.url, "data_keys": NEW, "secret_key": OLD}
    shown = passhub("keys", "show", **own)[1].splitlines()
    assert shown == [f"{new.ids[0]}  encrypts and decrypts", f"{old.ids[0]}  decrypts"]
    status, text = passhub("keys", "rotate", **own)
    assert status == 0, text
    assert text.splitlines()[-2:] == [
        f"1 rows encrypted anew with key {new.ids[0]}",
        f"no longer needed by this database: {old.ids[0]}; backups still need them",
    ]
    sealed = school.fetch("SELECT phone FROM students WHERE id = $1", id_)[0]["phone"]
    assert new.unseal(sealed, place) == b"030 1"
    school.execute("UPDATE students SET phone = $2 WHERE id = $1", id_, KeyRing([bytes(32)]).seal(b"030 1", place))
    status, text = passhub("keys", "rotate", **own)
    assert status == 1
    assert f"left as it is, students.phone of {id_}: sealed with another key" in text.splitlines()
    (directory / "kept").mkdir()
    (directory / "kept" / "strange").write_bytes(bytes(100))
    status, text = passhub("keys", "rotate", **own | {"files_dir": str(directory)})
    assert (status, text.splitlines()[-2]) == (1, "left as it is, file strange: sealed with another key")


@pytest.mark.parametrize("command", ["serve", "jobs"])
def test_nothing_starts_without_keys(school: School, directory: Path, command: str) -> None:
    status, text = passhub(command, database_url=school.url, journal_dir=str(directory))
    assert status == 1
    assert text.startswith("passhub: HUB_SECRET_KEY is not set, nor HUB_DATA_KEYS")
    assert len(text.splitlines()) == 1


def test_the_jobs_seal_by_themselves(school: School, directory: Path) -> None:
    school.execute("INSERT INTO audit_logs (action) VALUES ('read')")
    heads = directory / "heads.jsonl"
    with Hub(school.url, directory, audit_key=AUDIT, audit_heads=heads) as hub:
        hub.recovers(heads.exists, "the heads are written")
    assert len(school.fetch("SELECT 1 FROM audit_sealed")) == 1
