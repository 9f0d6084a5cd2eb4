"""Audit entries in a real PostgreSQL: in their transaction, or through the journal; nothing personal in clear."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID

import pytest

from hub.accounts.masking import HIDDEN, SEALED
from hub.accounts.personal import student_keys
from hub.accounts.trail import AuditTrail, opened
from hub.config import Settings, load_settings
from hub.domain.ids import new_id
from hub.domain.vault import SealBroken
from hub.store.pg import Pg, PostgresError, Role
from tests.integration.audit_world import MARK, RING, AuditWorld, audit_world


@pytest.fixture
async def world(settings: Callable[..., Settings], database: str) -> AsyncIterator[AuditWorld]:
    async with audit_world(settings, database) as found:
        yield found


async def in_clear(world: AuditWorld, row: Any) -> tuple[Any, Any]:
    """Old and new values as a person with the right to read them sees them."""
    async with world.pg.tenant(world.school) as tx:
        key = await student_keys.key_of(tx, RING, row["subject_id"])
    old, new = (None if row[side] is None else json.loads(row[side]) for side in ("old_values", "new_values"))
    parts = opened(old, new, row["personal"], key, row["id"])
    return parts.old, parts.new


async def test_a_change_and_its_entry_are_one_transaction(world: AuditWorld) -> None:
    entry = world.of_student()
    await world.write(entry)
    with pytest.raises(ZeroDivisionError):
        await _failing_request(world)
    (row,) = await world.rows()
    assert (row["id"], row["school_id"], row["user_id"]) == (entry.id, world.school, entry.user_id)
    assert (row["action"], row["resource_type"], row["resource_id"]) == ("update", "student", world.student)
    assert (str(row["ip_address"]), row["user_agent"], row["request_id"]) == ("192.0.2.7", "Browser/1.0", "req-1")
    assert row["subject_id"] == world.student
    assert len(row["salt"]) == 16


async def _failing_request(world: AuditWorld) -> None:
    async with world.pg.tenant(world.school) as tx:
        await world.trail.write(tx, world.of_student())
        raise ZeroDivisionError


async def test_a_read_comes_through_the_journal_once_however_often_it_is_drained(world: AuditWorld) -> None:
    entries = [world.of_student(action="read", old=None, new={"q": MARK, "count": 3}) for _ in range(30)]
    for entry in entries:
        await world.trail.read(entry)
    assert await world.rows() == []
    await world.empty()
    before = await world.rows()
    assert [row["id"] for row in before] == [entry.id for entry in entries]
    assert await in_clear(world, before[0]) == (None, {"q": MARK, "count": 3})
    world.journal.drained = 0
    await world.empty()
    assert await world.rows() == before


async def test_what_is_personal_is_found_nowhere_in_clear(world: AuditWorld) -> None:
    values = {"lastName": MARK, "nested": {"deep": [MARK]}, "password": MARK, "phone": MARK}
    await world.write(world.of_student(old=values, new=values))
    await world.trail.read(world.of_student(action="read", old=values, new=values))
    await world.empty()
    stored = "".join(str(dict(row)) for row in await world.rows()).encode()
    files = [path for path in world.settings.journal_dir.iterdir() if path.is_file()]
    assert any(path.suffix == ".sqlite3" for path in files)
    for content in (stored, *(path.read_bytes() for path in files)):
        assert MARK.encode() not in content
    for row in await world.rows():
        old, new = await in_clear(world, row)
        assert old == new == {**values, "password": HIDDEN}


async def test_an_erased_key_takes_all_values_with_it_and_stays_erased(world: AuditWorld) -> None:
    other = await world.sql.fetchval(
        "INSERT INTO students (student_id, first_name, last_name, school_id) VALUES ('S2', 'x', 'x', $1) RETURNING id",
        world.school,
    )
    await world.write(world.of_student(), world.of_student(subject_id=other))
    async with world.pg.tenant(world.school) as tx:
        await student_keys.erase(tx, world.student, world.school)
        await student_keys.erase(tx, world.student, world.school)
    await world.write(world.of_student())
    first, theirs, later = await world.rows()
    assert await in_clear(world, first) == (
        {"lastName": SEALED, "status": "active"},
        {"lastName": SEALED, "status": "suspended"},
    )
    assert (await in_clear(world, theirs))[0] == {"lastName": MARK, "status": "active"}
    assert (later["personal"], json.loads(later["old_values"])) == (None, {"lastName": HIDDEN, "status": "active"})
    assert await world.sql.fetchval("SELECT count(*) FROM student_keys WHERE key IS NULL") == 1


async def test_postgresql_away_a_read_is_journaled_all_the_same(world: AuditWorld) -> None:
    nobody = load_settings(database_url="postgresql://nobody@127.0.0.1:9/none")
    pg = await Pg.open(nobody, [Role.hub_api])
    trail = AuditTrail(RING, pg, world.keep)
    try:
        await trail.read(world.entry(action="read", subject_id=world.student))
        await trail.read(world.of_student(action="read"))
    finally:
        await pg.close()
    await world.empty()
    plain, hidden = await world.rows()
    assert (plain["subject_id"], plain["personal"]) == (world.student, None)
    assert (json.loads(hidden["old_values"]), hidden["personal"]) == ({"lastName": HIDDEN, "status": "active"}, None)


@pytest.mark.parametrize(
    ("more", "column", "stored"),
    [
        ({"user_agent": "a\0b\ud800" + "x" * 900}, "user_agent", ("a\ufffdb?" + "x" * 900)[:500]),
        ({"request_id": "r" * 300}, "request_id", "r" * 128),
        ({"address": "unix:/run/x"}, "ip_address", None),
        ({"address": "fe80::1%eth0"}, "ip_address", "fe80::1"),
        ({"resource_type": "r" * 200}, "resource_type", "r" * 100),
        ({"new": {"a\0": "\0\ud800", "n": 1e300}}, "new_values", '{"n": 1' + "0" * 300 + ', "a\ufffd": "\ufffd?"}'),
    ],
)
async def test_odd_values_are_kept_as_well_as_can_be(
    world: AuditWorld, more: dict[str, Any], column: str, stored: object
) -> None:
    await world.write(world.entry(**more))
    await world.trail.read(world.entry(**more))
    await world.empty()
    rows = await world.rows()
    assert [None if row[column] is None else str(row[column]) for row in rows] == [stored] * 2
    assert await world.sql.fetchval("SELECT count(*) FROM audit_logs_rejected") == 0


async def test_a_row_that_postgresql_refuses_is_kept_whole_and_holds_up_no_other(world: AuditWorld) -> None:
    await world.sql.execute("ALTER TABLE audit_logs ADD CONSTRAINT closed CHECK (request_id <> 'bad')")
    entries = [world.entry(action="read", request_id="bad" if number == 5 else "good") for number in range(12)]
    for entry in entries:
        await world.trail.read(entry)
    await world.empty()
    assert [row["id"] for row in await world.rows()] == [entry.id for entry in entries if entry.request_id == "good"]
    (refused,) = await world.sql.fetch("SELECT * FROM audit_logs_rejected")
    assert refused["id"] == entries[5].id
    assert "closed" in refused["error"]
    assert (await world.verify()).refused == 1


@pytest.mark.parametrize("at", [-1, 253_402_300_800_000_000 - 1])
async def test_a_time_that_cannot_be_is_refused_and_kept_aside(world: AuditWorld, at: int) -> None:
    await world.trail.read(world.entry(at=at))
    await world.empty()
    assert await world.rows() == []
    assert (await world.verify()).refused == 1


async def test_a_read_does_not_wait_for_a_key_that_another_is_making(world: AuditWorld) -> None:
    async with world.pg.tenant(world.school) as slow:
        await world.trail.write(slow, world.of_student())
        await world.trail.read(world.of_student(action="read"))
    await world.empty()
    written, read = await world.rows()
    assert written["personal"] is not None
    assert read["personal"] is None


async def test_a_student_has_one_key_whoever_asks_first(world: AuditWorld) -> None:
    async with world.pg.tenant(world.school) as one:
        first = await student_keys.made_key(one, RING, world.student, world.school)
    async with world.pg.tenant(world.school) as two:
        assert await student_keys.made_key(two, RING, world.student, world.school) == first
        assert await student_keys.keys_of(two, RING, [world.student, new_id()]) == {world.student: first}
    with pytest.raises(SealBroken):
        async with world.pg.tenant(world.school) as tx:
            await student_keys.key_of(tx, type(RING)([b"x" * 32]), world.student)


@pytest.mark.parametrize("role", ["hub_api", "hub_admin", "hub_system"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_logs SET old_values = NULL",
        "DELETE FROM audit_logs",
        "INSERT INTO audit_logs (school_id, action, xid) VALUES (hub_current_school(), 'x', '1')",
        "INSERT INTO audit_logs (school_id, action, payload_digest) VALUES (hub_current_school(), 'x', '')",
        "UPDATE audit_seals SET row_count = 1",
        "DELETE FROM audit_seals",
        "UPDATE audit_sealed SET digest = ''",
        "DELETE FROM audit_sealed",
        "DELETE FROM student_keys",
    ],
)
async def test_what_no_role_may_do(world: AuditWorld, role: str, statement: str) -> None:
    await world.write(world.of_student())
    await world.sql.execute("SELECT set_config('hub.school_id', $1, false)", str(world.school))
    await world.sql.execute(f"SET ROLE {role}")
    with pytest.raises(PostgresError, match="permission denied"):
        await world.sql.execute(statement)


async def test_a_school_sees_no_other_schools_keys(world: AuditWorld) -> None:
    await world.write(world.of_student())
    stranger = UUID(int=7)
    async with world.pg.tenant(stranger) as tx:
        assert await tx.fetchval("SELECT count(*) FROM student_keys") == 0
        assert await student_keys.key_of(tx, RING, world.student) is None
