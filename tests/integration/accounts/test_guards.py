"""What the database holds by itself, whoever writes: the last super admin, sessions, roles of other schools."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest

from hub.accounts.roster import Roster
from hub.domain.ids import new_id
from tests.integration.accounts.office import ROLE_IDS
from tests.integration.rows import add_school

SUPER = ROLE_IDS["super_admin"]


@pytest.fixture
async def db(database: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database)
    yield connection
    await connection.close()


async def add_user(db: asyncpg.Connection, role: UUID, school: UUID | None, *, invited: bool = False) -> UUID:
    """`invited`: and has set no password yet."""
    id_ = new_id()
    await db.execute(
        "INSERT INTO users (id, email, password_hash, first_name, last_name, role_id, school_id)"
        " VALUES ($1, $2, $3, '', '', $4, $5)",
        *(id_, f"{id_}@x", "" if invited else "x", role, school),
    )
    return id_


async def test_two_who_demote_each_other_leave_one(db: asyncpg.Connection, database: str) -> None:
    users = [await add_user(db, SUPER, None) for _ in range(2)]
    other = await asyncpg.connect(database)
    try:
        first, second = db.transaction(), other.transaction()
        await first.start()
        await second.start()
        await db.execute("UPDATE users SET is_active = false WHERE id = $1", users[0])
        waiting = asyncio.create_task(other.execute("UPDATE users SET is_active = false WHERE id = $1", users[1]))
        await asyncio.sleep(0)
        await first.commit()
        with pytest.raises(asyncpg.CheckViolationError) as refused:
            await waiting
        assert refused.value.constraint_name == "users_last_super_admin"
        await second.rollback()
    finally:
        await other.close()
    assert await db.fetchval("SELECT count(*) FROM users WHERE is_active") == 1


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE users SET is_active = false",
        "UPDATE users SET deleted_at = now()",
        "UPDATE users SET password_hash = ''",
        "UPDATE users SET role_id = NULL",
        "DELETE FROM users",
    ],
)
async def test_all_at_once_is_one_too_many(db: asyncpg.Connection, statement: str) -> None:
    await add_user(db, SUPER, None)
    await add_user(db, SUPER, None)
    await add_user(db, SUPER, None, invited=True)
    with pytest.raises(asyncpg.CheckViolationError, match="last super admin"):
        await db.execute(statement)


async def test_a_super_admin_belongs_to_no_school_and_nobody_else_does(db: asyncpg.Connection) -> None:
    school = await add_school(db, "ONE")
    for role, where in ((SUPER, school), (ROLE_IDS["staff"], None)):
        with pytest.raises(asyncpg.CheckViolationError):
            await add_user(db, role, where)


async def test_a_role_of_another_school_cannot_be_given(db: asyncpg.Connection) -> None:
    one, two = await add_school(db, "ONE"), await add_school(db, "TWO")
    role = await db.fetchval("INSERT INTO roles (name, school_id) VALUES ('x', $1) RETURNING id", one)
    user = await add_user(db, role, one)
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await add_user(db, role, two)
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await db.execute("UPDATE users SET school_id = $1 WHERE id = $2", two, user)


async def test_rehashing_is_for_the_one_that_says_so(db: asyncpg.Connection) -> None:
    users = [await add_user(db, SUPER, None) for _ in range(2)]
    for user in users:
        await db.execute("INSERT INTO sessions (user_id, expires_at) VALUES ($1, now() + interval '1 h')", user)
    async with db.transaction():
        await db.execute("SELECT set_config('hub.rehash', $1, true)", str(users[0]))
        await db.execute("UPDATE users SET password_hash = 'y'")
    rows = await db.fetch("SELECT user_id, end_reason FROM sessions WHERE ended_at IS NOT NULL")
    assert [tuple(row) for row in rows] == [(users[1], "password_change")]
    await db.execute("UPDATE users SET password_hash = 'z'")
    assert await db.fetchval("SELECT count(*) FROM sessions WHERE ended_at IS NULL") == 0


async def test_memory_ends_what_has_lived_as_long_as_it_may(db: asyncpg.Connection) -> None:
    school = await add_school(db, "ONE")
    user = await add_user(db, ROLE_IDS["staff"], school)
    for hours in (1, 3):
        await db.execute(
            "INSERT INTO sessions (user_id, school_id, expires_at) VALUES ($1, $2, now() + make_interval(hours => $3))",
            *(user, school, hours),
        )
    ids = [row["id"] for row in await db.fetch("SELECT id FROM sessions ORDER BY expires_at")]
    roster, ended = Roster(), list[UUID]()
    roster.on_ended = ended.append
    await db.execute("SET ROLE hub_system")
    await roster.load(db)
    roster.expire(time.time())
    assert ended == []
    roster.expire(time.time() + 2 * 3600)
    assert ended == [ids[0]]
    assert roster.identity(ids[0]) is None
    assert roster.identity(ids[1]) is not None
    await roster.load(db)
    roster.expire(time.time() + 4 * 3600)
    assert set(ended) == set(ids)


@pytest.mark.parametrize(
    "settings", ['{"guardDesk": "yes"}', '{"guardDesk": 1}', '{"secondFactor": "staff"}', '{"secondFactor": [1, null]}']
)
async def test_a_setting_of_another_shape_counts_as_none(db: asyncpg.Connection, settings: str) -> None:
    school = await add_school(db, "ONE")
    await db.execute("UPDATE schools SET settings = $1", settings)
    roster = Roster()
    await db.execute("SET ROLE hub_system")
    await roster.load(db)
    assert not roster.schools[school].guard_desk
    assert roster.schools[school].second_factor.isdisjoint(ROLE_IDS)


OF_REQUESTS = [
    "SELECT password_hash FROM users",
    "SELECT * FROM refresh_tokens",
    "SELECT * FROM mailed_tokens",
    "SELECT * FROM token_keys",
    "INSERT INTO sessions (user_id, expires_at) VALUES (gen_random_uuid(), now())",
    "UPDATE sessions SET expires_at = now() + interval '10 years'",
    "DELETE FROM sessions",
]
OF_THE_PROGRAM = [
    "SELECT private_key FROM token_keys",
    "SELECT secret FROM second_factors",
    "SELECT * FROM refresh_tokens",
    "UPDATE sessions SET ended_at = NULL",
]


@pytest.mark.parametrize(
    ("role", "statement"),
    [*(("hub_api", one) for one in OF_REQUESTS), *(("hub_system", one) for one in OF_THE_PROGRAM)],
)
async def test_what_a_role_may_not_do_at_all(db: asyncpg.Connection, role: str, statement: str) -> None:
    await db.execute(f"SET ROLE {role}")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await db.execute(statement)


async def test_a_school_sees_its_own_sessions_and_second_factors(db: asyncpg.Connection) -> None:
    schools = [await add_school(db, code) for code in ("ONE", "TWO")]
    for school in schools:
        user = await add_user(db, ROLE_IDS["staff"], school)
        await db.execute("INSERT INTO sessions (user_id, school_id, expires_at) VALUES ($1, $2, now())", user, school)
        await db.execute("INSERT INTO second_factors (user_id, secret) VALUES ($1, '')", user)
        await db.execute("INSERT INTO recovery_codes (user_id, hash) VALUES ($1, $2)", user, bytes(32))
        await db.execute("INSERT INTO roles (name, school_id) VALUES ('own', $1)", school)
    await db.execute("SET ROLE hub_api")
    for seen in (0, 1):
        async with db.transaction():
            if seen:
                await db.execute("SELECT set_config('hub.school_id', $1, true)", str(schools[0]))
            for table in ("sessions", "second_factors", "recovery_codes", "roles WHERE school_id IS NOT NULL"):
                assert await db.fetchval(f"SELECT count(*) FROM {table}") == seen, table
            assert await db.execute("DELETE FROM second_factors") == f"DELETE {seen}"


async def test_times_that_no_datetime_can_say_do_not_stop_the_feed(db: asyncpg.Connection) -> None:
    """Doors are answered from what the same feed keeps."""
    school = await add_school(db, "ONE")
    user = await add_user(db, ROLE_IDS["staff"], school)
    await db.execute("INSERT INTO sessions (user_id, school_id, expires_at) VALUES ($1, $2, 'infinity')", user, school)
    for when in ("infinity", "-infinity"):
        await db.execute(
            f"INSERT INTO token_keys (public_key, private_key, active_from) VALUES ($1, '', '{when}')", bytes(32)
        )
    await db.execute("SET ROLE hub_system")
    roster = Roster()
    await roster.load(db)
    assert len(roster.sessions) == 1
    assert len(roster.keys) == 2
