"""Whether audit_logs is still what was sealed, row by row, and whether the chain is whole: `passhub audit verify`.

What it can tell: a row that was removed (other than by retention, which signs for it: pruning.py), changed, or added
among sealed ones; rows in another order; a batch that was
removed, also the last ones if the file of heads is at hand; a head, or a line of that file, that no known key signed.
What nothing here can tell: a row that was changed before it was sealed, about a minute after it was written.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from hub.accounts.ledger import heads
from hub.accounts.ledger.digests import START, Signatures, floor_of, head_of, prune_of, root_of, row_digest
from hub.accounts.ledger.sealing import Q, head_line
from hub.store.pg import Connection, Pg, Record

_SEALS_A_READ = 200


class Fault(msgspec.Struct, frozen=True):
    """`what` is one of the sentences below; `batch` and `row` say where, when that is known."""

    what: str
    batch: int | None = None
    row: UUID | None = None

    def __str__(self) -> str:
        where = [f"batch {self.batch}"] if self.batch is not None else []
        where += [f"row {self.row}"] if self.row is not None else []
        return f"{', '.join(where)}: {self.what}" if where else self.what


REMOVED = "was removed"
CHANGED = "was changed"
ADDED = "was added after its time, among rows that were sealed"
REORDERED = "its rows were put in another order"
REPLACED = "the list of its rows was changed"
BATCH_REMOVED = "the batch was removed"
BROKEN_LINK = "does not follow the batch before it"
FORGED = "its head is not what a known key signed"
PRUNE_FORGED = "what is said to have been let go of it is not what a known key signed"
FLOOR_FORGED = "where the chain is said to begin is not what a known key signed"
FILE_DIFFERS = "its head is another than the file of heads has"
FILE_FORGED = "line {} of the file of heads is not what a known key signed"
FILE_UNREADABLE = "line {} of the file of heads cannot be read"


class Verdict(msgspec.Struct):
    """What was found. `erased`: rows whose values were erased, which is allowed and cannot be undone; `pruned`: rows
    that were let go because they were old, and `floor`, up to which batch all were; `waiting`: rows not sealed yet;
    `refused`: entries that PostgreSQL did not take, in audit_logs_rejected."""

    faults: list[Fault]
    batches: int = 0
    rows: int = 0
    erased: int = 0
    pruned: int = 0
    floor: int = 0
    pruned_at: datetime | None = None
    waiting: int = 0
    refused: int = 0


async def verify(pg: Pg, signatures: Signatures, heads_file: Path | None = None) -> Verdict:
    """Everything, batch by batch. Raises StoreUnavailable, and StartError when the file cannot be read."""
    found = Verdict([])
    written = _lines(heads_file, signatures, found)
    async with pg.system() as tx:
        await _chain(tx, signatures, written, found)
        found.faults += [Fault(BATCH_REMOVED, row["batch"]) for row in await tx.fetch(Q.unlisted_batches)]
        listed = {fault.batch for fault in found.faults if fault.what == BATCH_REMOVED}
        found.faults += [Fault(BATCH_REMOVED, batch) for batch in sorted(written) if batch not in listed]
        await _unsealed(tx, found)
    return found


def _lines(path: Path | None, signatures: Signatures, found: Verdict) -> dict[int, heads.Head]:
    """The file's heads that a known key signed."""
    sound: dict[int, heads.Head] = {}
    for number, head in heads.read(path) if path is not None else ():
        if head is None:
            found.faults.append(Fault(FILE_UNREADABLE.format(number)))
        elif head.head != head_of(head.previous, head.batch, head.rows, head.top, head.root) or not signatures.hold(
            head.signer, head.head, head.signature
        ):
            found.faults.append(Fault(FILE_FORGED.format(number), head.batch))
        else:
            sound[head.batch] = head
    return sound


