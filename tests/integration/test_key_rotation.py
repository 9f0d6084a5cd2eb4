"""Keys are exchanged while the program runs: everything sealed is sealed anew, and can be read at every moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID

import pytest

from hub.accounts.personal import rotation, student_keys
from hub.accounts.personal.columns import NOT_SEALED, SEALED_TABLES
from hub.accounts.personal.rotation import rotate
from hub.config import Settings
from hub.domain.ids import new_id
from hub.domain.keyring import KeyRing
from hub.domain.vault import HEAD_BYTES, column_place, key_head
from tests.integration.audit_world import AuditWorld, audit_world

OLD, NEW = b"o" * 32, b"n" * 32
BEFORE, DURING, AFTER = KeyRing([OLD]), KeyRing([NEW, OLD]), KeyRing([NEW])
COLUMNS = ("date_of_birth", "phone", "address", "emergency_contact_name", "emergency_contact_phone")
STUDENTS = 60


@pytest.fixture
async def world(settings: Callable[..., Settings], database: str) -> AsyncIterator[AuditWorld]:
    async with audit_world(settings, database) as found:
        yield found


@pytest.fixture
async def students(world: AuditWorld, monkeypatch: pytest.MonkeyPatch) -> list[UUID]:
    """Sixty students, two signing keys and ten students' own keys, all under the old key; batches of seven."""
    monkeypatch.setattr(rotation, "BATCH_ROWS", 7)
    ids = [new_id() for _ in range(STUDENTS)]
    for number, id_ in enumerate(ids):
        await add_student(world, BEFORE, id_, number)
    for number in range(2):
        kid = f"kid{number}"
        await world.sql.execute(
            "INSERT INTO signing_keys (kid, public_key, private_key) VALUES ($1, $2, $3)",
            *(kid, bytes(32), BEFORE.seal(b"private", kid.encode())),
        )
    for id_ in ids[:2]:
        await world.sql.execute(
            "INSERT INTO job_runs (id, school_id, kind, params) VALUES ($1, $2, 'x', $3)",
            *(id_, world.school, BEFORE.seal(b"asked", column_place("job_runs", "params", id_))),
        )
        await world.sql.execute(
            "INSERT INTO job_files (id, job_id, school_id, name, key, size) VALUES ($1, $1, $2, 'x', $3, 0)",
            *(id_, world.school, BEFORE.seal(bytes(32), column_place("job_files", "key", id_))),
        )
    for number in range(2):
        token_key = new_id()
        await world.sql.execute(
            "INSERT INTO token_keys (id, public_key, private_key) VALUES ($1, $2, $3)",
            *(token_key, bytes(32), BEFORE.seal(b"private", column_place("token_keys", "private_key", token_key))),
        )
        user = await world.sql.fetchval(
            "INSERT INTO users (email, password_hash, first_name, last_name) VALUES ($1, '', 'x', 'x') RETURNING id",
            f"{number}@example.org",
        )
        await world.sql.execute(
            "INSERT INTO second_factors (user_id, secret) VALUES ($1, $2)",
            *(user, BEFORE.seal(b"secret", column_place("second_factors", "secret", user))),
        )
    async with world.pg.tenant(world.school) as tx:
        for id_ in ids[:10]:
            await student_keys.made_key(tx, BEFORE, id_, world.school)
        await student_keys.erase(tx, ids[0], world.school)
    return ids


async def add_student(world: AuditWorld, ring: KeyRing, id_: UUID, number: int) -> None:
    """Every third has no phone."""
    values = [f"{column} {number}" for column in COLUMNS]
    sealed: list[bytes | None] = [
        ring.seal(value.encode(), column_place("students", column, id_))
        for column, value in zip(COLUMNS, values, strict=True)
    ]
    if number % 3 == 0:
        sealed[1] = None
    await world.sql.execute(
        "INSERT INTO students (id, student_id, first_name, last_name, school_id, date_of_birth, phone, address,"
        " emergency_contact_name, emergency_contact_phone, date_of_birth_bidx, phone_bidx)"
        " VALUES ($1, $2, 'x', 'x', $3, $4, $5, $6, $7, $8, $9, $10)",
        *(id_, f"N{number}", world.school, *sealed, ring.blind_index("date_of_birth", world.school, values[0])),
        sealed[1] and ring.blind_index("phone", world.school, values[1]),
    )


async def by_phone(world: AuditWorld, ring: KeyRing, number: int) -> Any:
    return await world.sql.fetchrow(
        "SELECT * FROM students WHERE school_id = $1 AND phone_bidx = ANY ($2)",
        *(world.school, ring.blind_indexes("phone", world.school, f"phone {number}")),
    )


async def heads_of(world: AuditWorld, table: str, column: str) -> set[bytes]:
    rows = await world.sql.fetch(
        f"SELECT DISTINCT substring({column} FROM 1 FOR {HEAD_BYTES}) AS head FROM {table} WHERE {column} IS NOT NULL"
    )
    return {row["head"] for row in rows}


def test_the_registry_and_the_statements_agree() -> None:
    for table in SEALED_TABLES:
        find, write = student_keys.Q[table.find], student_keys.Q[table.write]
        for column in table.columns:
            assert column in find, (table.name, column)
            assert f"{column} = n.{column}" in write, (table.name, column)
        for column in table.indexed:
            assert f"{column}_bidx = n.{column}_bidx" in write, (table.name, column)


