"""Nobody sees or changes what belongs to another school: each test is a way that somebody might try."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from uuid import UUID, uuid4

import asyncpg
import pytest

from tests.integration.rows import add_door, add_pass, add_school, add_student
from tests.services import Cluster

OF_SCHOOL = [
    *("departments", "users", "students", "documents", "passes", "access_points", "device_keys", "signing_keys"),
    *("access_logs", "audit_logs", "sessions"),
]


async def fill(db: asyncpg.Connection, code: str) -> UUID:
    """A school with one row in each of its tables."""
    school = await add_school(db, code)
    student = await add_student(db, school)
    door = await add_door(db, school)
    await add_pass(db, school, student, f"pass of {code}")
    await db.execute("INSERT INTO departments (name, code, school_id) VALUES ('D', 'D', $1)", school)
    await db.execute("INSERT INTO documents (school_id, student_id) VALUES ($1, $2)", school, student)
    user = await db.fetchval(
        "INSERT INTO users (email, password_hash, first_name, last_name, school_id) VALUES ($1, '', '', '', $2)"
        " RETURNING id",
        f"{code}@example.org",
        school,
    )
    await db.execute("INSERT INTO sessions (user_id, school_id, expires_at) VALUES ($1, $2, now())", user, school)
    await db.execute(
        "INSERT INTO device_keys (school_id, access_point_id, key_hash) VALUES ($1, $2, sha256($3))",
        *(school, door, code.encode()),
    )
    await db.execute(
        "INSERT INTO signing_keys (kid, school_id, public_key, private_key) VALUES ($1, $2, $3, '')",
        *(code, school, bytes(32)),
    )
    await db.execute("INSERT INTO access_logs (school_id, status) VALUES ($1, 'granted')", school)
    await db.execute("INSERT INTO audit_logs (school_id, action) VALUES ($1, 'create')", school)
    return school


@pytest.fixture(scope="module")
def filled(cluster: Cluster) -> Iterator[tuple[str, tuple[UUID, UUID]]]:
    """The URL of a database with two full schools, and these. All tests share it: what one changes, it takes back."""
    name = cluster.create()

    async def both() -> tuple[UUID, UUID]:
        connection = await asyncpg.connect(cluster.url(name))
        try:
            return await fill(connection, "ONE"), await fill(connection, "TWO")
        finally:
            await connection.close()

    yield cluster.url(name), asyncio.run(both())
    cluster.drop(name)


@pytest.fixture
def database(filled: tuple[str, tuple[UUID, UUID]]) -> str:
    return filled[0]


@pytest.fixture
def schools(filled: tuple[str, tuple[UUID, UUID]]) -> tuple[UUID, UUID]:
    return filled[1]


@pytest.fixture
async def db(database: str) -> AsyncIterator[asyncpg.Connection]:
    """The owner, in a transaction that is taken back."""
    connection = await asyncpg.connect(database)
    await connection.execute("BEGIN")
    yield connection
    await connection.execute("ROLLBACK")
    await connection.close()


@pytest.fixture
async def api(database: str) -> AsyncIterator[asyncpg.Connection]:
    """hub_api, with no school set."""
    connection = await asyncpg.connect(database, server_settings={"role": "hub_api"})
    yield connection
    await connection.close()


async def run_in(connection: asyncpg.Connection, school: UUID | str, statement: str, *arguments: object) -> str:
    """One statement in a transaction of a school; its command tag."""
    async with connection.transaction():
        await enter(connection, school)
        return str(await connection.execute(statement, *arguments))


async def enter(connection: asyncpg.Connection, school: UUID | str, local: bool = True) -> None:
    await connection.execute("SELECT set_config('hub.school_id', $1, $2)", str(school), local)


# ------------------------------------------------------------------------------------------------ what is in force


async def test_every_table_with_a_school_forces_row_level_security(db: asyncpg.Connection) -> None:
    open_ones = await db.fetch(
        "SELECT c.relname FROM pg_class AS c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')"
        " AND NOT (c.relrowsecurity AND c.relforcerowsecurity) ORDER BY 1"
    )
    program_only = {"schema_migrations", "index_changes", "index_changes_state", "index_changes_marks"}
    assert {row[0] for row in open_ones if not row[0].startswith("pgqueuer")} == program_only


async def test_no_role_can_pass_by(db: asyncpg.Connection) -> None:
    rows = await db.fetch("SELECT * FROM pg_roles WHERE rolname LIKE 'hub\\_%'")
    assert len(rows) == 4
    for row in rows:
        powers = ("rolsuper", "rolbypassrls", "rolcreaterole", "rolcreatedb", "rolreplication")
        assert not any(row[power] for power in powers)
        assert row["rolcanlogin"] == (row["rolname"] != "hub_definer")
    members = await db.fetch(
        "SELECT 1 FROM pg_auth_members WHERE member IN (SELECT oid FROM pg_roles WHERE rolname LIKE 'hub\\_%')"
    )
    assert members == []


@pytest.mark.parametrize("role", ["hub_api", "hub_admin", "hub_system"])
async def test_no_role_owns_or_may_make_anything(db: asyncpg.Connection, role: str) -> None:
    assert not await db.fetchval("SELECT has_schema_privilege($1, 'public', 'CREATE')", role)
    assert not await db.fetchval("SELECT has_schema_privilege('hub_definer', 'public', 'CREATE')")
    owned = "SELECT count(*) FROM pg_class WHERE relowner = $1::text::regrole"
    assert await db.fetchval(owned, role) == 0
    for table in OF_SCHOOL:
        assert not await db.fetchval("SELECT has_table_privilege($1, $2, 'TRUNCATE, TRIGGER, REFERENCES')", role, table)


# --------------------------------------------------------------------------------------------------------- hub_api


@pytest.mark.parametrize("table", ["schools", *OF_SCHOOL])
async def test_a_forgotten_where_still_shows_one_school(
    api: asyncpg.Connection, schools: tuple[UUID, UUID], table: str
) -> None:
    column = "id" if table == "schools" else "school_id"
    for school in schools:
        async with api.transaction():
            await enter(api, school)
            assert [row[0] for row in await api.fetch(f"SELECT {column} FROM {table}")] == [school]


@pytest.mark.parametrize("table", ["schools", *OF_SCHOOL])
async def test_without_a_school_there_is_no_row(
    api: asyncpg.Connection, schools: tuple[UUID, UUID], table: str
) -> None:
    count = f"SELECT count(*) FROM {table}"
    assert await api.fetchval(count) == 0
    async with api.transaction():
        await enter(api, schools[0])
        assert await api.fetchval(count) == 1
    assert await api.fetchval("SELECT current_setting('hub.school_id', true)") == ""
    assert await api.fetchval(count) == 0
    async with api.transaction():
        await enter(api, uuid4())
        assert await api.fetchval(count) == 0


@pytest.mark.parametrize("value", ["*", "%", "x' OR true --", "00000000"])
async def test_a_school_that_is_none_is_an_error_or_nothing(api: asyncpg.Connection, value: str) -> None:
    with pytest.raises(asyncpg.InvalidTextRepresentationError):
        await run_in(api, value, "SELECT * FROM students")


async def test_another_schools_rows_can_neither_be_changed_nor_made(
    api: asyncpg.Connection, schools: tuple[UUID, UUID]
) -> None:
    one, two = schools
    changing = api.transaction()
    await changing.start()
    await enter(api, one)
    for table, column in (("students", "program"), ("passes", "revoke_reason"), ("access_points", "location")):
        assert await api.execute(f"UPDATE {table} SET {column} = 'x' WHERE school_id = $1", two) == "UPDATE 0"
        assert await api.execute(f"UPDATE {table} SET {column} = 'x'") == "UPDATE 1"
    assert await api.execute("DELETE FROM documents") == "DELETE 1"
    await changing.rollback()
    for statement in (
        "INSERT INTO students (student_id, first_name, last_name, school_id) VALUES ('S9', 'x', 'x', $1)",
        "INSERT INTO departments (name, code, school_id) VALUES ('x', 'x', $1)",
        "UPDATE users SET school_id = $1",
        "UPDATE signing_keys SET school_id = $1",
        "INSERT INTO audit_logs (school_id, action) VALUES ($1, 'x')",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
            await run_in(api, one, statement, two)


async def test_a_conflict_does_not_overwrite_another_schools_row(
    api: asyncpg.Connection, db: asyncpg.Connection, schools: tuple[UUID, UUID]
) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await run_in(
            api,
            schools[0],
            "INSERT INTO passes (school_id, pass_number, qr_code, issue_date, expiry_date)"
            " VALUES ($1, 'x', 'pass of TWO', now(), now()) ON CONFLICT (qr_code) DO UPDATE SET status = 'revoked'",
            schools[0],
        )
    assert await db.fetchval("SELECT status FROM passes WHERE qr_code = 'pass of TWO'") == "active"


async def test_a_pass_cannot_point_at_another_schools_student(
    api: asyncpg.Connection, db: asyncpg.Connection, schools: tuple[UUID, UUID]
) -> None:
    theirs = await db.fetchval("SELECT id FROM students WHERE school_id = $1", schools[1])
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await run_in(api, schools[0], "UPDATE passes SET student_id = $1", theirs)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM access_logs_default",
        "INSERT INTO scan_ids VALUES (gen_random_uuid(), gen_random_uuid(), now())",
        "SELECT * FROM access_logs_rejected",
        "SELECT * FROM index_changes",
        "INSERT INTO index_changes (kind, key) VALUES ('reload', '')",
        "INSERT INTO access_logs (school_id, status) VALUES (gen_random_uuid(), 'granted')",
        "UPDATE access_logs SET status = 'granted'",
        "DELETE FROM access_logs",
        "UPDATE audit_logs SET action = 'nothing'",
        "DELETE FROM audit_logs",
        "DELETE FROM students",
        "DELETE FROM passes",
        "TRUNCATE students",
        "INSERT INTO schools (name, code) VALUES ('x', 'x')",
        "INSERT INTO roles (name) VALUES ('x')",
        "INSERT INTO role_permissions VALUES (gen_random_uuid(), gen_random_uuid())",
        "SELECT payload FROM pgqueuer",
        "DELETE FROM pgqueuer",
        "SELECT hub_ensure_partitions('access_logs', 1)",
        "SELECT hub_prune_changes('1')",
        "SELECT hub_prune_old_changes('0 s')",
        "ALTER TABLE students DISABLE ROW LEVEL SECURITY",
        "CREATE POLICY mine ON students USING (true)",
        "CREATE TABLE public.mine (x int)",
        "SET ROLE hub_definer",
        "UPDATE schema_migrations SET sha256 = ''",
    ],
)
async def test_what_hub_api_may_not_do_at_all(
    database: str, schools: tuple[UUID, UUID], db: asyncpg.Connection, statement: str
) -> None:
    # Logged in as hub_api itself: a session of the owner's that took the role could always take another.
    await db.execute("ALTER ROLE hub_api PASSWORD 'pw'; COMMIT; BEGIN")
    api = await asyncpg.connect("postgresql://hub_api:pw@" + database.split("@", 1)[1])
    try:
        await enter(api, schools[0], local=False)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await api.execute(statement)
    finally:
        await api.close()


async def test_the_installations_signing_key_is_read_but_not_changed(
    db: asyncpg.Connection, schools: tuple[UUID, UUID]
) -> None:
    await db.execute("INSERT INTO signing_keys (kid, public_key, private_key) VALUES ('all', $1, '')", bytes(32))
    await db.execute("SET LOCAL ROLE hub_api")
    await enter(db, schools[0])
    kids = [row[0] for row in await db.fetch("SELECT kid FROM signing_keys ORDER BY 1")]
    assert kids == ["ONE", "all"]
    assert await db.execute("UPDATE signing_keys SET retired_at = now() WHERE kid = 'all'") == "UPDATE 0"


async def test_a_month_read_by_its_own_name_shows_nothing(db: asyncpg.Connection, schools: tuple[UUID, UUID]) -> None:
    assert schools
    month = await db.fetchval("SELECT tableoid::regclass::text FROM access_logs LIMIT 1")
    await db.execute(f"GRANT SELECT ON {month} TO hub_api, hub_admin")  # somebody's mistake
    for role in ("hub_api", "hub_admin"):
        await db.execute(f"SET ROLE {role}")
        await enter(db, schools[0], local=False)
        assert await db.fetchval(f"SELECT count(*) FROM {month}") == 0
        await db.execute("RESET ROLE")


async def test_a_view_must_be_security_invoker(db: asyncpg.Connection, schools: tuple[UUID, UUID]) -> None:
    await db.execute("CREATE VIEW names WITH (security_invoker) AS SELECT school_id, last_name FROM students")
    await db.execute("GRANT SELECT ON names TO hub_api")
    await db.execute("SET ROLE hub_api")
    assert await db.fetch("SELECT * FROM names") == []
    await enter(db, schools[0])
    assert [row["school_id"] for row in await db.fetch("SELECT * FROM names")] == [schools[0]]


async def test_all_views_are_security_invoker(db: asyncpg.Connection) -> None:
    assert (
        await db.fetch(
            "SELECT relname FROM pg_class WHERE relkind = 'v' AND relnamespace = 'public'::regnamespace"
            " AND NOT coalesce(reloptions, '{}') @> '{security_invoker=true}'"
        )
        == []
    )


async def test_the_policy_uses_the_index(api: asyncpg.Connection, schools: tuple[UUID, UUID]) -> None:
    async with api.transaction():
        await enter(api, schools[0])
        await api.execute("SET LOCAL enable_seqscan = off")
        plan = "\n".join(row[0] for row in await api.fetch("EXPLAIN SELECT * FROM students"))
    assert "Index Cond: (school_id = " in plan


# --------------------------------------------------------------------------------------------- the two other roles


@pytest.mark.parametrize("table", ["schools", *OF_SCHOOL])
async def test_admin_and_system_see_all_schools(db: asyncpg.Connection, schools: tuple[UUID, UUID], table: str) -> None:
    for role in ("hub_admin", "hub_system"):
        await db.execute(f"SET ROLE {role}")
        await enter(db, schools[0], local=False)  # means nothing to them
        assert await db.fetchval(f"SELECT count(id) FROM {table}") == len(schools)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT phone FROM students",
        "SELECT date_of_birth_bidx FROM students",
        "SELECT password_hash FROM users",
        "SELECT private_key FROM signing_keys",
        "UPDATE passes SET status = 'active'",
        "INSERT INTO students (student_id, first_name, last_name, school_id) VALUES ('x', 'x', 'x', gen_random_uuid())",
        "DELETE FROM access_logs",
        "UPDATE audit_logs SET action = 'x'",
        "INSERT INTO index_changes (kind, key) VALUES ('reload', '')",
        "DELETE FROM index_changes",
        "CREATE TABLE public.mine (x int)",
    ],
)
async def test_what_hub_system_may_not_do(db: asyncpg.Connection, statement: str) -> None:
    await db.execute("SET ROLE hub_system")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await db.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO access_logs (school_id, status) VALUES (gen_random_uuid(), 'granted')",
        "UPDATE audit_logs SET action = 'x'",
        "DELETE FROM students",
        "INSERT INTO scan_ids VALUES (gen_random_uuid(), gen_random_uuid(), now())",
        "SELECT hub_prune_changes('1')",
    ],
)
async def test_what_hub_admin_may_not_do(db: asyncpg.Connection, statement: str) -> None:
    await db.execute("SET ROLE hub_admin")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await db.execute(statement)
