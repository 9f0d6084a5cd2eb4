"""The doctor on real stores: everything right, then each fault made for real and named with what to do."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import msgspec
import pytest

from hub.demo.embedded import start_postgres
from hub.domain.qr import generate_signing_key
from hub.domain.vault import seal
from hub.supervisor.doctor import Level, examine, server
from tests.acceptance.program import free_port
from tests.integration.doctor.report import SECRET, Look, at, faults, role_urls, told
from tests.integration.gate.place import until
from tests.integration.rows import add_door, add_school
from tests.services import Cluster, service_dir

# What the place that the tests run at may be warned of: memory below /tmp, a disk that is full or busy.
OF_THE_PLACE = {("journal", "file system"), ("journal", "writes"), ("journal", "room")}


async def test_everything_is_right(look: Look, owner: asyncpg.Connection, database: str) -> None:
    urls = await role_urls(owner, database)
    school = await add_school(owner, "ONE")
    await add_door(owner, school)
    key = generate_signing_key()
    await owner.execute(
        "INSERT INTO signing_keys (kid, public_key, private_key) VALUES ($1, $2, $3)",
        *(key.kid, key.public, seal(SECRET, key.private, key.kid.encode())),
    )
    report = await look(**urls, audit_key=base64.urlsafe_b64encode(SECRET).decode())
    assert report.ok
    assert faults(report) == []
    assert {(f.part, f.check) for f in report.findings if f.level != Level.right} <= OF_THE_PLACE
    checks = [finding.check for finding in report.findings]
    assert checks == [
        *("variables", "secret key", "versions", "packages"),
        *("roles", "version", "wake-ups", "clock", "sessions", "room"),
        *("migrations", "tenancy", "feed", "months"),
        *("signing keys", "device keys", "time zones", "refused scans", "audit chain"),
        *("version", "events", "store", "directory", "file system", "writes", "room", "lock", "port"),
    ]
    assert at(report, "wake-ups", Level.right).facts["milliseconds"] > 0
    assert "pw" not in {word.strip(",:;") for finding in report.findings for word in finding.says.split()}


async def test_without_the_roles_addresses_it_warns(look: Look) -> None:
    report = await look()
    assert report.ok
    told(report, "logins", "HUB_DATABASE_API_URL", "HUB_DATABASE_SYSTEM_URL", "superuser", level=Level.warning)


async def test_without_the_owners_address_migrations_are_compared_by_hub_system(
    look: Look, owner: asyncpg.Connection, database: str
) -> None:
    urls = await role_urls(owner, database)
    assert faults(await look(**urls, database_url=None)) == []
    newest = await owner.fetchval("SELECT max(name) FROM schema_migrations")
    await owner.execute("DELETE FROM schema_migrations WHERE name = $1", newest)
    told(await look(**urls, database_url=None), "migrations", newest, "passhub migrate")
    report = await look(**urls, database_url="postgresql://postgres:wrong@" + database.split("@", 1)[1])
    told(report, "migrations", "as the owner", "password", "HUB_DATABASE_URL")


async def test_nothing_is_set(journal_dir: Path) -> None:
    report = await examine(journal_dir=journal_dir, port=free_port())
    assert faults(report) == ["secret key", "addresses"]
    told(report, "addresses", "HUB_DATABASE_URL")
    assert at(report, "address", Level.right).part == "Redis"


async def test_postgresql_is_stopped(look: Look) -> None:
    with service_dir() as root:
        postgres = await asyncio.to_thread(start_postgres, root)
        url = postgres.url()
        await asyncio.to_thread(postgres.stop)
        report = await look(database_url=url)
    assert faults(report) == ["HUB_DATABASE_URL"]
    told(report, "HUB_DATABASE_URL", "nothing listens there", "start PostgreSQL")
    at(report, "tables", Level.skipped)
    at(report, "data", Level.skipped)


async def test_postgresql_and_redis_are_silent(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections are taken and nothing is ever answered."""
    monkeypatch.setattr("hub.store.pg.CONNECT_TIMEOUT", 0.2)
    monkeypatch.setattr("hub.supervisor.doctor.events.ANSWER_SECONDS", 0.2)
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        place = f"127.0.0.1:{mute.getsockname()[1]}"
        report = await look(database_url=f"postgresql://u:hunter2@{place}/hub", redis_url=f"redis://:hunter2@{place}")
    assert faults(report) == ["HUB_DATABASE_URL", "answers"]
    assert "hunter2" not in msgspec.json.encode(report).decode()