async def test_every_column_of_bytes_is_in_the_registry_or_declared_no_ciphertext(world: AuditWorld) -> None:
    rows = await world.sql.fetch(
        "SELECT c.relname || '.' || a.attname AS name FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid"
        " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
        " AND a.atttypid = 'bytea'::regtype AND a.attnum > 0 AND NOT a.attisdropped AND c.relname NOT LIKE 'pgqueuer%'"
    )
    sealed = {f"{table.name}.{column}" for table in SEALED_TABLES for column in table.columns}
    assert not sealed & set(NOT_SEALED)
    assert {row["name"] for row in rows} == sealed | set(NOT_SEALED)


async def test_everything_is_sealed_anew_and_nothing_else_changes(world: AuditWorld, students: list[UUID]) -> None:
    before = await world.sql.fetch("SELECT id, updated_at, student_id FROM students ORDER BY id")
    done = await rotate(world.pg, DURING)
    keys = {"signing_keys": 2, "student_keys": 9, "second_factors": 2, "token_keys": 2, "job_runs": 2, "job_files": 2}
    assert (done.rows, done.broken) == ({"students": STUDENTS} | keys, [])
    for table in SEALED_TABLES:
        for column in table.columns:
            assert await heads_of(world, table.name, column) == {key_head(NEW)}, (table.name, column)
    for number, id_ in enumerate(students):
        row = await world.sql.fetchrow("SELECT * FROM students WHERE id = $1", id_)
        assert row is not None
        for column in COLUMNS:
            if number % 3 or column != "phone":
                plain = AFTER.unseal(row[column], column_place("students", column, id_))
                assert plain == f"{column} {number}".encode()
        assert ((await by_phone(world, AFTER, number)) is None) == (number % 3 == 0)
    assert await world.sql.fetch("SELECT id, updated_at, student_id FROM students ORDER BY id") == before
    async with world.pg.tenant(world.school) as tx:
        assert len(await student_keys.keys_of(tx, AFTER, students)) == 9
        assert await student_keys.key_of(tx, AFTER, students[0]) is None
    again = await rotate(world.pg, DURING)
    assert set(again.rows.values()) == {0}


def cut(table: str, rows: int) -> None:
    if table == "students" and rows >= 21:
        raise InterruptedError


@pytest.mark.usefixtures("students")
async def test_it_goes_on_where_it_was_cut_short(world: AuditWorld) -> None:
    with pytest.raises(InterruptedError):
        await rotate(world.pg, DURING, cut)
    assert await heads_of(world, "students", "address") == {key_head(NEW), key_head(OLD)}
    done = await rotate(world.pg, DURING)
    assert done.rows["students"] == STUDENTS - 21
    assert await heads_of(world, "students", "address") == {key_head(NEW)}


@pytest.mark.usefixtures("students")
async def test_readers_and_searches_meet_no_moment_without_an_answer(world: AuditWorld) -> None:
    found: list[int] = []
    stop = asyncio.Event()

    async def read() -> None:
        while not stop.is_set():
            for number in (1, 31, 59):
                async with world.pg.tenant(world.school) as tx:
                    row = await tx.fetchrow(
                        "SELECT id, phone FROM students WHERE phone_bidx = ANY ($1)",
                        DURING.blind_indexes("phone", world.school, f"phone {number}"),
                    )
                assert row is not None
                place = column_place("students", "phone", row["id"])
                assert DURING.unseal(row["phone"], place) == f"phone {number}".encode()
                found.append(number)

    readers = [asyncio.create_task(read()) for _ in range(2)]
    while not found and not any(reader.done() for reader in readers):  # noqa: ASYNC110 - until they read
        await asyncio.sleep(0)
    await rotate(world.pg, DURING)
    stop.set()
    await asyncio.gather(*readers)
    assert len(found) > 6
    assert await heads_of(world, "students", "phone") == {key_head(NEW)}


@pytest.mark.usefixtures("students")
async def test_what_a_late_writer_seals_with_the_old_key_is_found_too(world: AuditWorld) -> None:
    """A worker that does not know of the new key yet, behind the batch that is under way."""
    late = UUID(int=1)
    pending: list[asyncio.Task[None]] = []

    def write_late(table: str, rows: int) -> None:
        if table == "students" and rows == 21:
            pending.append(asyncio.create_task(add_student(world, BEFORE, late, 1_000)))

    done = await rotate(world.pg, DURING, write_late)
    await asyncio.gather(*pending)
    again = await rotate(world.pg, DURING)
    assert done.rows["students"] + again.rows["students"] == STUDENTS + 1
    assert await heads_of(world, "students", "phone") == {key_head(NEW)}


async def test_what_does_not_open_is_named_and_left_and_the_rest_goes_on(
    world: AuditWorld, students: list[UUID]
) -> None:
    foreign = KeyRing([b"f" * 32]).seal(b"x", b"x")
    await world.sql.execute("UPDATE students SET address = $2 WHERE id = $1", students[5], foreign)
    done = await rotate(world.pg, DURING)
    assert done.rows["students"] == STUDENTS - 1
    assert done.broken == [f"students.address of {students[5]}: sealed with another key"]
    assert await world.sql.fetchval("SELECT address FROM students WHERE id = $1", students[5]) == foreign


async def test_an_audit_row_stays_readable_and_the_chain_whole_over_a_rotation(world: AuditWorld) -> None:
    ring = KeyRing([b"x" * 32, b"n" * 32, b"o" * 32])  # the world's own keys, and a new first one
    await world.write(world.of_student())
    await world.seal()
    await rotate(world.pg, ring)
    async with world.pg.tenant(world.school) as tx:
        assert await student_keys.key_of(tx, KeyRing([b"x" * 32]), world.student) is not None
    assert await world.faults() == []