async def _chain(tx: Connection, signatures: Signatures, written: dict[int, heads.Head], found: Verdict) -> None:
    """Every batch; those that are there are taken out of `written`."""
    batch, previous = await _start(tx, signatures, written, found)
    while seals := await tx.fetch(Q.seals_after, batch, _SEALS_A_READ):
        for seal in seals:
            number = seal["batch"]
            missing = range(batch + 1, number)
            found.faults += [Fault(BATCH_REMOVED, gone) for gone in missing]
            found.faults += _seal_faults(seal, None if missing else previous, signatures, written.pop(number, None))
            gone = _let_go(number, await tx.fetch(Q.prunes_of, number), signatures, found)
            found.faults += _row_faults(seal, await tx.fetch(Q.sealed_rows, number), gone, found)
            found.batches += 1
            batch, previous = number, seal["head"]


async def _start(
    tx: Connection, signatures: Signatures, written: dict[int, heads.Head], found: Verdict
) -> tuple[int, bytes]:
    """The batch that the chain begins after, and its head; lines of the file before it are done with."""
    floor = await tx.fetchrow(Q.floor)
    if floor is None:
        return 0, START
    batch, head = floor["batch"], floor["head"]
    if not signatures.hold(floor["signer"], floor_of(batch, head), floor["signature"]):
        found.faults.append(Fault(FLOOR_FORGED, batch))
        return 0, START
    if batch in written and written[batch].head != head:
        found.faults.append(Fault(FILE_DIFFERS, batch))
    for number in [number for number in written if number <= batch]:
        del written[number]
    found.floor, found.pruned_at = batch, floor["pruned_at"]
    return batch, head


def _let_go(batch: int, notes: list[Record], signatures: Signatures, found: Verdict) -> set[int]:
    """The places of rows that were let go because they were old."""
    gone = set[int]()
    for note in notes:
        content = prune_of(batch, note["number"], note["positions"])
        if signatures.hold(note["signer"], content, note["signature"]):
            gone.update(note["positions"])
        else:
            found.faults.append(Fault(PRUNE_FORGED, batch))
    return gone


def _seal_faults(
    seal: Record, previous: bytes | None, signatures: Signatures, line: heads.Head | None
) -> Iterator[Fault]:
    number = seal["batch"]
    head = head_of(seal["previous"], number, seal["row_count"], seal["top"], seal["root"])
    if head != seal["head"] or not signatures.hold(seal["signer"], seal["head"], seal["signature"]):
        yield Fault(FORGED, number)
    if previous is not None and seal["previous"] != previous:
        yield Fault(BROKEN_LINK, number)
    if line is not None and line.head != head_line(seal).head:
        yield Fault(FILE_DIFFERS, number)


def _row_faults(seal: Record, rows: list[Record], gone: set[int], found: Verdict) -> Iterator[Fault]:
    number = seal["batch"]
    digests = [row["digest"] for row in rows]
    if root_of(digests) != seal["root"] or len(rows) != seal["row_count"]:
        yield Fault(REORDERED if _is_reordered(seal, rows) else REPLACED, number)
    for row in rows:
        found.rows += 1
        if row["id"] is None and row["position"] in gone:
            found.pruned += 1
        elif row["id"] is None:
            yield Fault(REMOVED, number, row["sealed_id"])
        elif row_digest(row) != row["digest"]:
            yield Fault(CHANGED, number, row["id"])
        elif row["payload_digest"] is not None:
            found.erased += 1


def _is_reordered(seal: Record, rows: list[Record]) -> bool:
    """Whether the rows, in the order in which rows are sealed, are the ones that were."""
    if any(row["id"] is None for row in rows):
        return False
    return root_of(row["digest"] for row in sorted(rows, key=_place)) == bytes(seal["root"])


def _place(row: Record) -> tuple[int, Any, bytes]:
    return int(row["xid"]), row["created_at"], row["id"].bytes


async def _unsealed(tx: Connection, found: Verdict) -> None:
    state = await tx.fetchrow(Q.chain_state)
    assert state is not None
    top = state["top"] or "0"
    if not state["set_back"]:
        found.faults += [Fault(ADDED, None, row["id"]) for row in await tx.fetch(Q.late_rows, top)]
    counts = await tx.fetchrow(Q.waiting_rows, "0" if state["set_back"] else top)
    assert counts is not None
    found.waiting, found.refused = counts["waiting"], counts["refused"]
