"""The change feed: what each statement writes and notifies, and that fifty thousand rows are no trouble."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest

from tests.integration.rows import Feed, add_door, add_pass, add_school, add_student, lookup_key

A, B, C = (("pass", lookup_key(code)) for code in ("A", "B", "C"))


@pytest.fixture
async def db(database: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database)
    yield connection
    await connection.close()


@pytest.fixture
async def school(db: asyncpg.Connection) -> UUID:
    return await add_school(db, "ONE")


@pytest.fixture
async def student(db: asyncpg.Connection, school: UUID) -> UUID:
    """One with the passes A and B; C is a visitor's."""
    id_ = await add_student(db, school)
    await add_pass(db, school, id_, "A")
    await add_pass(db, school, id_, "B")
    await add_pass(db, school, None, "C")
    return id_


@pytest.fixture
async def feed(database: str, student: UUID) -> AsyncIterator[Feed]:
    assert student.int  # its passes are there before anybody listens
    async with Feed(database) as feed:
        yield feed


# ------------------------------------------------------------------------------------------------------- passes


async def test_inserted_and_deleted_passes_are_written(db: asyncpg.Connection, feed: Feed, school: UUID) -> None:
    await add_pass(db, school, None, "D")
    assert await feed.took() == {("pass", lookup_key("D"))}
    await db.execute("DELETE FROM passes")
    assert await feed.took() == {A, B, C, ("pass", lookup_key("D"))}
    assert feed.statements == 1


@pytest.mark.parametrize(
    "change",
    [
        "status = 'revoked'",
        "issue_date = '2026-10-01'",
        "expiry_date = '2026-12-31'",
        "pass_type = 'temporary'",
        "pass_number = 'other'",
        "student_id = NULL",
    ],
)
async def test_every_decision_column_of_a_pass_counts(db: asyncpg.Connection, feed: Feed, change: str) -> None:
    await db.execute(f"UPDATE passes SET {change} WHERE qr_code = 'A'")
    assert await feed.took() == {A}


async def test_other_columns_of_a_pass_write_nothing(db: asyncpg.Connection, feed: Feed) -> None:
    await db.execute("UPDATE passes SET revoke_reason = 'lost', revoked_at = now(), key_id = 'k', created_at = now()")
    await db.execute("UPDATE passes SET status = status")
    await db.execute("UPDATE passes SET status = 'revoked' WHERE false")
    await db.execute("DELETE FROM passes WHERE false")
    assert await feed.took() == set()
    assert feed.statements == 0


async def test_a_replaced_code_is_written_before_and_after(db: asyncpg.Connection, feed: Feed) -> None:
    await db.execute("UPDATE passes SET qr_code = 'A2' WHERE qr_code = 'A'")
    assert await feed.took() == {A, ("pass", lookup_key("A2"))}


async def test_codes_that_change_places_are_both_written(db: asyncpg.Connection, feed: Feed) -> None:
    async with db.transaction():
        await db.execute("UPDATE passes SET qr_code = 'tmp' WHERE qr_code = 'A'")
        await db.execute("UPDATE passes SET qr_code = 'A' WHERE qr_code = 'B'")
        await db.execute("UPDATE passes SET qr_code = 'B' WHERE qr_code = 'tmp'")
    assert await feed.took() >= {A, B}


async def test_one_statement_is_one_notification_of_the_rows_that_changed(db: asyncpg.Connection, feed: Feed) -> None:
    await db.execute("UPDATE passes SET status = CASE qr_code WHEN 'C' THEN status ELSE 'inactive' END")
    assert await feed.took() == {A, B}
    assert feed.statements == 1


async def test_an_upsert_writes_what_it_inserted_and_what_it_updated(
    db: asyncpg.Connection, feed: Feed, school: UUID
) -> None:
    await db.execute(
        "INSERT INTO passes (school_id, pass_number, qr_code, issue_date, expiry_date)"
        " SELECT $1, code, code, '2026-09-01', '2027-08-31' FROM unnest('{A,D}'::text[]) AS code"
        " ON CONFLICT (qr_code) DO UPDATE SET status = 'inactive'",
        school,
    )
    assert await feed.took() == {A, ("pass", lookup_key("D"))}


