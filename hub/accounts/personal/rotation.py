"""Everything sealed under the key ring, sealed anew under its first key: `passhub keys rotate`.

It goes through each table of the registry in batches of a transaction each, and looks only at what another key has
sealed: cut short, it is simply started again. The program runs meanwhile; a row is locked while it is written anew. A
writer that still seals with the old key may leave rows behind a batch: passes are made until one finds nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

import msgspec

from hub.accounts.personal.columns import SEALED_TABLES, SealedTable
from hub.accounts.personal.student_keys import Q
from hub.domain.keyring import KeyRing
from hub.domain.vault import HEAD_BYTES, SealBroken
from hub.store.pg import Pg, Record

BATCH_ROWS = 500
_FIRST = UUID(int=0)


class Rotation(msgspec.Struct):
    """What was done: rows written anew for each table, and the values that no key of the ring opens."""

    rows: dict[str, int]
    broken: list[str]


async def rotate(pg: Pg, ring: KeyRing, progress: Callable[[str, int], None] = lambda table, rows: None) -> Rotation:
    """All tables, until nothing is left that another key has sealed. `progress` is told each table's count so far.

    What does not open is left as it is, and named. Raises StoreUnavailable.
    """
    done = Rotation({table.name: 0 for table in SEALED_TABLES}, [])
    for table in SEALED_TABLES:
        while True:
            broken: list[str] = []
            written = await _pass(pg, ring, table, broken, partial(_note, done, table, progress))
            if not written:
                done.broken += broken
                break
    return done


def _note(done: Rotation, table: SealedTable, progress: Callable[[str, int], None], rows: int) -> None:
    done.rows[table.name] += rows
    progress(table.name, done.rows[table.name])


async def _pass(pg: Pg, ring: KeyRing, table: SealedTable, broken: list[str], note: Callable[[int], None]) -> int:
    """Once through a table; how many rows were written."""
    after, total = _FIRST, 0
    while True:
        async with pg.admin() as tx:
            await tx.execute(Q.keep_times)
            rows = await tx.fetch(Q[table.find], ring.head, after, BATCH_ROWS)
            anew = [values for row in rows if (values := _resealed(ring, table, row, broken)) is not None]
            if anew:
                await tx.execute(Q[table.write], *(list(column) for column in zip(*anew, strict=True)))
        if anew:
            total += len(anew)
            note(len(anew))
        if len(rows) < BATCH_ROWS:
            return total
        after = rows[-1]["id"]


def _resealed(ring: KeyRing, table: SealedTable, row: Record, broken: list[str]) -> list[Any] | None:
    """A row's id, its values and their blind indexes as the write statement takes them; None when one is broken."""
    opened: dict[str, bytes | None] = {}
    for column in table.columns:
        sealed = row[column]
        try:
            opened[column] = None if sealed is None else ring.unseal(sealed, table.place(row, column))
        except SealBroken as error:
            broken.append(f"{table.name}.{column} of {row['id']}: {error}")
            return None
    values = [
        None if (plain := opened[column]) is None else _kept_or_new(ring, row[column], plain, table.place(row, column))
        for column in table.columns
    ]
    indexes = [
        None if (plain := opened[column]) is None else ring.blind_index(column, row["school_id"], plain.decode())
        for column in table.indexed
    ]
    return [row["id"], *values, *indexes]


def _kept_or_new(ring: KeyRing, sealed: bytes, plain: bytes, associated: bytes) -> bytes:
    return sealed if sealed[:HEAD_BYTES] == ring.head else ring.seal(plain, associated)
