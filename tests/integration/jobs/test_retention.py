"""What is too old goes, and nothing else: months whole where nobody wants them, else rows; said before and after."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from hub.accounts.ledger.digests import Signatures, Signer
from hub.accounts.ledger.verify import verify
from hub.accounts.trail import AuditTrail
from hub.config import Settings, key_ring
from hub.domain.audit_row import AuditRow
from hub.jobs.retention import run as retention
from hub.jobs.retention.run import Outcome
from hub.jobs.retention.steps import Place
from hub.jobs.retention.tables import TABLES
from hub.store.pg import Pg, Role
from tests.integration.rows import add_school, add_student

DAYS = {"access_logs": 200, "audit_logs": 400}
SEED = b"r" * 32


class World:
    """Two schools: the one wants its scans for 200 days and its audit for 400, the other for ever."""

    def __init__(self, sql: asyncpg.Connection, pg: Pg, settings: Settings, schools: dict[str, UUID]) -> None:
        self.sql = sql
        self.pg = pg
        self.settings = settings
        self.schools = schools

    @property
    def place(self) -> Place:
        trail = AuditTrail(key_ring(self.settings), self.pg, _no_journal)
        return retention.place_of(self.settings, self.pg, trail)

    async def scan(self, school: str, days: float, **more: Any) -> UUID:
        """One scan, so many days ago by its reader's clock, and `received` days ago by the hub's if they differ."""
        id_ = uuid4()
        await self.sql.execute(
            "INSERT INTO access_logs (id, school_id, access_time, received_at, status, student_id)"
            " VALUES ($1, $2, $3, $4, 'granted', $5)",
            *(id_, self.schools[school], ago(days), ago(more.get("received", days)), more.get("student")),
        )
        return id_

    async def month_of(self, log: str, days: float) -> str:
        """Make the month that was so many days ago."""
        start = ago(days).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        end = (start + timedelta(days=31)).replace(day=1)
        name = f"{log}_{start:%Y_%m}"
        await self.sql.execute(
            f"CREATE TABLE IF NOT EXISTS {name} PARTITION OF {log} FOR VALUES FROM ('{start}') TO ('{end}')"
        )
        return name

    async def scans(self) -> set[UUID]:
        return {row["id"] for row in await self.sql.fetch("SELECT id FROM access_logs")}

    async def months(self, log: str) -> set[str]:
        rows = await self.sql.fetch(
            "SELECT c.relname FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = inhrelid"
            " WHERE inhparent = $1::text::regclass",
            log,
        )
        return {row["relname"] for row in rows}

    async def said(self) -> list[dict[str, Any]]:
        """What the audit has of it."""
        rows = await self.sql.fetch("SELECT new_values FROM audit_logs WHERE resource_type = 'retention' ORDER BY id")
        return [json.loads(row["new_values"]) for row in rows]


def ago(days: float) -> datetime:
    return datetime.now(UTC) - timedelta(days=days)


async def _no_journal(row: AuditRow) -> None:
    raise AssertionError(row)


@asynccontextmanager
async def world_of(settings: Settings) -> AsyncIterator[World]:
    assert settings.database_url is not None
    sql = await asyncpg.connect(settings.database_url.get_secret_value())
    pg = await Pg.open(settings, [Role.hub_system, Role.hub_api])
    schools = {}
    for code, keeps in (
        (
            "SHORT",
            {"accessLogs": DAYS["access_logs"], "auditLogs": DAYS["audit_logs"], "students": 30, "documents": 50},
        ),
        ("EVER", {"accessLogs": None, "auditLogs": None, "students": None, "documents": None}),
    ):
        schools[code] = await add_school(sql, code)
        await sql.execute(
            "UPDATE schools SET settings = $2 WHERE id = $1", schools[code], json.dumps({"retention": keeps})
        )
    try:
        yield World(sql, pg, settings, schools)
    finally:
        await pg.close()
        await sql.close()


@pytest.fixture
async def world(settings: Callable[..., Settings]) -> AsyncIterator[World]:
    async with world_of(settings(retention_batch=3)) as found:
        yield found


def rows_of(found: list[Outcome], table: str) -> dict[str, int]:
    """School, or what is said of a month → rows, of those that had any."""
    return {one.code or one.keep: one.rows for one in found if one.table == table and one.rows}


async def test_scans_go_when_their_school_says_so_in_batches_and_others_stay(world: World) -> None:
    old = [await world.scan("SHORT", 201 + number / 100) for number in range(8)]
    kept = {await world.scan("SHORT", 199), await world.scan("EVER", 201), await world.scan("EVER", 5000)}
    before = rows_of(await retention.dry_run(world.place), "access_logs")
    assert before == {"SHORT": len(old)}
    assert await world.scans() == kept | set(old)
    assert rows_of(await retention.run(world.place), "access_logs") == before
    assert await world.scans() == kept
    assert {"table": "access_logs", "keep": "200 days", "rows": 8} in await world.said()
    assert rows_of(await retention.run(world.place), "access_logs") == {}


async def test_a_month_that_nobody_wants_is_dropped_and_one_that_somebody_does_is_not(world: World) -> None:
    dropped, mixed = await world.month_of("access_logs", 300), await world.month_of("access_logs", 400)
    for _ in range(5):
        await world.scan("SHORT", 300)
        await world.scan("SHORT", 400)
    kept = await world.scan("EVER", 400)
    would = rows_of(await retention.dry_run(world.place), "access_logs")
    assert would == {f"the month {ago(300):%Y-%m}, dropped": 5, "SHORT": 10}
    went = rows_of(await retention.run(world.place), "access_logs")
    assert went == {f"the month {ago(300):%Y-%m}, dropped": 5, "SHORT": 5}
    assert await world.scans() == {kept}
    assert dropped not in await world.months("access_logs")
    assert mixed in await world.months("access_logs")


async def test_a_scan_whose_reader_had_a_wrong_clock_is_kept_as_long_as_any(world: World) -> None:
    month = await world.month_of("access_logs", 300)
    late = {await world.scan("SHORT", 300, received=199), await world.scan("SHORT", 5000, received=1)}
    old = [await world.scan("SHORT", days, received=201) for days in (300, 5000, 5000, 5000)]
    assert rows_of(await retention.dry_run(world.place), "access_logs") == {"SHORT": len(old)}
    assert rows_of(await retention.run(world.place), "access_logs") == {"SHORT": len(old)}
    assert await world.scans() == late
    assert month in await world.months("access_logs")
    await world.sql.execute("UPDATE access_logs SET received_at = $1", ago(201))
    went = rows_of(await retention.run(world.place), "access_logs")
    assert went == {f"the month {ago(300):%Y-%m}, dropped": 1, "SHORT": 1}
    assert await world.scans() == set()


async def test_a_month_whose_log_is_busy_waits_for_another_night(world: World) -> None:
    name = await world.month_of("access_logs", 300)
    await world.scan("SHORT", 300)
    other = await asyncpg.connect(world.settings.database_url.get_secret_value())  # type: ignore[union-attr]
    async with other.transaction():
        await other.execute("SELECT count(*) FROM access_logs")
        await retention.run(world.place)
        assert name in await world.months("access_logs")
        assert await world.scans() == set()  # its rows went one by one
    await other.close()
    await retention.run(world.place)
    assert name not in await world.months("access_logs")


async def test_the_database_itself_keeps_what_is_too_young(world: World) -> None:
    async with world.pg.system() as tx:
        for statement, values in (
            ("SELECT hub_drop_month('access_logs', $1)", [datetime.now(UTC).date().replace(day=1)]),
            ("SELECT hub_drop_month('audit_logs', $1)", [ago(340).date().replace(day=1)]),
            ("SELECT hub_drop_month('students', $1)", [ago(900).date().replace(day=1)]),
            ("SELECT hub_prune_access_logs($1, now(), 10)", [world.schools["SHORT"]]),
            ("SELECT hub_prune_chain(1)", []),
        ):
            with pytest.raises(asyncpg.InvalidParameterValueError):
                async with tx.transaction():
                    await tx.fetchval(statement, *values)


async def test_students_who_left_are_erased_after_their_time_and_files_go(world: World) -> None:
    gone, kept = [await add_student(world.sql, world.schools["SHORT"], f"S{n}") for n in range(2)]
    other = await add_student(world.sql, world.schools["EVER"], "S9")
    await world.sql.execute(
        "UPDATE students SET deleted_at = now() - CASE WHEN id = $1 THEN interval '29 days' ELSE '31 days' END", kept
    )
    for days in (49, 51):
        await world.sql.execute(
            "INSERT INTO documents (school_id, student_id, file_name, created_at) VALUES ($1, $2, 'x', $3)",
            *(world.schools["SHORT"], kept, ago(days)),
        )
    went = await retention.run(world.place)
    assert (rows_of(went, "students"), rows_of(went, "documents")) == ({"SHORT": 1}, {"SHORT": 1})
    rows = await world.sql.fetch("SELECT id FROM students WHERE erased_at IS NOT NULL")
    assert [row["id"] for row in rows] == [gone]
    assert await world.sql.fetchval("SELECT first_name FROM students WHERE id = $1", other) != ""
    (entry,) = await world.sql.fetch("SELECT action, subject_id FROM audit_logs WHERE resource_type = 'student'")
    assert (entry["action"], entry["subject_id"]) == ("delete", gone)


async def test_what_was_in_a_journal_when_somebody_was_erased_is_emptied_when_it_has_come(world: World) -> None:
    student = await add_student(world.sql, world.schools["SHORT"], "S1")
    await world.sql.execute("UPDATE students SET deleted_at = now() - interval '40 days'")
    await retention.run(world.place)
    scan = await world.scan("SHORT", 0, student=student)
    await world.sql.execute("UPDATE access_logs SET reason = 'Zoe forgot it', reader_reason = 'expired_pass'")
    await retention.run(world.place)
    (row,) = await world.sql.fetch("SELECT id, reason, reader_reason FROM access_logs")
    assert (row["id"], row["reason"], row["reader_reason"]) == (scan, None, "expired_pass")


async def test_what_a_school_did_after_an_erasure_is_left_alone_on_the_next_nights(world: World) -> None:
    await add_student(world.sql, world.schools["SHORT"], "S1")
    await world.sql.execute("UPDATE students SET deleted_at = now() - interval '40 days'")
    await retention.run(world.place)
    erased = await world.sql.fetchval("SELECT erased_at FROM student_keys")
    # Of each one from before the erasure, which came late, and one from after it; a school's, and the installation's.
    for school in (world.schools["SHORT"], None):
        for at in (erased, erased + timedelta(microseconds=1)):
            for status in ("finished", "failed", "needs_confirmation"):
                await world.sql.execute(
                    "WITH job AS (INSERT INTO job_runs (id, school_id, kind, params, state, status, created_at)"
                    " VALUES (gen_random_uuid(), $1, 'x', 'asked', '1', $2, $3) RETURNING id)"
                    " INSERT INTO job_files (id, job_id, school_id, name, key, size)"
                    " SELECT gen_random_uuid(), id, $1, 'x', '', 0 FROM job",
                    *(school, status, at),
                )
            await world.sql.execute(
                "INSERT INTO idempotency_keys (user_id, digest, school_id, request, answer, created_at)"
                " VALUES (gen_random_uuid(), sha256(''), $1, '', 'answer', $2)",
                *(school, at),
            )
    await retention.run(world.place)
    jobs = await world.sql.fetch(
        "SELECT r.status, r.params IS NOT NULL AS whole, f.id IS NOT NULL AS file, r.created_at > $1 AS later"
        " FROM job_runs AS r LEFT JOIN job_files AS f ON f.job_id = r.id",
        erased,
    )
    assert Counter((row["later"], row["status"], row["whole"], row["file"]) for row in jobs) == {
        (True, "finished", True, True): 2,
        (True, "failed", True, True): 2,
        (True, "needs_confirmation", True, True): 2,
        (False, "finished", False, False): 2,
        (False, "failed", False, False): 4,
    }
    answers = await world.sql.fetch(
        "SELECT answer IS NOT NULL AS kept, created_at > $1 AS later FROM idempotency_keys", erased
    )
    assert Counter((row["later"], row["kept"]) for row in answers) == {(True, True): 2, (False, False): 2}


OLD_ROWS = {
    # By a reader's clock that is wrong these are all years old.
    "scan_ids": "INSERT INTO scan_ids (device_id, scan_id, access_time, noted_at)"
    " VALUES (gen_random_uuid(), gen_random_uuid(), now() - interval '9 years', now() - $1::interval)",
    "stream_heads": "INSERT INTO stream_heads VALUES (gen_random_uuid(), gen_random_uuid(), 1, now() - $1::interval)",
    "queue_log": "INSERT INTO pgqueuer_log (created, job_id, status, priority, entrypoint)"
    " VALUES (now() - $1::interval, 1, 'successful', 0, 'x')",
    "queue_figures": "INSERT INTO pgqueuer_statistics (created, count, priority, status, entrypoint)"
    " VALUES (now() - $1::interval, 1, 0, 'successful', 'x')",
    "audit_rejected": "INSERT INTO audit_logs_rejected VALUES (gen_random_uuid(), '', 'x', now() - $1::interval)",
    "rejected": "INSERT INTO access_logs_rejected (recorder_id, journal_row, entry, error, rejected_at)"
    " VALUES (gen_random_uuid(), 1, '', 'x', now() - $1::interval)",
    "jobs": "INSERT INTO job_runs (id, kind, created_at) VALUES (gen_random_uuid(), 'x', now() - $1::interval)",
    "job_files": "WITH job AS (INSERT INTO job_runs (id, kind) VALUES (gen_random_uuid(), 'x') RETURNING id)"
    " INSERT INTO job_files (id, job_id, name, key, size, created_at)"
    " SELECT gen_random_uuid(), id, 'x', '', 0, now() - $1::interval FROM job",
    "mails": "WITH p AS (SELECT id, school_id FROM passes LIMIT 1)"
    " INSERT INTO pass_mails (id, school_id, pass_id, job_id, lookup_key, created_at)"
    " SELECT gen_random_uuid(), school_id, id, gen_random_uuid(), '', now() - $1::interval FROM p",
    "pass_history": "INSERT INTO pass_history (pass_id, school_id, at, kind, changes)"
    " SELECT id, school_id, now() - $1::interval, 'changed', '{}' FROM passes LIMIT 1",
    "pass_uses": "INSERT INTO pass_uses (device_id, scan_id, pass_id, used_at, noted_at)"
    " SELECT gen_random_uuid(), gen_random_uuid(), id, now() - interval '9 years', now() - $1::interval"
    " FROM passes LIMIT 1",
}


@pytest.mark.parametrize("name", TABLES)
async def test_every_table_of_the_installation_is_kept_as_long_as_it_says(world: World, name: str) -> None:
    await world.sql.execute(
        "INSERT INTO passes (school_id, pass_number, qr_code, issue_date, expiry_date, pass_type)"
        " VALUES ($1, 'P', 'P', now(), now(), 'visitor')",
        world.schools["EVER"],
    )
    table, setting = TABLES[name]
    days = getattr(world.settings, f"retention_{setting}_days")
    for count, age in ((4, days + 1), (1, days - 1)):
        for number in range(count):
            await world.sql.execute(OLD_ROWS[name], timedelta(days=age, minutes=number))
    assert rows_of(await retention.dry_run(world.place), table) == {f"{days} days": 4}
    assert rows_of(await retention.run(world.place), table) == {f"{days} days": 4}
    left = await world.sql.fetchval(f"SELECT count(*) FROM {table}")
    assert left >= 1
    assert rows_of(await retention.run(world.place), table) == {}


async def test_old_letters_in_the_directory_go(settings: Callable[..., Settings], tmp_path: Any) -> None:
    mail = tmp_path / "mail"
    mail.mkdir()
    for name, days in (("old", 31), ("new", 29)):
        (mail / f"{name}.eml").write_text("To: x@school.example\n\nHello")
        os.utime(mail / f"{name}.eml", (ago(days).timestamp(),) * 2)
    async with world_of(settings(mail_dir=mail)) as world:
        await retention.run(world.place)
    assert [path.name for path in mail.iterdir()] == ["new.eml"]


async def test_every_statement_of_the_run_is_one_that_a_person_can_read_before(world: World) -> None:
    found = await retention.dry_run(world.place)
    assert {one.table for one in found} >= {table for table, _ in TABLES.values()}
    assert all(one.rows == 0 for one in found if one.table != "pgqueuer_log")
    assert await verify(world.pg, Signatures([Signer(SEED).public])) is not None