async def test_a_rolled_back_change_is_never_heard(db: asyncpg.Connection, feed: Feed) -> None:
    transaction = db.transaction()
    await transaction.start()
    await db.execute("UPDATE passes SET status = 'revoked'")
    await transaction.rollback()
    assert await feed.took() == set()


async def test_every_change_carries_its_transaction(db: asyncpg.Connection, feed: Feed) -> None:
    async with db.transaction():
        await db.execute("UPDATE passes SET status = 'inactive'")
        mine = await db.fetchval("SELECT pg_current_xact_id()::text")
        assert await db.fetchval("SELECT count(*) FROM index_changes WHERE xid = $1::text::xid8", mine) == 3
    assert await feed.took() == {A, B, C}


# ----------------------------------------------------------------------------------------------------- students


@pytest.mark.parametrize(
    "change",
    [
        "first_name = 'Augusta'",
        "middle_name = 'King'",
        "last_name = 'Byron'",
        "status = 'suspended'",
        "deleted_at = now()",
        "photo_url = '/photo'",
    ],
)
async def test_a_changed_student_changes_its_passes_and_its_card(
    db: asyncpg.Connection, feed: Feed, student: UUID, change: str
) -> None:
    await db.execute(f"UPDATE students SET {change}")
    assert await feed.took() == {A, B, ("student", student.bytes)}
    assert feed.statements == 2


@pytest.mark.parametrize("change", ["program = 'Maths'", "student_id = 'S9'", "year_of_study = 2"])
async def test_what_a_card_shows_and_no_door_asks_for_is_told_of_the_card_alone(
    db: asyncpg.Connection, feed: Feed, student: UUID, change: str
) -> None:
    await db.execute(f"UPDATE students SET {change}")
    assert await feed.took() == {("student", student.bytes)}


async def test_other_columns_of_a_student_write_nothing(db: asyncpg.Connection, feed: Feed) -> None:
    await db.execute(r"UPDATE students SET email = 'a@b.c', phone = '\x00', gender = 'f'")
    assert await feed.took() == set()


async def test_a_student_without_passes_has_a_card(db: asyncpg.Connection, feed: Feed, school: UUID) -> None:
    id_ = await add_student(db, school, "S2")
    assert await feed.took() == set()
    await db.execute("UPDATE students SET status = 'inactive' WHERE id = $1", id_)
    assert await feed.took() == {("student", id_.bytes)}
    await db.execute("DELETE FROM students WHERE id = $1", id_)
    assert await feed.took() == set()


async def test_a_student_with_passes_cannot_be_deleted(db: asyncpg.Connection, student: UUID) -> None:
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await db.execute("DELETE FROM students WHERE id = $1", student)


# ------------------------------------------------------------------------------------------------- small tables


