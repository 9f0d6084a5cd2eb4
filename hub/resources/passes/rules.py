"""What holds for every pass, however it is made or changed: its days, its holder, its template."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from hub.config import key_ring
from hub.domain.issue import FIRST_DAY, LAST_DAY
from hub.errors import Conflict, NotFound, Unprocessable
from hub.issuing.signing import Signer, signer
from hub.resources.passes.model import PassWithCode, with_code
from hub.rest.call import Call
from hub.rest.faults import Fault, fault
from hub.store.pg import Connection, Record
from hub.store.queries import load_queries

Q = load_queries(__package__)
KIND = "pass"


async def signer_of(call: Call[Any, Any], school: UUID) -> Signer:
    """Whoever signs for the school now."""
    return await signer(await call.tx(), key_ring(call.settings), school)


async def locked(call: Call[Any, Any]) -> PassWithCode:
    """The pass of the path, which nobody else changes meanwhile."""
    return with_code(found(await (await call.tx()).fetchrow(Q.lock_pass, call.id)))


async def locked_with_holder(call: Call[Any, Any]) -> PassWithCode:
    """The same, and its student, if it has one, stays as is: for whatever gives a pass another code, or makes it good.

    The doors hear of a changed student by the codes that the passes have at that moment; one that came meanwhile would
    stay good. The student is locked first, as by all who change students and then their passes.
    """
    await (await call.tx()).execute(Q.hold_holder, call.id)
    return await locked(call)


async def stored(tx: Connection, pass_id: UUID) -> PassWithCode:
    return with_code(found(await tx.fetchrow(Q.one_pass, pass_id)))


def tells_of(call: Call[Any, Any], student: UUID | None) -> None:
    """What is answered is about this student, if it is somebody's: who asks for their readers is told."""
    if student is not None:
        call.read = [student]


async def act(call: Call[Any, Any], reason: str = "") -> Connection:
    """The request's transaction; the history of what it changes says who and why."""
    tx = await call.tx()
    await tx.execute(Q.act_as, str(call.identity.user_id), reason)
    return tx


def day_faults(first: date, last: date) -> list[Fault]:
    faults = [
        fault(field, f"must be between {FIRST_DAY} and {LAST_DAY}")
        for field, day in (("issueDate", first), ("expiryDate", last))
        if not FIRST_DAY <= day <= LAST_DAY
    ]
    if last < first:
        faults.append(fault("expiryDate", "must not be before issueDate"))
    return faults


async def check_student(tx: Connection, student: UUID, school: UUID) -> None:
    """Raises Unprocessable when nobody is there to hold a pass. The student stays so until the transaction ends."""
    row = await tx.fetchrow(Q.hold_student, student, school)
    if row is None or row["deleted_at"] is not None:
        raise cannot("studentId", "no such student")
    if row["status"] == "graduated":
        raise cannot("studentId", "has graduated; a graduate gets no pass")


def cannot(field: str, message: str) -> Unprocessable:
    return Unprocessable(f"{field}: {message}", [fault(field, message)])


def check_alive(known: PassWithCode) -> None:
    """Raises Conflict for a pass that was taken back: that is for good."""
    if known.status == "revoked":
        raise Conflict("this pass is revoked, which is for good; make a new one")


def found(row: Record | None) -> Record:
    if row is None:
        raise NotFound("no such pass")
    return row
