"""The tables: brought to this version, closed between schools, telling the feed, and with months to write into."""

from __future__ import annotations

import asyncio

from hub.config import Settings, variable
from hub.errors import MigrationError
from hub.store.migrate import compare, find_migrations, pending
from hub.store.pg import OwnConnection, PostgresError
from hub.store.queries import load_queries
from hub.supervisor.doctor.asking import MIGRATE, asking, explain, one_row
from hub.supervisor.doctor.findings import Notes, many, some

Q = load_queries("hub.supervisor.doctor")

OWNER = variable("database_url")
PENDING_SECONDS = 6.0
COUNTED = 1000
UNDEFINED_TABLE = "42P01"
# Tables that belong to no one school and must be closed nevertheless.
CLOSED = ["schools", "roles", "permissions", "role_permissions", "scan_ids", "access_logs_rejected"]
CLOSED += ["refresh_tokens", "mailed_tokens", "second_factors", "recovery_codes", "token_keys"]
EVENTS = ("insert", "update", "delete", "truncate")
TRIGGERS = [
    *((table, f"feed_{event}") for table in ("passes", "schools", "access_points", "device_keys") for event in EVENTS),
    *((table, f"feed_{event}") for table in ("signing_keys", "users", "roles", "role_permissions") for event in EVENTS),
    *((table, f"feed_{event}") for table in ("sessions", "second_factors", "token_keys") for event in EVENTS),
    *((table, f"feed_{event}") for table in ("students", "permissions") for event in ("update", "truncate")),
    *(("users", trigger) for trigger in ("end_sessions", "guard_last_super_admin", "guard_role_of_user")),
    *((table, f"guard_{table}") for table in ("roles", "role_permissions")),
    ("passes", "fill_lookup_key"),
]


async def examine(settings: Settings, connection: OwnConnection | None, owner: bool, notes: Notes) -> None:
    """`connection`: one of hub_system's, if it can be reached; `owner`: whether the owner's address leads somewhere."""
    await _migrations(settings if owner else None, connection, notes)
    if connection is None or not is_migrated(notes):
        notes.skip("tables", "PostgreSQL first (above)" if connection is None else "migrations first")
        return
    with asking(notes, "tenancy"):
        await _tenancy(connection, notes)
    with asking(notes, "feed"):
        await _feed(connection, notes)
    with asking(notes, "months"):
        await _months(connection, notes)


def is_migrated(notes: Notes) -> bool:
    """Whether the tables are this version's, as far as `examine` has noted."""
    return any(f.check == "migrations" and f.facts.get("pending") == [] for f in notes.findings)


async def _migrations(owner: Settings | None, connection: OwnConnection | None, notes: Notes) -> None:
    """As the owner where its address is known, for whom there need be no roles yet; else as hub_system."""
    ours = find_migrations()
    try:
        async with asyncio.timeout(PENDING_SECONDS):
            applied = {} if connection is None else await _applied(connection)
            if owner is not None and owner.database_url is not None:
                todo = await pending(owner.database_url.get_secret_value())
            elif connection is not None:
                todo = [migration.name for migration in compare(ours, applied)]
            else:
                notes.skip("migrations", "PostgreSQL first (above)")
                return
    except MigrationError as error:
        _refused(error, connection is not None, notes)
        return
    except (PostgresError, OSError, TimeoutError) as error:
        says, do = explain(error, OWNER)
        notes.fault("migrations", says, do)
        return
    newer = sorted(applied.keys() - {migration.name for migration in ours})
    if todo:
        says = f"{len(todo)} of {len(ours)} are not applied: {some(todo, 3)}"
        notes.fault("migrations", says, MIGRATE, pending=todo)
    elif newer:
        notes.warn(
            "migrations",
            f"the database is newer than this program: {some(newer, 3)}",
            "run the version that applied them; this one may not know what it meets",
            pending=[],
        )
    else:
        notes.right("migrations", f"all {len(ours)} are applied, unchanged", pending=[])


def _refused(error: MigrationError, reached: bool, notes: Notes) -> None:
    """`reached`: whether hub_system's connection could be made; then what keeps the owner out is not known yet."""
    says, _, do = str(error).partition("; ")
    if says.startswith("cannot connect") and not reached:
        notes.skip("migrations", "PostgreSQL first (above)")
    elif says.startswith("cannot connect"):
        says, do = explain(error.__cause__ or error, OWNER)
        notes.fault("migrations", f"as the owner: {says}", do)
    else:
        # An edited file says nothing about the tables, which are as they were: the rest is looked at.
        notes.fault("migrations", says, do or MIGRATE, pending=[])


async def _applied(connection: OwnConnection) -> dict[str, str]:
    try:
        return {row["name"]: row["sha256"] for row in await connection.fetch(Q.applied_migrations)}
    except PostgresError as error:
        if error.sqlstate == UNDEFINED_TABLE:
            return {}
        raise


async def _tenancy(connection: OwnConnection, notes: Notes) -> None:
    open_tables = [row["name"] for row in await connection.fetch(Q.tables_without_forced_policies, CLOSED)]
    if open_tables:
        notes.fault(
            "tenancy",
            f"row-level security is not forced on {some(open_tables)}",
            f"as the owner: ALTER TABLE {open_tables[0]} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
            tables=open_tables,
        )
        return
    count = await connection.fetchval(Q.tables_with_forced_policies)
    notes.right("tenancy", f"row-level security is forced on all {count} tables with rows of schools", tables=count)


async def _feed(connection: OwnConnection, notes: Notes) -> None:
    tables, triggers = zip(*TRIGGERS, strict=True)
    found = await connection.fetch(Q.triggers_that_do_not_fire, list(tables), list(triggers))
    if not found:
        notes.right("feed", f"all {len(TRIGGERS)} triggers are there and fire")
        return
    off = [row["name"] for row in found if not row["missing"]]
    missing = [row["name"] for row in found if row["missing"]]
    consequence = "changes would not reach the doors"
    if off:
        table, _, trigger = off[0].partition(".")
        do = f"as the owner: ALTER TABLE {table} ENABLE TRIGGER {trigger}; then SIGHUP, so that workers load anew"
        notes.fault("feed", f"triggers switched off, {consequence}: {some(off)}", do, triggers=off)
    if missing:
        do = "make them as migrations/0006_change_feed.sql does; then SIGHUP, so that workers load anew"
        notes.fault("feed", f"triggers missing, {consequence}: {some(missing)}", do, triggers=missing)


async def _months(connection: OwnConnection, notes: Notes) -> None:
    found = await connection.fetch(Q.months)
    absent = [row["name"] for row in found if not row["made"]]
    do = "start passhub serve or passhub jobs, which makes them at once; if one runs, see its log"
    if absent:
        notes.fault("months", f"no partition {some(absent)}", do, missing=absent)
    else:
        notes.right("months", f"this month's and the next one's are there: {some([row['name'] for row in found])}")
    outside = await one_row(connection, Q.rows_outside_months, COUNTED)
    for log in ("access_logs", "audit_logs"):
        if outside[log]:
            rows = f"{COUNTED} or more rows" if outside[log] >= COUNTED else many(outside[log], "row")
            notes.warn(
                "months",
                f"{rows} of {log} in no month ({log}_default)",
                "the jobs move those of the last two years; older or later ones come from a reader's clock: set it",
                rows=outside[log],
            )
