"""The job that seals: settled rows into batches, each batch into the chain, each head into the file.

A row is settled once every transaction up to its own has ended, so no row can appear before a sealed one. Rows are
sealed in the order of (transaction, time, id), and each once: the next batch begins where the last one ended. After a
restore into another cluster, whose transactions count from further back, all that is not sealed is looked at.

Concurrency: an advisory lock; two hosts never seal at once. The file is brought up to the chain after each run, on
whichever host it was: a line that a crash has kept back is written next time.
"""

from __future__ import annotations

from datetime import UTC
from pathlib import Path
from uuid import UUID

import structlog

from hub.accounts.ledger import heads
from hub.accounts.ledger.digests import START, Signer, head_of, root_of, row_digest, values_digest
from hub.domain.clock import moment
from hub.errors import StartError
from hub.store.pg import Connection, Pg, Record
from hub.store.queries import load_queries

log = structlog.get_logger(__name__)
Q = load_queries("hub.accounts.ledger")

BATCH_ROWS = 1_000
_SEALS_A_READ = 500


async def seal_settled(pg: Pg, signer: Signer, heads_file: Path | None) -> int:
    """Seal all that is settled, and bring the file up to the chain. Returns how many rows were sealed."""
    total = 0
    while True:
        async with pg.system() as tx:
            sealed = await _seal_batch(tx, signer)
        total += sealed
        if sealed < BATCH_ROWS:
            break
    if heads_file is not None:
        await export_heads(pg, heads_file)
    return total


async def _seal_batch(tx: Connection, signer: Signer) -> int:
    await tx.execute(Q.lock_chain)
    state = await tx.fetchrow(Q.chain_state)
    assert state is not None
    start = "0" if state["set_back"] or state["top"] is None else state["top"]
    rows = await tx.fetch(Q.rows_to_seal, start, BATCH_ROWS)
    if not rows:
        return 0
    last = await tx.fetchrow(Q.last_seal)
    batch, previous = (1, START) if last is None else (last["batch"] + 1, last["head"])
    digests = [row_digest(row) for row in rows]
    root = root_of(digests)
    top = max((row["xid"] for row in rows if row["of_here"]), key=int, default=state["top"] or "0")
    head = head_of(previous, batch, len(rows), top, root)
    await tx.execute(Q.add_seal, batch, len(rows), top, previous, root, head, signer.id, signer.sign(head))
    await tx.execute(
        Q.add_sealed_rows,
        batch,
        list(range(len(rows))),
        [row["created_at"] for row in rows],
        [row["id"] for row in rows],
        digests,
    )
    return len(rows)


async def export_heads(pg: Pg, path: Path) -> None:
    """Append the heads that the file does not have. A file that cannot be read or written is said, and tried again."""
    try:
        after = heads.last_batch(path)
        while True:
            async with pg.system() as tx:
                seals = await tx.fetch(Q.seals_after, after, _SEALS_A_READ)
            if not seals:
                return
            heads.append(path, [head_line(seal) for seal in seals])
            after = seals[-1]["batch"]
    except (OSError, StartError) as error:
        log.error("the heads of the audit chain cannot be written", path=str(path), error=str(error))


def head_line(seal: Record) -> heads.Head:
    """A row of audit_seals as a line of the file."""
    return heads.Head(
        batch=seal["batch"],
        rows=seal["row_count"],
        top=seal["top"],
        previous=seal["previous"],
        root=seal["root"],
        head=seal["head"],
        signer=seal["signer"],
        signature=seal["signature"],
        sealed_at=seal["sealed_at"].astimezone(UTC).isoformat(),
    )


async def erase_values(tx: Connection, at: int, entry: UUID) -> bool:
    """Erase the values of one entry for good (a transaction of hub_system); the chain still holds. `at`: µs since 1970.

    False when there is no such entry, or none of its values any more.
    """
    row = await tx.fetchrow(Q.one_row, moment(at), entry)
    if row is None or row["payload_digest"] is not None:
        return False
    return bool(await tx.fetchval(Q.erase_values, moment(at), entry, values_digest(row)))