async def test_the_password_and_the_name_of_the_database(look: Look, database: str) -> None:
    told(await look(database_url=database.replace("postgres:", "postgres:x", 1)), "HUB_DATABASE_URL", "password")
    name = database.split("/test_", 1)[1].split("?", 1)[0]
    told(await look(database_url=database.replace(name, "nowhere")), "HUB_DATABASE_URL", "create that database")


async def test_a_database_that_was_never_migrated(look: Look, cluster: Cluster) -> None:
    name = await asyncio.to_thread(cluster.create, None)
    try:
        report = await look(database_url=cluster.url(name))
    finally:
        await asyncio.to_thread(cluster.drop, name)
    assert faults(report) == ["migrations"]
    assert len(told(report, "migrations", "run: passhub migrate").facts["pending"]) >= 9
    at(report, "data", Level.skipped)


async def test_migrations_edited_and_newer(look: Look, owner: asyncpg.Connection) -> None:
    await owner.execute("INSERT INTO schema_migrations (name, sha256) VALUES ('0999_later.sql', 'x')")
    told(await look(), "migrations", "newer", "0999_later.sql", level=Level.warning)
    await owner.execute("UPDATE schema_migrations SET sha256 = 'x' WHERE name = '0004_logs.sql'")
    report = await look()
    told(report, "migrations", "0004_logs.sql was edited", "put it back")
    at(report, "tenancy", Level.right)


async def test_the_wrong_secret_key(look: Look, owner: asyncpg.Connection) -> None:
    key = generate_signing_key()
    sealed = seal(bytes(32), key.private, key.kid.encode())
    await owner.execute(
        "INSERT INTO signing_keys (kid, public_key, private_key) VALUES ($1, $2, $3)", key.kid, key.public, sealed
    )
    report = await look()
    assert faults(report) == ["signing keys"]
    told(report, "signing keys", key.kid, "another key", "HUB_SECRET_KEY")
    assert faults(await look(secret_key=base64.urlsafe_b64encode(bytes(32)).decode())) == []


