"""Old entries leave the log by signed notes: the chain holds, and whoever removes one without a note is found."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from hub.accounts.ledger import pruning
from hub.accounts.ledger.digests import Signer, floor_of, prune_of
from hub.config import Settings
from hub.domain.clock import micros
from hub.jobs.retention import run as retention
from hub.jobs.retention.steps import Place
from tests.integration.audit_world import SIGNER, AuditWorld, audit_world
from tests.integration.rows import add_school

NOW = datetime.now(UTC)
CUT = NOW - timedelta(days=450)
OLD, YOUNG = NOW - timedelta(days=500), NOW - timedelta(days=400)
OTHER = Signer(b"z" * 32)


@pytest.fixture
async def world(settings: Callable[..., Settings], database: str) -> AsyncIterator[AuditWorld]:
    async with audit_world(settings, database) as found:
        yield found


async def batch(world: AuditWorld, *times: datetime, school: UUID | None = None) -> list[UUID]:
    """Entries of these times, sealed; their ids in order."""
    entries = [
        world.of_student(at=micros(at) + number, school_id=school or world.school) for number, at in enumerate(times)
    ]
    async with world.pg.tenant(school or world.school) as tx:
        for entry in entries:
            await world.trail.write(tx, entry)
    assert await world.seal() == len(times)
    return [entry.id for entry in entries]


async def prune(world: AuditWorld, signer: Signer | None = SIGNER, school: UUID | None = None) -> int:
    """All that is old, and the floor."""
    total = 0
    while rows := await pruning.prune(world.pg, signer, school or world.school, CUT, 2):
        total += rows
    await pruning.raise_floor(world.pg, signer)
    return total


async def test_pruned_rows_leave_a_chain_without_faults(world: AuditWorld) -> None:
    await batch(world, OLD, OLD, OLD)
    await batch(world, OLD, YOUNG, OLD)
    await batch(world, YOUNG, NOW)
    assert await prune(world) == 5
    found = await world.verify()
    assert (found.faults, found.rows, found.pruned, found.floor, found.batches) == ([], 5, 2, 1, 2)
    assert len(await world.rows()) == 3
    assert await world.faults(heads=False) == []
    assert await prune(world) == 0
    await batch(world, NOW)
    assert await world.faults() == []


async def test_the_last_batch_stays_so_that_the_chain_goes_on(world: AuditWorld) -> None:
    await batch(world, OLD)
    await batch(world, OLD, OLD)
    assert await prune(world) == 3
    assert (await world.verify()).floor == 1
    await batch(world, NOW)
    assert await world.faults() == []
    await prune(world)
    found = await world.verify()
    assert (found.floor, found.batches, found.faults) == (2, 1, [])


async def test_another_schools_rows_of_the_same_batch_stay_and_are_watched(world: AuditWorld) -> None:
    other = await add_school(world.sql, "TWO")
    async with world.pg.system() as tx:
        for number, school in enumerate((world.school, other, world.school)):
            await world.trail.write(tx, world.entry(at=micros(OLD) + number, school_id=school))
    await world.seal()
    assert await prune(world) == 2
    (kept,) = await world.rows()
    assert (kept["school_id"], await world.faults()) == (other, [])
    await world.as_owner("DELETE FROM audit_logs")
    assert await world.faults() == [f"batch 1, row {kept['id']}: was removed"]
    await world.as_owner("UPDATE audit_sealed SET pruned = true")
    assert await world.faults() == [f"batch 1, row {kept['id']}: was removed"]


async def test_a_note_that_nobody_signed_is_no_note(world: AuditWorld) -> None:
    ids = await batch(world, OLD, YOUNG, YOUNG)
    await batch(world, NOW)
    await prune(world)
    await world.as_owner(f"DELETE FROM audit_logs WHERE id = '{ids[2]}'")
    for forger in (OTHER, SIGNER):
        await world.sql.execute(
            "INSERT INTO audit_prunes (batch, number, positions, signer, signature) VALUES (1, $1, '{2}', $2, $3)",
            *(5 if forger is OTHER else 6, forger.id, forger.sign(prune_of(1, 9, [2]))),
        )
    assert sorted(await world.faults()) == [
        "batch 1, row " + str(ids[2]) + ": was removed",
        *["batch 1: what is said to have been let go of it is not what a known key signed"] * 2,
    ]
    await world.as_owner("UPDATE audit_prunes SET positions = '{0,2}' WHERE number = 1")
    assert f"batch 1, row {ids[0]}: was removed" in await world.faults()


async def test_a_floor_that_nobody_signed_shows_that_the_beginning_was_cut_off(world: AuditWorld) -> None:
    await batch(world, YOUNG)
    await batch(world, YOUNG)
    await batch(world, NOW)
    head = await world.sql.fetchval("SELECT head FROM audit_seals WHERE batch = 2")
    await world.as_owner(
        "DELETE FROM audit_logs WHERE created_at < now() - interval '1 day'",
        "DELETE FROM audit_sealed WHERE batch < 3",
        "DELETE FROM audit_seals WHERE batch < 3",
    )
    await world.sql.execute(
        "INSERT INTO audit_floors (batch, head, signer, signature) VALUES (2, $1, $2, $3)",
        *(head, OTHER.id, OTHER.sign(floor_of(2, head))),
    )
    found = await world.faults(heads=False)
    assert found == [
        "batch 2: where the chain is said to begin is not what a known key signed",
        "batch 1: the batch was removed",
        "batch 2: the batch was removed",
    ]


async def test_a_floor_of_before_does_not_excuse_what_was_cut_off_after_it(world: AuditWorld) -> None:
    await batch(world, OLD)
    await batch(world, YOUNG)
    await batch(world, NOW)
    await prune(world)
    await world.as_owner("DELETE FROM audit_sealed WHERE batch = 2", "DELETE FROM audit_seals WHERE batch = 2")
    assert "batch 2: the batch was removed" in await world.faults(heads=False)


async def test_without_its_key_what_is_sealed_stays(world: AuditWorld) -> None:
    await batch(world, OLD)
    assert await prune(world, None) == 0
    assert len(await world.rows()) == 1


async def test_without_a_chain_old_rows_go(world: AuditWorld) -> None:
    await world.write(world.of_student(at=micros(OLD)), world.of_student(at=micros(NOW)))
    assert await prune(world, None) == 1
    assert len(await world.rows()) == 1


async def test_rows_that_are_not_sealed_yet_wait(world: AuditWorld) -> None:
    await world.write(world.of_student(at=micros(OLD)))
    assert await prune(world) == 0
    await world.seal()
    assert await prune(world) == 1


async def test_a_month_of_the_audit_is_dropped_whole_and_the_chain_holds(world: AuditWorld) -> None:
    start = (NOW - timedelta(days=2500)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    end = (start + timedelta(days=31)).replace(day=1)
    name = f"audit_logs_{start:%Y_%m}"
    await world.sql.execute(f"CREATE TABLE {name} PARTITION OF audit_logs FOR VALUES FROM ('{start}') TO ('{end}')")
    await batch(world, start, NOW, start + timedelta(days=3))
    await batch(world, start + timedelta(days=5))
    await batch(world, NOW)
    place = Place(world.settings, world.pg, world.trail, SIGNER, NOW)
    went = {one.keep: one.rows for one in await retention.run(place)}
    assert went == {f"the month {start:%Y-%m}, dropped": 3}
    assert await world.sql.fetchval("SELECT to_regclass($1)", name) is None
    found = await world.verify()
    assert (found.faults, found.pruned, found.floor, found.waiting) == ([], 3, 0, 1)
