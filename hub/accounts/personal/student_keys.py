"""A key of each student's own, sealed under the key ring. Erased, it takes with it all that it had sealed.

An erased key leaves its row: no other key is made for the student, and what is kept later is kept without values.
"""

from __future__ import annotations

import os
from uuid import UUID

from hub.domain.keyring import KeyRing
from hub.domain.vault import KEY_BYTES, column_place
from hub.store.pg import Connection
from hub.store.queries import load_queries

Q = load_queries("hub.accounts.personal")


def place(student: UUID) -> bytes:
    """The `associated` of a student's key."""
    return column_place("student_keys", "key", student)


async def key_of(tx: Connection, ring: KeyRing, student: UUID) -> bytes | None:
    """The student's key; None when there is none, or none any more. Raises SealBroken."""
    sealed = await tx.fetchval(Q.student_key, student)
    return None if sealed is None else ring.unseal(sealed, place(student))


async def keys_of(tx: Connection, ring: KeyRing, students: list[UUID]) -> dict[UUID, bytes]:
    """The keys of those students that have one."""
    rows = await tx.fetch(Q.keys_of_students, students)
    return {row["student_id"]: ring.unseal(row["key"], place(row["student_id"])) for row in rows}


async def made_key(tx: Connection, ring: KeyRing, student: UUID, school: UUID) -> bytes | None:
    """The student's key, made now if there was none; None when it was erased."""
    found = await key_of(tx, ring, student)
    if found is not None:
        return found
    key = os.urandom(KEY_BYTES)
    if await tx.fetchval(Q.add_student_key, student, school, ring.seal(key, place(student))):
        return key
    return await key_of(tx, ring, student)  # made meanwhile by another, or erased


async def erase(tx: Connection, student: UUID, school: UUID) -> None:
    """Nothing that the student's key sealed opens again, wherever a copy of it is. Idempotent."""
    await tx.execute(Q.erase_student_key, student, school)