async def test_schools_doors_keys_and_users(db: asyncpg.Connection, feed: Feed, school: UUID) -> None:
    other = await add_school(db, "TWO")
    assert await feed.took() == {("school", other.bytes)}
    for change in (
        "timezone = 'Asia/Tokyo'",
        "is_active = false",
        "max_staleness_seconds = 5",
        "settings = '{\"a\":1}'",
    ):
        await db.execute(f"UPDATE schools SET {change} WHERE id = $1", school)
        assert await feed.took() == {("school", school.bytes)}

    door = await add_door(db, school)
    assert await feed.took() == {("access_point", door.bytes)}
    for change in ("access_type = 'exit'", "is_active = false", "fail_open = true", "deleted_at = now()"):
        await db.execute(f"UPDATE access_points SET {change}")
        assert await feed.took() == {("access_point", door.bytes)}

    key = await db.fetchval(
        "INSERT INTO device_keys (school_id, access_point_id, key_hash) VALUES ($1, $2, $3) RETURNING id",
        *(school, door, bytes(32)),
    )
    assert await feed.took() == {("device_key", key.bytes)}
    await db.execute("UPDATE device_keys SET revoked_at = now()")
    assert await feed.took() == {("device_key", key.bytes)}
    await db.execute("DELETE FROM device_keys")
    assert await feed.took() == {("device_key", key.bytes)}

    signing = await db.fetchval(
        "INSERT INTO signing_keys (kid, public_key, private_key) VALUES ('k', $1, '') RETURNING id", bytes(32)
    )
    assert await feed.took() == {("signing_key", signing.bytes)}
    await db.execute("UPDATE signing_keys SET compromised_at = now()")
    assert await feed.took() == {("signing_key", signing.bytes)}

    user = await db.fetchval(
        "INSERT INTO users (email, password_hash, first_name, last_name) VALUES ('a@b.c', '', '', '') RETURNING id"
    )
    assert await feed.took() == {("user", user.bytes)}
    await db.execute("UPDATE users SET is_active = false")
    assert await feed.took() == {("user", user.bytes)}


async def test_what_decides_nothing_writes_nothing(db: asyncpg.Connection, feed: Feed, school: UUID) -> None:
    await db.execute("INSERT INTO users (email, password_hash, first_name, last_name) VALUES ('a@b.c', '', '', '')")
    await add_door(db, school)
    await feed.took()
    await db.execute("UPDATE users SET last_login_at = now()")
    await db.execute("UPDATE schools SET address = 'elsewhere', phone = '1'")
    await db.execute("UPDATE access_points SET updated_at = now()")
    await db.execute("UPDATE roles SET description = 'x'")
    await db.execute("UPDATE permissions SET description = 'x'")
    assert await feed.took() == set()


HOLD = (
    "INSERT INTO role_permissions"
    " SELECT r.id, p.id FROM roles r, permissions p WHERE r.name = 'office' AND p.name = 'p'"
)


async def test_rights_change_the_roles_that_hold_them(db: asyncpg.Connection, feed: Feed) -> None:
    role = await db.fetchval("INSERT INTO roles (name) VALUES ('office') RETURNING id")
    permission = await db.fetchval("INSERT INTO permissions (name) VALUES ('p') RETURNING id")
    assert await feed.took() == {("role", role.bytes)}
    for statement in (
        HOLD,
        "UPDATE permissions SET action = 'read' WHERE name = 'p'",
        "UPDATE roles SET name = 'front desk' WHERE name = 'office'",
        "DELETE FROM role_permissions WHERE role_id NOT IN (SELECT id FROM roles WHERE built_in)",
    ):
        await db.execute(statement)
        assert await feed.took() == {("role", role.bytes)}, statement
    await db.execute("DELETE FROM permissions WHERE id = $1", permission)
    assert await feed.took() == set()


@pytest.mark.parametrize(
    "table", ["passes", "students", "schools", "access_points", "signing_keys", "users", "roles", "sessions"]
)
async def test_truncate_means_reload(db: asyncpg.Connection, feed: Feed, table: str) -> None:
    await db.execute(f"TRUNCATE {table} CASCADE")
    assert await feed.took() == {("reload", b"")}


# ------------------------------------------------------------------------------------- the shape of it, and pruning


async def test_every_feed_function_is_a_definer_with_a_pinned_path(db: asyncpg.Connection) -> None:
    rows = await db.fetch(
        "SELECT p.proname, p.prosecdef, p.proconfig, p.proowner::regrole::text AS owner FROM pg_proc AS p"
        " WHERE p.oid IN (SELECT tgfoid FROM pg_trigger WHERE tgname LIKE 'feed\\_%')"
    )
    assert len(rows) == 6
    for row in rows:
        assert row["prosecdef"]
        assert "search_path=pg_catalog, pg_temp" in row["proconfig"]
        assert row["owner"] == "hub_definer"


