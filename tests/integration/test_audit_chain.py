"""The chain over audit_logs: whatever is done to it afterwards, in a real database, is found, and named."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from hub.accounts.ledger import heads, sealing
from hub.accounts.ledger.digests import Signatures, Signer, head_of
from hub.accounts.ledger.sealing import erase_values, seal_settled
from hub.accounts.ledger.verify import verify
from hub.accounts.personal import student_keys
from hub.config import Settings
from hub.domain.clock import micros
from tests.integration.audit_world import SIGNER, AuditWorld, audit_world

BATCHES, A_BATCH = 4, 5


@pytest.fixture
async def world(settings: Callable[..., Settings], database: str) -> AsyncIterator[AuditWorld]:
    async with audit_world(settings, database) as found:
        yield found


@pytest.fixture
async def sealed(world: AuditWorld) -> list[UUID]:
    """Four batches of five rows, of which half came through the journal; the ids of all, in order."""
    for _ in range(BATCHES):
        for number in range(A_BATCH):
            if number % 2:
                await world.write(world.of_student())
            else:
                await world.trail.read(world.entry(action="read"))
                await world.empty()
        assert await world.seal() == A_BATCH
    assert await world.faults() == []
    return [row["id"] for row in await world.rows()]


async def test_all_that_is_settled_is_sealed_once_and_the_heads_are_in_the_file(
    world: AuditWorld, sealed: list[UUID]
) -> None:
    found = await world.verify()
    assert (found.batches, found.rows, found.waiting, found.faults) == (BATCHES, len(sealed), 0, [])
    assert await world.seal() == 0
    lines = [line.head for line in heads.read(world.heads)]
    assert [line.batch for line in lines if line] == [1, 2, 3, 4]
    await world.write(world.of_student())
    assert (await world.verify()).waiting == 1


async def test_a_row_of_an_open_transaction_holds_back_those_after_it_and_none_is_left_out(world: AuditWorld) -> None:
    async with world.pg.tenant(world.school) as slow:
        await world.trail.write(slow, world.entry())
        await world.write(world.entry(), world.entry())
        assert await world.seal() == 0
    assert await world.seal() == 3
    found = await world.verify()
    assert (found.rows, found.faults, found.waiting) == (3, [], 0)


async def test_a_large_backlog_is_sealed_in_batches(world: AuditWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "BATCH_ROWS", 7)
    async with world.pg.tenant(world.school) as tx:  # of one transaction, cut in the middle
        for _ in range(20):
            await world.trail.write(tx, world.entry())
    assert await world.seal() == 20
    found = await world.verify()
    assert (found.batches, found.rows, found.faults) == (3, 20, [])


# ------------------------------------------------------------------------------------------------------- tampering


async def test_a_removed_row_is_found(world: AuditWorld, sealed: list[UUID]) -> None:
    await world.as_owner(f"DELETE FROM audit_logs WHERE id = '{sealed[7]}'")
    assert await world.faults() == [f"batch 2, row {sealed[7]}: was removed"]


@pytest.mark.parametrize(
    "change",
    [
        *("action = 'read it'", "user_id = gen_random_uuid()", "school_id = gen_random_uuid()", "resource_id = NULL"),
        *("""old_values = '{"status": "x"}'""", "new_values = NULL", "ip_address = '192.0.2.8'", "user_agent = ''"),
        *("request_id = 'other'", "subject_id = NULL", "personal = personal || '\\x00'", "salt = '\\x00'"),
        *("xid = '3'", "payload_digest = sha256('')"),
    ],
)
async def test_a_changed_row_is_found(world: AuditWorld, sealed: list[UUID], change: str) -> None:
    await world.as_owner(f"UPDATE audit_logs SET {change} WHERE id = '{sealed[6]}'")
    assert await world.faults() == [f"batch 2, row {sealed[6]}: was changed"]


async def test_a_row_whose_time_was_changed_is_found(world: AuditWorld, sealed: list[UUID]) -> None:
    await world.as_owner(f"UPDATE audit_logs SET created_at = created_at + '1 s' WHERE id = '{sealed[6]}'")
    gone, added = await world.faults()
    assert gone == f"batch 2, row {sealed[6]}: was removed"
    assert added.startswith(f"row {sealed[6]}: was added after its time")


@pytest.mark.usefixtures("sealed")
async def test_an_inserted_row_is_found_and_never_sealed(world: AuditWorld) -> None:
    early = (await world.rows())[3]["xid"]
    await world.as_owner(f"INSERT INTO audit_logs (id, action, xid) VALUES ('{UUID(int=5)}', 'x', '{early}')")
    expected = [f"row {UUID(int=5)}: was added after its time, among rows that were sealed"]
    assert await world.faults() == expected
    assert await world.seal() == 0
    assert await world.faults() == expected


@pytest.mark.usefixtures("sealed")
async def test_rows_in_another_order_are_found(world: AuditWorld) -> None:
    await world.as_owner(
        "UPDATE audit_sealed SET position = -1 - position WHERE batch = 3",
        "UPDATE audit_sealed SET position = 4 + position + 1 WHERE batch = 3",
    )
    assert await world.faults() == ["batch 3: its rows were put in another order"]


async def test_a_row_changed_together_with_its_digest_is_found(world: AuditWorld, sealed: list[UUID]) -> None:
    await world.as_owner(
        f"DELETE FROM audit_logs WHERE id = '{sealed[6]}'", f"DELETE FROM audit_sealed WHERE id = '{sealed[6]}'"
    )
    assert await world.faults() == ["batch 2: the list of its rows was changed"]


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("rows_too", [True, False])
@pytest.mark.usefixtures("sealed")
async def test_a_removed_batch_is_found(world: AuditWorld, batch: int, rows_too: bool) -> None:
    statements = [f"DELETE FROM audit_seals WHERE batch = {batch}"]
    if rows_too:
        gone = f"SELECT id FROM audit_sealed WHERE batch = {batch}"
        statements += [
            f"DELETE FROM audit_logs WHERE id IN ({gone})",
            f"DELETE FROM audit_sealed WHERE batch = {batch}",
        ]
    await world.as_owner(*statements)
    assert f"batch {batch}: the batch was removed" in await world.faults()
    assert f"batch {batch}: the batch was removed" in await world.faults(heads=False)


@pytest.mark.usefixtures("sealed")
async def test_a_removed_end_is_found_by_the_file_of_heads(world: AuditWorld) -> None:
    await world.as_owner(
        "DELETE FROM audit_logs WHERE id IN (SELECT id FROM audit_sealed WHERE batch >= 3)",
        "DELETE FROM audit_sealed WHERE batch >= 3",
        "DELETE FROM audit_seals WHERE batch >= 3",
    )
    assert await world.faults(heads=False) == []
    assert await world.faults() == ["batch 3: the batch was removed", "batch 4: the batch was removed"]


@pytest.mark.usefixtures("sealed")
async def test_a_chain_that_somebody_built_anew_is_found(world: AuditWorld) -> None:
    await world.as_owner("DELETE FROM audit_sealed", "DELETE FROM audit_seals")
    await seal_settled(world.pg, Signer(b"f" * 32), None)
    assert await world.faults(heads=False) == ["batch 1: its head is not what a known key signed"]
    assert "batch 1: its head is another than the file of heads has" in await world.faults()


@pytest.mark.usefixtures("sealed")
async def test_a_forged_head_is_found(world: AuditWorld) -> None:
    seal = await world.sql.fetchrow("SELECT * FROM audit_seals WHERE batch = 4")
    assert seal is not None
    top = str(await world.sql.fetchval("SELECT top_xid::text FROM audit_seals WHERE batch = 4"))
    head = head_of(seal["previous"], 4, 3, top, seal["root"])
    await world.sql.execute("UPDATE audit_seals SET row_count = 3, head = $1 WHERE batch = 4", head)
    found = await world.faults()
    assert "batch 4: its head is not what a known key signed" in found
    assert "batch 4: its head is another than the file of heads has" in found
    assert all(fault.startswith("batch 4: ") for fault in found)


@pytest.mark.usefixtures("sealed")
async def test_a_seal_that_claims_less_is_found(world: AuditWorld) -> None:
    await world.sql.execute("UPDATE audit_seals SET top_xid = '1' WHERE batch = 4")
    assert "batch 4: its head is not what a known key signed" in await world.faults()


@pytest.mark.usefixtures("sealed")
async def test_a_batch_from_another_place_in_the_chain_is_found(world: AuditWorld) -> None:
    await world.as_owner(
        "UPDATE audit_seals SET (row_count, top_xid, previous, root, head, signer, signature) = (SELECT row_count,"
        " top_xid, previous, root, head, signer, signature FROM audit_seals WHERE batch = 2) WHERE batch = 3"
    )
    found = await world.faults(heads=False)
    assert "batch 3: its head is not what a known key signed" in found
    assert "batch 3: does not follow the batch before it" in found


@pytest.mark.usefixtures("sealed")
async def test_a_forged_and_a_broken_line_of_the_file_are_found(world: AuditWorld) -> None:
    lines = world.heads.read_text().splitlines()
    forged = json.loads(lines[1])
    forged["rows"] = 4
    world.heads.write_text("\n".join([lines[0], json.dumps(forged), lines[2], lines[3][:40]]) + "\n")
    assert await world.faults() == [
        "batch 2: line 2 of the file of heads is not what a known key signed",
        "line 4 of the file of heads cannot be read",
    ]


@pytest.mark.usefixtures("sealed")
async def test_a_line_that_was_cut_short_is_written_again_after_it(world: AuditWorld) -> None:
    lines = world.heads.read_bytes().splitlines(keepends=True)
    world.heads.write_bytes(b"".join(lines[:3]) + lines[3][:50])
    await world.seal()
    assert [line.head and line.head.batch for line in heads.read(world.heads)] == [1, 2, 3, None, 4]


# ------------------------------------------------------------------------------------------- what is no tampering


@pytest.mark.usefixtures("sealed")
async def test_erased_keys_and_erased_values_leave_the_chain_whole(world: AuditWorld) -> None:
    async with world.pg.tenant(world.school) as tx:
        await student_keys.erase(tx, world.student, world.school)
    assert await world.faults() == []
    row = next(row for row in await world.rows() if row["personal"] is not None)
    async with world.pg.system() as tx:
        assert await erase_values(tx, micros(row["created_at"]), row["id"])
        assert not await erase_values(tx, micros(row["created_at"]), row["id"])
        assert not await erase_values(tx, micros(row["created_at"]), UUID(int=1))
    left = next(found for found in await world.rows() if found["id"] == row["id"])
    assert [left[column] for column in ("old_values", "new_values", "personal", "salt")] == [None] * 4
    found = await world.verify()
    assert (found.faults, found.erased) == ([], 1)
    await world.as_owner(f"UPDATE audit_logs SET payload_digest = sha256('') WHERE id = '{row['id']}'")
    assert (await world.faults())[0].endswith(f"row {row['id']}: was changed")


@pytest.mark.usefixtures("sealed")
async def test_another_signing_key_goes_on_with_the_chain(world: AuditWorld) -> None:
    other = Signer(b"b" * 32)
    await world.write(world.of_student())
    assert await seal_settled(world.pg, other, world.heads) == 1
    both = await verify(world.pg, Signatures([other.public, SIGNER.public]), world.heads)
    assert both.faults == []
    assert "batch 5: its head is not what a known key signed" in await world.faults()


async def test_after_a_restore_into_a_cluster_that_counts_from_further_back_all_goes_on(
    world: AuditWorld, sealed: list[UUID]
) -> None:
    """Rows with transaction ids that this cluster has not had yet, sealed and not, as a dump from another has them."""
    await world.as_owner("DELETE FROM audit_sealed", "DELETE FROM audit_seals")
    world.heads.unlink()
    await world.as_owner("UPDATE audit_logs SET xid = (xid::text::bigint + 1000000000)::text::xid8")
    assert await world.seal() == len(sealed)
    await world.write(world.of_student(), world.of_student())
    assert await world.seal() == 2
    await world.write(world.of_student())
    assert await world.seal() == 1
    found = await world.verify()
    assert (found.rows, found.waiting, found.faults) == (len(sealed) + 3, 0, [])


async def test_a_file_of_heads_that_cannot_be_read_holds_up_nothing(world: AuditWorld) -> None:
    """The jobs that seal do everything else too."""
    world.heads.mkdir()
    await world.write(world.entry())
    with capture_logs() as said:
        assert await world.seal() == 1
    assert [line["log_level"] for line in said] == ["error"]
    assert "correct HUB_AUDIT_HEADS" in said[0]["error"]
    world.heads.rmdir()
    await world.write(world.entry())
    assert await world.seal() == 1
    assert [line.head and line.head.batch for line in heads.read(world.heads)] == [1, 2]


async def test_two_sealers_at_once_make_one_chain(world: AuditWorld) -> None:
    await world.write(*(world.entry() for _ in range(10)))
    assert sum(await asyncio.gather(world.seal(), seal_settled(world.pg, SIGNER, None))) == 10
    found = await world.verify()
    assert (found.rows, found.faults) == (10, [])
