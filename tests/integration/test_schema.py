"""The tables: the source document's, what ours add, what they refuse, and the months of the logs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest
from pgqueuer import AsyncpgDriver, Queries

from hub.store.migrate import migrate
from tests.integration.rows import add_door, add_pass, add_school, add_student, lookup_key
from tests.services import Cluster

# The source document's section 2.
SOURCE_TABLES = {
    "users": "id email password_hash first_name last_name role_id school_id is_active email_verified_at last_login_at"
    " created_at updated_at",
    "students": "id student_id email first_name last_name middle_name date_of_birth gender phone address"
    " emergency_contact_name emergency_contact_phone school_id department_id program year_of_study enrollment_date"
    " graduation_date status photo_url created_at updated_at deleted_at",
    "schools": "id name code address phone email website logo_url is_active created_at updated_at",
    "departments": "id name code school_id head_name created_at updated_at",
    "passes": "id student_id pass_number qr_code issue_date expiry_date status pass_type issued_by revoked_by"
    " revoked_at revoke_reason created_at updated_at",
    "access_points": "id name location device_id school_id access_type is_active created_at updated_at",
    "access_logs": "id student_id pass_id access_point_id access_time access_type status reason device_info created_at",
    "roles": "id name description created_at updated_at",
    "permissions": "id name description resource action created_at",
    "role_permissions": "role_id permission_id",
    "documents": "id student_id document_type file_name file_path file_size mime_type uploaded_by created_at",
    "audit_logs": "id user_id action resource_type resource_id old_values new_values ip_address user_agent created_at",
}
SOURCE_INDEXES = {
    *("idx_students_school_id", "idx_students_student_id", "idx_students_email"),
    *("idx_passes_student_id", "idx_passes_status", "idx_passes_expiry_date"),
    *("idx_access_logs_student_id", "idx_access_logs_access_time", "idx_access_logs_access_point_id"),
    *("idx_audit_logs_user_id", "idx_audit_logs_created_at"),
}


@pytest.fixture
async def db(database: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database)
    yield connection
    await connection.close()


@pytest.fixture
async def school(db: asyncpg.Connection) -> UUID:
    return await add_school(db, "ONE")


# ---------------------------------------------------------------------------------------------- the source's tables


@pytest.mark.parametrize("table", sorted(SOURCE_TABLES))
async def test_the_sources_columns_are_there(db: asyncpg.Connection, table: str) -> None:
    columns = await db.fetch("SELECT column_name FROM information_schema.columns WHERE table_name = $1", table)
    assert {row[0] for row in columns} >= set(SOURCE_TABLES[table].split())


async def test_the_sources_indexes_are_there(db: asyncpg.Connection) -> None:
    rows = await db.fetch("SELECT indexname FROM pg_indexes WHERE schemaname = 'public'")
    assert {row[0] for row in rows} >= SOURCE_INDEXES


async def test_every_time_knows_its_zone(db: asyncpg.Connection) -> None:
    assert (
        await db.fetch(
            "SELECT table_name, column_name FROM information_schema.columns"
            " WHERE table_schema = 'public' AND data_type = 'timestamp without time zone'"
        )
        == []
    )


async def test_constraints_have_names_that_say_what_they_hold(db: asyncpg.Connection) -> None:
    """PostgreSQL's own numbered names (`…_check1`) tell a person who was refused nothing."""
    assert (
        await db.fetch(
            "SELECT conname FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND conname ~ '[0-9]$'"
            " AND conrelid::regclass::text !~ '_[0-9]{4}_[0-9]{2}$'"
        )
        == []
    )


async def test_the_five_roles_are_there(db: asyncpg.Connection) -> None:
    rows = await db.fetch("SELECT name FROM roles ORDER BY name")
    assert [row[0] for row in rows] == ["card_reader", "school_admin", "security", "staff", "super_admin"]


