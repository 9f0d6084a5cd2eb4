"""Files of a job in the database, sealed: kept in the transaction that asks for the job, read on whichever host."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

from hub.domain.ids import new_id
from hub.domain.keyring import KeyRing
from hub.domain.vault import KEY_BYTES, column_place, seal, unseal
from hub.rest.jobs.run import Run
from hub.rest.jobs.spool import Spool, part_place
from hub.store.pg import Connection, Record
from hub.store.queries import load_queries

Q = load_queries("hub.rest.jobs")


def key_place(file: UUID) -> bytes:
    return column_place("job_files", "key", file)


async def keep_file(tx: Connection, ring: KeyRing, job: UUID, school: UUID | None, name: str, spool: Spool) -> None:
    """A finished spool, as a file of the job. A job is asked for before its files are kept."""
    file = new_id()
    await tx.execute(Q.add_file, file, job, school, name, ring.seal(spool.key, key_place(file)), spool.size)
    for number, sealed in enumerate(spool.sealed()):
        await tx.execute(Q.add_part, file, number, school, sealed)


async def fetch_file(run: Run[Any], ring: KeyRing, name: str) -> Spool | None:
    """A file of the run, on this host's disk; the caller closes it. None when there is none any more."""
    async with run.look() as tx:
        row = await tx.fetchrow(Q.get_file, run.id, name)
        if row is None:
            return None
        spool = Spool(run.settings.spool_dir, _key(ring, row))
        number = 0
        while (sealed := await tx.fetchval(Q.get_part, row["id"], number)) is not None:
            spool.add(sealed)
            number += 1
    spool.size = row["size"]
    return spool


class Growing:
    """A file of a job that is added to, a part in each of several transactions. Its parts are of any size."""

    def __init__(self, ring: KeyRing, job: UUID, school: UUID | None, name: str) -> None:
        self._ring = ring
        self._job = job
        self._school = school
        self._name = name

    async def add(self, tx: Connection, content: bytes, number: int) -> None:
        """The part after `number` others."""
        row = await tx.fetchrow(Q.get_file, self._job, self._name)
        if row is None:
            file, key = new_id(), os.urandom(KEY_BYTES)
            sealed = self._ring.seal(key, key_place(file))
            await tx.execute(Q.add_file, file, self._job, self._school, self._name, sealed, 0)
        else:
            file, key = row["id"], _key(self._ring, row)
        await tx.execute(Q.add_part, file, number, self._school, seal(key, content, part_place(number)))


async def file_parts(tx: Connection, ring: KeyRing, job: UUID, name: str) -> AsyncIterator[bytes]:
    """The plain parts of a file, one after the other; none when there is no such file."""
    row = await tx.fetchrow(Q.get_file, job, name)
    if row is None:
        return
    key, number = _key(ring, row), 0
    while (sealed := await tx.fetchval(Q.get_part, row["id"], number)) is not None:
        yield unseal(key, sealed, part_place(number))
        number += 1


def _key(ring: KeyRing, row: Record) -> bytes:
    return ring.unseal(row["key"], key_place(row["id"]))
