"""How students leave: deleted with their passes, come back, or erased so that nothing tells of them any more."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from hub.config import key_ring
from hub.errors import NotFound
from hub.resources.students.erasing import erase_student
from hub.resources.students.model import Student, student
from hub.rest.call import Call
from hub.rest.changes import differing
from hub.store.pg import Connection, Record
from hub.store.queries import load_queries

Q = load_queries("hub.resources.students")
KIND = "student"


async def locked(call: Call[Any, Any]) -> Student:
    """The student of the path, deleted or not, whom nobody else changes meanwhile. Raises NotFound."""
    row = await (await call.tx()).fetchrow(Q.lock_student, call.id)
    return student(found(row), key_ring(call.settings))


def found(row: Record | None) -> Record:
    if row is None:
        raise NotFound("no such student")
    return row


async def delete(call: Call[Any, None]) -> None:
    old = await locked(call)
    if old.deletedAt is not None:
        raise NotFound("this student was deleted before")
    tx = await call.tx()
    await tx.execute(Q.delete_student, call.id)
    await _say_why(call, tx, "student deleted")
    passes = [row["id"] for row in await tx.fetch(Q.deactivate_passes, call.id)]
    await call.audit("delete", KIND, call.id, old=differing(None, old), school=old.schoolId, subject=call.id)
    await _audit_passes(call, passes, old.schoolId, "active", "inactive")


async def restore(call: Call[None, None]) -> Student:
    """One who is there stays as is."""
    old, tx = await locked(call), await call.tx()
    await tx.execute(Q.restore_student, call.id)
    await _say_why(call, tx, "student restored")
    passes = [row["id"] for row in await tx.fetch(Q.reactivate_passes, call.id)]
    new = student(found(await tx.fetchrow(Q.get_student, call.id)), key_ring(call.settings))
    changes = differing(new, old), differing(old, new)
    await call.audit("update", KIND, call.id, old=changes[0], new=changes[1], school=old.schoolId, subject=call.id)
    await _audit_passes(call, passes, old.schoolId, "inactive", "active")
    return new


async def erase(call: Call[Any, None]) -> None:
    """Names, contacts and all else are gone; so is the key of what was kept about them in the audit, wherever a copy of
    it is. Scans stay, and say of whom they were no more than an id. Raises Conflict while a file is imported."""
    old = await locked(call)
    tx = await call.tx()
    await erase_student(tx, call.settings, old.id, old.schoolId, by=call.identity.user_id, email=old.email)
    await call.audit("delete", KIND, call.id, new={"fields": "erased"}, school=old.schoolId, subject=call.id)


async def _say_why(call: Call[Any, None], tx: Connection, why: str) -> None:
    await tx.execute(Q.say_why, str(call.identity.user_id), why)


async def _audit_passes(call: Call[Any, None], passes: list[UUID], school: UUID, old: str, new: str) -> None:
    for id_ in passes:
        await call.audit(
            "update", "pass", id_, old={"status": old}, new={"status": new}, school=school, subject=call.id
        )