# --------------------------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("passes", "status = 'lost'"),
        ("passes", "status = NULL"),
        ("passes", "pass_type = 'gold'"),
        ("passes", "expiry_date = issue_date - 1"),
        ("students", "status = 'expelled'"),
        ("students", "year_of_study = 0"),
        ("access_points", "access_type = 'window'"),
        ("access_points", "access_type = NULL"),
        ("access_points", "max_staleness_seconds = -1"),
        ("schools", "max_staleness_seconds = -1"),
        ("schools", "settings = '[]'"),
        ("schools", "timezone = ''"),
        ("access_logs", "status = 'maybe'"),
        ("access_logs", "access_type = 'both'"),
        ("access_logs", "hub_status = 'maybe'"),
        ("access_logs", "reader_status = 'maybe'"),
        ("device_keys", "key_hash = '\\x00'"),
        ("signing_keys", "public_key = '\\x00'"),
        ("signing_keys", "algorithm = 'none'"),
    ],
)
async def test_a_value_out_of_its_set_is_refused(db: asyncpg.Connection, school: UUID, table: str, change: str) -> None:
    await add_pass(db, school, await add_student(db, school), "A")
    door = await add_door(db, school)
    await db.execute("INSERT INTO access_logs (school_id, status) VALUES ($1, 'granted')", school)
    await db.execute(
        "INSERT INTO device_keys (school_id, access_point_id, key_hash) VALUES ($1, $2, $3)", school, door, bytes(32)
    )
    await db.execute("INSERT INTO signing_keys (kid, public_key, private_key) VALUES ('k', $1, '')", bytes(32))
    with pytest.raises((asyncpg.CheckViolationError, asyncpg.NotNullViolationError)):
        await db.execute(f"UPDATE {table} SET {change}")


async def test_numbers_of_students_are_unique_in_a_school(db: asyncpg.Connection, school: UUID) -> None:
    await add_student(db, school, "S1")
    await add_student(db, await add_school(db, "TWO"), "S1")
    with pytest.raises(asyncpg.UniqueViolationError):
        await add_student(db, school, "S1")


async def test_one_address_is_one_account_however_it_is_typed(db: asyncpg.Connection) -> None:
    insert = "INSERT INTO users (email, password_hash, first_name, last_name) VALUES ($1, '', '', '')"
    await db.execute(insert, "ada@example.org")
    with pytest.raises(asyncpg.UniqueViolationError):
        await db.execute(insert, "Ada@Example.org")


async def test_nothing_points_into_another_school(db: asyncpg.Connection, school: UUID) -> None:
    other = await add_school(db, "TWO")
    student, door = await add_student(db, other), await add_door(db, other)
    for statement, id_ in (
        ("INSERT INTO documents (school_id, student_id) VALUES ($1, $2)", student),
        (
            "INSERT INTO device_keys (school_id, access_point_id, key_hash) VALUES ($1, $2, sha256('x'))",
            door,
        ),
    ):
        with pytest.raises(asyncpg.ForeignKeyViolationError):
            await db.execute(statement, school, id_)
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await add_pass(db, school, student, "A")


# --------------------------------------------------------------------------------------------------- what is filled


async def test_the_lookup_key_is_the_codes_whatever_was_given(db: asyncpg.Connection, school: UUID) -> None:
    code = "SP1:Ä%$*"
    id_ = await add_pass(db, school, None, code)
    stored = "SELECT lookup_key FROM passes WHERE id = $1"
    assert await db.fetchval(stored, id_) == lookup_key(code)
    await db.execute("UPDATE passes SET lookup_key = $1", bytes(16))
    assert await db.fetchval(stored, id_) == lookup_key(code)
    await db.execute("UPDATE passes SET qr_code = 'B'")
    assert await db.fetchval(stored, id_) == lookup_key("B")


async def test_updated_at_follows_each_change(db: asyncpg.Connection, school: UUID) -> None:
    async with db.transaction():
        times = [await db.fetchval("SELECT updated_at FROM schools")]
        for _ in range(2):
            await db.execute("UPDATE schools SET name = name")
            times.append(await db.fetchval("SELECT updated_at FROM schools WHERE id = $1", school))
    assert times == sorted(set(times))