async def test_variables_that_are_none_or_bad(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_JOURNAL_DRI", "/x")
    monkeypatch.setenv("HUB_WORKERS", "many")
    report = await look()
    assert faults(report) == ["HUB_JOURNAL_DRI", "HUB_WORKERS"]
    told(report, "HUB_JOURNAL_DRI", "HUB_JOURNAL_DIR")


@pytest.mark.parametrize("bypass", ["BYPASSRLS", "SUPERUSER"])
async def test_a_role_that_no_policy_holds_for(look: Look, owner: asyncpg.Connection, bypass: str) -> None:
    await owner.execute(f"ALTER ROLE hub_api {bypass}")
    try:
        report = await look()
    finally:
        await owner.execute(f"ALTER ROLE hub_api NO{bypass}")
    assert faults(report) == ["hub_api"]
    told(report, "hub_api", f"ALTER ROLE hub_api NO{bypass}")


async def test_an_address_that_is_somebody_elses(look: Look, owner: asyncpg.Connection, database: str) -> None:
    urls = await role_urls(owner, database)
    told(await look(database_api_url=database), "hub_api", "HUB_DATABASE_API_URL logs in as postgres")
    elsewhere = urls["database_admin_url"].replace(database.split("@/", 1)[1].split("?", 1)[0], "postgres")
    told(await look(database_admin_url=elsewhere), "one database", "different databases")


async def test_tables_without_their_guards(look: Look, owner: asyncpg.Connection) -> None:
    await owner.execute("ALTER TABLE passes NO FORCE ROW LEVEL SECURITY")
    await owner.execute("ALTER TABLE students DISABLE TRIGGER feed_update")
    report = await look()
    assert faults(report) == ["tenancy", "feed"]
    told(report, "tenancy", "passes")
    told(report, "feed", "students.feed_update", "ENABLE TRIGGER")
    await owner.execute("ALTER TABLE students ENABLE TRIGGER feed_update; DROP TRIGGER feed_insert ON device_keys")
    told(await look(), "feed", "missing", "device_keys.feed_insert", "0006_change_feed.sql")


async def test_months_that_are_missing_and_rows_in_none(look: Look, owner: asyncpg.Connection) -> None:
    name = await owner.fetchval("SELECT 'access_logs' || to_char(now() + interval '1 month', '_YYYY_MM')")
    await owner.execute(f"DROP TABLE {name}")
    school = await add_school(owner, "ONE")
    await owner.execute(
        "INSERT INTO access_logs (school_id, access_time, status) VALUES ($1, '2001-01-01', 'granted')", school
    )
    report = await look()
    assert faults(report) == ["months"]
    told(report, "months", name, "passhub jobs")
    told(report, "months", "1 row of access_logs", "access_logs_default", level=Level.warning)


async def test_rows_that_need_somebody(look: Look, owner: asyncpg.Connection) -> None:
    """A scan that PostgreSQL refused, a time zone of no place, keys of doors that end."""
    await owner.execute(
        "INSERT INTO access_logs_rejected (recorder_id, journal_row, entry, error)"
        " VALUES (gen_random_uuid(), 7, 'x', 'too long')"
    )
    school = await add_school(owner, "ONE")
    await owner.execute("UPDATE schools SET timezone = 'Mars/Olympus_Mons'")
    today = datetime.now(UTC)
    for number, days in enumerate([(-1,), (7,), (7, None), (-1, None), (90,)]):
        door = await add_door(owner, school)
        await owner.execute("UPDATE access_points SET name = $1 WHERE id = $2", f"Door {number}", door)
        for day in days:
            await owner.execute(
                "INSERT INTO device_keys (school_id, access_point_id, key_hash, expires_at) VALUES ($1, $2, $3, $4)",
                *(school, door, hashlib.sha256(f"{door}{day}".encode()).digest()),
                None if day is None else today + timedelta(days=day),
            )
    report = await look()
    assert faults(report) == ["time zones"]
    told(report, "time zones", "ONE (Mars/Olympus_Mons)", "tzdata")
    assert told(report, "refused scans", "passhub rejected", level=Level.warning).facts["scans"] == 1
    warned = [f.says for f in report.findings if f.check == "device keys"]
    assert [("Door 0" in w, "Door 1" in w, "Door 2" in w, "Door 3" in w, "Door 4" in w) for w in warned] == [
        (True, False, False, False, False),
        (False, True, False, False, False),
        (False, False, True, False, False),
    ]


async def test_sessions_that_hold_others_up(
    look: Look, owner: asyncpg.Connection, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "HELD_SECONDS", 0.0)
    monkeypatch.setattr(server, "WAITED_SECONDS", 0.0)
    holder, waiter = await asyncpg.connect(database), await asyncpg.connect(database)
    try:
        transaction = holder.transaction()
        await transaction.start()
        await holder.execute("LOCK TABLE documents")
        waiting = asyncio.create_task(waiter.execute("BEGIN; LOCK TABLE documents; COMMIT"))
        stuck = "SELECT count(*) FROM pg_locks WHERE NOT granted AND waitstart IS NOT NULL"
        await until(lambda: owner.fetchval(stuck), bool)
        report = await look()
        await transaction.rollback()
        await waiting
    finally:
        await holder.close()
        await waiter.close()
    assert (
        holder.get_server_pid() in told(report, "sessions", "pg_terminate_backend", level=Level.warning).facts["pids"]
    )
    assert told(report, "locks", level=Level.warning).facts["pids"] == [waiter.get_server_pid()]


class DeafPooler:
    """In front of PostgreSQL: everything passes but notifications, as through PgBouncer's transaction mode."""

    def __init__(self, target: Path) -> None:
        self._target = target

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back_reader, back_writer = await asyncio.open_unix_connection(str(self._target))

        async def forth() -> None:
            while data := await reader.read(65_536):
                back_writer.write(data)
            back_writer.close()

        going = asyncio.create_task(forth())
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await back_reader.readexactly(5)
                body = await back_reader.readexactly(int.from_bytes(head[1:], "big") - 4)
                if head[:1] != b"A":
                    writer.write(head + body)
        going.cancel()
        await asyncio.wait([going])
        back_writer.close()
        writer.close()


async def test_a_pooler_that_swallows_notifications(
    look: Look, owner: asyncpg.Connection, database: str, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "NOTIFY_SECONDS", 3.0)
    urls = await role_urls(owner, database)
    pooler = DeafPooler(cluster.postgres.socket_dir / ".s.PGSQL.5432")
    listening = await asyncio.start_server(pooler.serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    name = database.split("@/", 1)[1].split("?", 1)[0]
    urls["database_system_url"] = f"postgresql://hub_system:pw@127.0.0.1:{port}/{name}?sslmode=disable"
    async with listening:
        report = await look(**urls)
    assert faults(report) == ["wake-ups"]
    told(report, "wake-ups", "PgBouncer")


async def test_redis_is_away(look: Look) -> None:
    told(await look(redis_url="redis://:hunter2@127.0.0.1:1"), "answers", "nothing listens there", "HUB_REDIS_URL")
    told(await look(redis_url="unix:///nowhere/valkey.sock"), "answers", "nothing listens there")
