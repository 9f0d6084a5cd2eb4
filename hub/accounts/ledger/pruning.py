"""Old entries leave the log, and the chain can still tell that from tampering.

For rows that go, a note with their places in their batch is signed as a head is; `verify` takes a row that is missing
for removed unless such a note has it. Batches below which nothing is left are forgotten up to a floor, a signed head
that the next one follows. A prune without HUB_AUDIT_KEY is not done where anything was sealed.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

import structlog

from hub.accounts.ledger.digests import Signer, floor_of, prune_of
from hub.store.pg import Connection, Pg
from hub.store.queries import load_queries

log = structlog.get_logger(__name__)
Q = load_queries("hub.accounts.ledger")

#: Rows in one transaction.
MOST = 5_000


async def count_before(tx: Connection, school: UUID | None, before: datetime) -> int:
    found: int = await tx.fetchval(Q.count_old_rows, school, before)
    return found


async def count_between(tx: Connection, start: datetime, end: datetime) -> int:
    found: int = await tx.fetchval(Q.count_rows_between, start, end)
    return found


async def is_wanted(tx: Connection, start: datetime, end: datetime, past: list[UUID]) -> bool:
    """Whether anybody but these has rows there; the nil UUID stands for nobody's."""
    return bool(await tx.fetchval(Q.rows_wanted, start, end, past))


async def prune(pg: Pg, signer: Signer | None, school: UUID | None, before: datetime, most: int) -> int:
    """Let some of a school's rows (None: nobody's) from before a time go; how many there were."""
    async with pg.system() as tx:
        if not await _may(tx, signer):
            return 0
        rows = await tx.fetch(Q.old_rows_of_school if school else Q.old_rows_of_nobody, *_asked(school, before, most))
        sealed = [row for row in rows if row["batch"] is not None]
        if signer is not None:
            # What is not sealed yet is, a minute later.
            await _let_go(tx, signer, [(row["batch"], row["position"]) for row in sealed])
            rows = sealed
        ids = [row["id"] for row in rows]
        pruned: int = await tx.fetchval(Q.prune_rows, [row["created_at"] for row in rows], ids)
    return pruned


def _asked(school: UUID | None, before: datetime, most: int) -> list[UUID | datetime | int]:
    return [before, most] if school is None else [before, most, school]


async def let_go_between(pg: Pg, signer: Signer | None, start: datetime, end: datetime) -> bool:
    """Sign that all rows of that time go, before they are dropped; False when they must not be."""
    while True:
        async with pg.system() as tx:
            if not await _may(tx, signer):
                return False
            if signer is None:
                return True
            if await tx.fetchval(Q.unsealed_between, start, end):
                return False
            rows = await tx.fetch(Q.sealed_between, start, end, MOST)
            if not rows:
                return True
            await _let_go(tx, signer, [(row["batch"], row["position"]) for row in rows])


async def _may(tx: Connection, signer: Signer | None) -> bool:
    await tx.execute(Q.lock_chain)
    if signer is None and await tx.fetchval(Q.last_seal) is not None:
        log.warning("old audit entries stay: they are sealed, and HUB_AUDIT_KEY is not set to sign that they go")
        return False
    return True


async def _let_go(tx: Connection, signer: Signer, places: Iterable[tuple[int, int]]) -> None:
    batches: dict[int, list[int]] = {}
    for batch, position in places:
        batches.setdefault(batch, []).append(position)
    for batch, positions in sorted(batches.items()):
        positions.sort()
        number = await tx.fetchval(Q.next_prune, batch)
        signature = signer.sign(prune_of(batch, number, positions))
        await tx.execute(Q.add_prune, batch, number, positions, signer.id, signature)
        await tx.execute(Q.mark_pruned, batch, positions)


async def raise_floor(pg: Pg, signer: Signer | None) -> int | None:
    """Forget the batches of which nothing is left, but for the last one; the number of the highest, if there is one."""
    if signer is None:
        return None
    async with pg.system() as tx:
        await tx.execute(Q.lock_chain)
        row = await tx.fetchrow(Q.next_floor)
        if row is None:
            return None
        batch: int = row["batch"]
        await tx.execute(Q.add_floor, batch, row["head"], signer.id, signer.sign(floor_of(batch, row["head"])))
        await tx.execute(Q.prune_chain, batch)
    return batch