# ---------------------------------------------------------------------------------------------------------- months


async def months(db: asyncpg.Connection, table: str) -> int:
    return int(await db.fetchval("SELECT count(*) - 1 FROM pg_inherits WHERE inhparent = $1::text::regclass", table))


@pytest.mark.parametrize("table", ["access_logs", "audit_logs"])
async def test_months_are_made_ahead_and_once(db: asyncpg.Connection, table: str) -> None:
    await db.execute("SET ROLE hub_system")
    assert await months(db, table) == 5  # last, this, three ahead
    assert await db.fetchval("SELECT hub_ensure_partitions($1, 6)", table) == 3
    assert await db.fetchval("SELECT hub_ensure_partitions($1, 6)", table) == 0
    assert await months(db, table) == 8


async def test_a_month_begins_at_midnight_utc_wherever_the_caller_is(db: asyncpg.Connection, school: UUID) -> None:
    await db.execute("SET timezone = 'Pacific/Kiritimati'")
    await db.execute("SELECT hub_ensure_partitions('access_logs', 12)")
    rows = await db.fetch(
        "INSERT INTO access_logs (school_id, status, access_time)"
        " SELECT $1, 'granted', (date_trunc('month', now(), 'UTC') + make_interval(months => m)) - o"
        " FROM generate_series(1, 12) AS m, unnest('{0, 1 microsecond}'::interval[]) AS o"
        " RETURNING tableoid::regclass::text, to_char(access_time AT TIME ZONE 'UTC', 'YYYY_MM')",
        school,
    )
    assert len(rows) == 24
    for partition, month in rows:
        assert partition == f"access_logs_{month}"


async def test_rows_of_the_default_partition_move_into_their_new_month(db: asyncpg.Connection, school: UUID) -> None:
    insert = (
        "INSERT INTO access_logs (school_id, status, access_time)"
        " SELECT $1, 'granted', now() + make_interval(months => m) FROM unnest($2::int[]) AS m"
    )
    await db.execute(insert, school, [7, 7, -9, 900, -900])
    await db.execute("SET ROLE hub_system")
    default = "SELECT count(*) FROM access_logs_default"
    assert await db.fetchval(default) == 5
    assert await db.fetchval("SELECT hub_ensure_partitions('access_logs', 4)") == 3  # 4 ahead, and those of the rows
    assert await db.fetchval(default) == 2  # a clock that is 75 years off stays, and alarms
    assert await db.fetchval("SELECT count(*) FROM access_logs") == 5
    assert await db.fetchval(
        "SELECT bool_and(relrowsecurity AND relforcerowsecurity) FROM pg_class WHERE relname LIKE 'access\\_logs\\_%'"
        " AND relkind = 'r' AND relname <> 'access_logs_rejected'"
    )


async def test_a_new_month_has_the_indexes_and_checks_of_the_table(db: asyncpg.Connection) -> None:
    await db.execute("SELECT hub_ensure_partitions('access_logs', 4)")
    by_month = await db.fetch(
        "SELECT i.inhrelid, (SELECT count(*) FROM pg_index WHERE indrelid = i.inhrelid) AS indexes,"
        " (SELECT count(*) FROM pg_constraint WHERE conrelid = i.inhrelid AND contype = 'c') AS checks"
        " FROM pg_inherits AS i WHERE inhparent = 'access_logs'::regclass"
    )
    assert {(row["indexes"], row["checks"]) for row in by_month} == {(9, 4)}


async def test_a_months_making_is_all_or_nothing(db: asyncpg.Connection, school: UUID) -> None:
    await db.execute(
        "INSERT INTO access_logs (school_id, status, access_time) VALUES ($1, 'granted', now() + interval '7 months')",
        school,
    )
    transaction = db.transaction()
    await transaction.start()
    assert await db.fetchval("SELECT hub_ensure_partitions('access_logs', 7)") == 4
    await transaction.rollback()
    assert await months(db, "access_logs") == 5
    assert await db.fetchval("SELECT count(*) FROM access_logs_default") == 1
    assert await db.fetchval("SELECT relforcerowsecurity FROM pg_class WHERE relname = 'access_logs_default'")


