"""Brings a database to this version's schema: plain SQL files, in the order of their numbers, each once.

A file `NNNN_name.sql` runs in one transaction together with the row in schema_migrations that says so: one that fails
leaves nothing. A file whose first line is `-- no-transaction` runs statement by statement (CREATE INDEX CONCURRENTLY
must); it has to be written so that it can be run again. A file is never edited once it was applied: its SHA-256 is
kept, and a difference stops everything.

Several programs may start at once: one migrates, the others ask for its advisory lock again and again. They don't
wait in the lock, because a waiter holds a snapshot, and CREATE INDEX CONCURRENTLY waits for every snapshot.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import asyncpg

from hub.errors import MigrationError
from hub.store.pg import Connection, connection_fault
from hub.store.statements import split_statements

OLDEST_POSTGRESQL = 15
NO_TRANSACTION = "-- no-transaction"

_LOCK = int.from_bytes(hashlib.sha256(b"passhub schema_migrations").digest()[:8], "big", signed=True)
_FILE = re.compile(r"\d{4}_[a-z0-9_]+\.sql")
_TABLE = """
CREATE TABLE IF NOT EXISTS public.schema_migrations (
    name text CONSTRAINT schema_migrations_pkey PRIMARY KEY,
    sha256 text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
)"""


class Migration(NamedTuple):
    """One file: `name` with its ending, `sha256` in hex."""

    name: str
    sql: str
    sha256: str

    @property
    def in_transaction(self) -> bool:
        return not self.sql.lstrip().startswith(NO_TRANSACTION)


async def migrate(
    url: str,
    directory: Path | None = None,
    on_step: Callable[[str], None] | None = None,
    lock_timeout: float = 300.0,
) -> list[str]:
    """Applies what is missing and returns the names of the files it applied, none when all was there.

    `url`: the owner of the schema, a direct connection (PgBouncer's transaction mode breaks the lock). `on_step` is
    told each file's name before it runs. `lock_timeout`: seconds to wait for another program's migration.
    Raises MigrationError, one line that names the file and what to do.
    """
    wanted = find_migrations(directory)
    async with _owner(url) as connection:
        await _check_server(connection)
        async with _locked(connection, lock_timeout):
            todo = compare(wanted, await _prepare_table(connection))
            for migration in todo:
                if on_step:
                    on_step(migration.name)
                await _apply(connection, migration)
    return [migration.name for migration in todo]


async def pending(url: str, directory: Path | None = None) -> list[str]:
    """Names of the files that were not applied yet. Changes nothing; raises MigrationError as `migrate` does."""
    wanted = find_migrations(directory)
    async with _owner(url) as connection:
        await _check_server(connection)
        return [migration.name for migration in compare(wanted, await _applied(connection))]


def find_migrations(directory: Path | None = None) -> list[Migration]:
    """The files of `directory`; without it those of this checkout or, when installed, of the package."""
    folder = directory or _own_directory()
    if not folder.is_dir():
        raise MigrationError(f"no migrations at {folder}")
    found: list[Migration] = []
    for path in sorted(folder.glob("*.sql")):
        if not _FILE.fullmatch(path.name):
            raise MigrationError(f"{path.name}: a migration is named like 0001_what_it_does.sql")
        if found and found[-1].name[:4] == path.name[:4]:
            raise MigrationError(f"{found[-1].name} and {path.name} have the same number")
        raw = path.read_bytes()
        found.append(Migration(path.name, raw.decode("utf-8"), hashlib.sha256(raw).hexdigest()))
    return found


def _own_directory() -> Path:
    package = Path(__file__).resolve().parent.parent
    installed = package / "_migrations"
    return installed if installed.is_dir() else package.parent / "migrations"


def compare(wanted: list[Migration], applied: dict[str, str]) -> list[Migration]:
    """What is still to be applied, given name → sha256 of what was.

    Names that only the database knows are left alone: a newer version was here, and this one was rolled back to.
    """
    for migration in wanted:
        if migration.name in applied and applied[migration.name] != migration.sha256:
            raise MigrationError(
                f"{migration.name} was edited after it was applied; put it back and write the change as a new file"
            )
    todo = [migration for migration in wanted if migration.name not in applied]
    latest = max((m.name for m in wanted if m.name in applied), default="")
    if todo and todo[0].name < latest:
        raise MigrationError(f"{todo[0].name} comes before {latest}, which is applied already; give it a higher number")
    return todo


def check_version(major: int) -> None:
    """Raises MigrationError below PostgreSQL 15."""
    if major < OLDEST_POSTGRESQL:
        raise MigrationError(f"PostgreSQL {major} is too old; {OLDEST_POSTGRESQL} or newer is needed")


async def _check_server(connection: Connection) -> None:
    check_version(connection.get_server_version().major)
    encoding = await connection.fetchval("SHOW server_encoding")
    if encoding != "UTF8":
        raise MigrationError(
            f"the database's encoding is {encoding}; create one with ENCODING 'UTF8' TEMPLATE template0"
        )


@asynccontextmanager
async def _owner(url: str) -> AsyncIterator[Connection]:
    # An index may take an hour to build; a time-out that was set for the owner's other work must not stop it.
    settings = {"statement_timeout": "0", "search_path": "public", "application_name": "passhub migrate"}
    try:
        connection: Connection = await asyncpg.connect(url, timeout=10, server_settings=settings)
    except (OSError, TimeoutError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise MigrationError(f"cannot connect to PostgreSQL: {connection_fault(error)}") from error
    try:
        yield connection
    except (OSError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError) as error:
        raise MigrationError(f"PostgreSQL went away: {connection_fault(error)}") from error
    except asyncpg.PostgresError as error:
        raise MigrationError(f"PostgreSQL: {connection_fault(error)}") from error
    finally:
        await connection.close(timeout=5)


@asynccontextmanager
async def _locked(connection: Connection, patience: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(patience):
            # PostgreSQL tells nobody that an advisory lock was released, and waiting in it deadlocks: see above.
            while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise MigrationError(f"another migration of this database is under way; gave up after {patience:g} s") from None
    yield
    await connection.execute("SELECT pg_advisory_unlock($1)", _LOCK)


async def _prepare_table(connection: Connection) -> dict[str, str]:
    await connection.execute("SET client_min_messages = warning")
    await connection.execute(_TABLE)
    return await _applied(connection)


async def _applied(connection: Connection) -> dict[str, str]:
    if await connection.fetchval("SELECT to_regclass('public.schema_migrations')") is None:
        return {}
    rows = await connection.fetch("SELECT name, sha256 FROM public.schema_migrations")
    return {row["name"]: row["sha256"] for row in rows}


async def _apply(connection: Connection, migration: Migration) -> None:
    statement = migration.sql
    try:
        if migration.in_transaction:
            async with connection.transaction():
                await connection.execute(statement)
                await _record(connection, migration)
        else:
            for statement in split_statements(migration.sql):
                await connection.execute(statement)
            await _record(connection, migration)
    except asyncpg.PostgresConnectionError:
        raise
    except asyncpg.PostgresError as error:
        raise MigrationError(describe(migration, statement, error)) from error


async def _record(connection: Connection, migration: Migration) -> None:
    await connection.execute(
        "INSERT INTO public.schema_migrations (name, sha256) VALUES ($1, $2)", migration.name, migration.sha256
    )


def describe(migration: Migration, statement: str, error: asyncpg.PostgresError) -> str:
    """One line: file, line, what PostgreSQL says, its SQLSTATE, and what is left behind."""
    place = migration.name
    if error.position:
        before = migration.sql.find(statement) + int(error.position) - 1
        place += f", line {migration.sql.count(chr(10), 0, before) + 1}"
    rest = "nothing of it was kept" if migration.in_transaction else "what it did before that stays; run it again"
    return f"{place}: {' '.join(str(error).split())} ({error.sqlstate}); {rest}"