async def test_triggers_are_per_statement(db: asyncpg.Connection) -> None:
    row_level = 1
    assert (
        await db.fetchval(
            "SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'feed\\_%' AND tgtype & $1 <> 0", row_level
        )
        == 0
    )


async def test_a_temporary_table_cannot_take_the_feeds_place(db: asyncpg.Connection, feed: Feed, student: UUID) -> None:
    await db.execute("CREATE TEMP TABLE index_changes (kind text, key bytea, seq bigint)")
    await db.execute("CREATE TEMP TABLE passes (lookup_key bytea, student_id uuid)")
    await db.execute("UPDATE students SET status = 'inactive'")
    assert await feed.took() == {A, B, ("student", student.bytes)}


@pytest.mark.usefixtures("student")
async def test_pruning_keeps_what_is_not_older_and_says_where_it_cut(db: asyncpg.Connection) -> None:
    before = await db.fetchval("SELECT count(*) FROM index_changes")
    safe = await db.fetchval("SELECT pg_snapshot_xmin(pg_current_snapshot())::text")
    await db.execute("UPDATE passes SET status = 'inactive'")
    await db.execute("SET ROLE hub_system")
    assert await db.fetchval("SELECT hub_prune_changes($1::text::xid8)", safe) == before
    assert await db.fetchval("SELECT count(*) FROM index_changes") == 3
    assert await db.fetchval("SELECT pruned_below::text FROM index_changes_state") == safe
    assert await db.fetchval("SELECT hub_prune_changes('3')") == 0
    assert await db.fetchval("SELECT pruned_below::text FROM index_changes_state") == safe


@pytest.mark.usefixtures("student")
async def test_old_changes_are_pruned_below_a_mark_that_is_old_enough(db: asyncpg.Connection) -> None:
    await db.execute("SET ROLE hub_system")
    assert await db.fetchval("SELECT hub_prune_old_changes()") == 0
    assert await db.fetchval("SELECT hub_prune_old_changes()") == 0
    assert await db.fetchval("SELECT hub_prune_old_changes('0 s')") > 0
    assert await db.fetchval("SELECT count(*) FROM index_changes_marks") == 1


# ----------------------------------------------------------------------------------------------------------- bulk

ROWS = 50_000


async def test_fifty_thousand_rows_are_one_statement_each(db: asyncpg.Connection, database: str, school: UUID) -> None:
    """A plan that was cached for one row must not become a nested loop over 10^9 pairs, which the server would still
    be at when this statement_timeout ends it; docs/schema.md has what it really takes."""
    await db.execute("SET statement_timeout = '100s'")
    await db.execute(
        "INSERT INTO students (student_id, first_name, last_name, school_id)"
        f" SELECT 's' || i, 'F', 'L', $1 FROM generate_series(1, {ROWS}) AS i",
        school,
    )
    await db.execute(
        "INSERT INTO passes (school_id, student_id, pass_number, qr_code, issue_date, expiry_date)"
        " SELECT school_id, id, student_id, student_id, '2026-09-01', '2027-08-31' FROM students"
    )
    await db.execute("UPDATE passes SET status = 'revoked' WHERE pass_number = 's1'")
    await db.execute("UPDATE students SET status = 'suspended' WHERE student_id = 's1'")
    async with Feed(database) as feed:
        await db.execute("UPDATE passes SET key_id = 'b'")
        assert await feed.took() == set()
        await db.execute("UPDATE passes SET expiry_date = '2027-12-31'")
        assert len(await feed.took()) == ROWS
        await db.execute("UPDATE students SET status = 'graduated'")
        assert len(await feed.took()) == 2 * ROWS
        assert feed.statements == 2


@pytest.mark.usefixtures("student")
async def test_a_key_is_written_once_a_statement(db: asyncpg.Connection) -> None:
    await db.execute("UPDATE passes SET status = 'revoked' WHERE qr_code = 'A'")
    assert await db.fetchval("SELECT count(*) FROM index_changes WHERE key = $1", A[1]) == 2  # INSERT and UPDATE