async def test_scans_are_written_while_months_are_made(database: str, db: asyncpg.Connection, school: UUID) -> None:
    writer = await asyncpg.connect(database, server_settings={"role": "hub_system", "lock_timeout": "10s"})
    try:
        async with db.transaction():
            await db.execute("SELECT hub_ensure_partitions('access_logs', 9)")
            tag = await writer.execute("INSERT INTO access_logs (school_id, status) VALUES ($1, 'granted')", school)
            assert tag == "INSERT 0 1"
    finally:
        await writer.close()


@pytest.mark.parametrize(("table", "ahead"), [("students", 1), ("access_logs; --", 1), ("access_logs", 999)])
async def test_only_the_two_logs_have_months(db: asyncpg.Connection, table: str, ahead: int) -> None:
    with pytest.raises(asyncpg.InvalidParameterValueError):
        await db.execute("SELECT hub_ensure_partitions($1, $2)", table, ahead)


# ------------------------------------------------------------------------------------------ the drain, and the jobs


@pytest.fixture
def migrated(cluster: Cluster) -> Iterator[str]:
    """The URL of an empty database: grants on a database are not copied from a template."""
    name = cluster.create(template=None)
    yield cluster.url(name)
    cluster.drop(name)


async def test_only_hub_system_may_have_temporary_tables(migrated: str) -> None:
    await migrate(migrated)
    for role, allowed in (("hub_api", False), ("hub_admin", False), ("hub_system", True)):
        connection = await asyncpg.connect(migrated, server_settings={"role": role})
        assert (
            await connection.fetchval("SELECT has_database_privilege(current_user, current_database(), 'TEMPORARY')")
            == allowed
        )
        await connection.close()


EARLIER = timedelta(microseconds=-1)


async def test_a_scan_is_logged_once_whatever_time_its_replay_claims(database: str, school: UUID) -> None:
    drain = await asyncpg.connect(database, server_settings={"role": "hub_system"})
    try:
        await drain.execute("CREATE TEMP TABLE stage (device uuid, scan uuid, at timestamptz) ON COMMIT DELETE ROWS")
        scan = (uuid4(), uuid4())
        for days in (0, 1, 40):
            async with drain.transaction():
                at = await drain.fetchval("SELECT now() - make_interval(days => $1)", days)
                await drain.copy_records_to_table("stage", records=[(*scan, at), (uuid4(), scan[1], at + EARLIER)])
                await drain.execute(
                    "WITH fresh AS (INSERT INTO scan_ids SELECT * FROM stage ON CONFLICT DO NOTHING RETURNING *)"
                    " INSERT INTO access_logs (id, school_id, access_point_id, access_time, status)"
                    " SELECT scan_id, $1, device_id, access_time, 'granted' FROM fresh",
                    school,
                )
        assert await drain.fetchval("SELECT count(*) FROM access_logs") == 4
        assert await drain.execute("UPDATE access_logs SET status = 'denied'") == "UPDATE 4"
        assert await drain.execute("DELETE FROM scan_ids WHERE access_time < now() - interval '30 days'") == "DELETE 1"
    finally:
        await drain.close()


@pytest.mark.parametrize("role", ["hub_api", "hub_admin", "hub_system"])
async def test_every_role_may_enqueue_a_job_in_its_transaction(database: str, role: str) -> None:
    connection = await asyncpg.connect(database, server_settings={"role": role})
    try:
        queries = Queries(AsyncpgDriver(connection))
        async with connection.transaction():
            await queries.enqueue(["kept"], [b"x"], [0])
        transaction = connection.transaction()
        await transaction.start()
        await queries.enqueue(["undone"], [b"x"], [0])
        await transaction.rollback()
        rows = await connection.fetch("SELECT entrypoint FROM pgqueuer")
        assert [row[0] for row in rows] == ["kept"]
    finally:
        await connection.close()
