"""POST /access-logs by people: what is known of the person and the door, and the record of what was decided."""

from __future__ import annotations

import time
from datetime import datetime
from uuid import UUID

from hub.domain.clock import micros, moment
from hub.domain.ids import new_id
from hub.domain.verdict import REASON_TEXT, status_text
from hub.errors import NotFound
from hub.gate.by_hand import BY_HAND, Passage
from hub.resources.access_logs.model import AccessLog, NewAccessLog
from hub.resources.access_logs.queries import Q
from hub.rest.call import Call
from hub.rest.faults import Fault, fault, refusal
from hub.rest.idempotency import repeated_id
from hub.store.pg import Connection, Record

KIND = "access_log"
DAY_MICROS = 86_400_000_000
#: How far a person's clock may be ahead of ours.
AHEAD_MICROS = 60_000_000


async def record_entry(call: Call[None, NewAccessLog]) -> AccessLog:
    """On disk before it is answered, and in the log a moment later: its way is that of every scan. The journal is no
    part of this request's transaction: what makes it one entry when it is sent again is its scanId, which the same
    Idempotency-Key gives again."""
    body, now = call.body, time.time_ns() // 1000
    faults = _faults(body, now)
    if faults:
        raise refusal(faults)
    scan_id = body.scanId or repeated_id(call) or new_id()
    passage = await _passage(await call.tx(), body, scan_id, call.identity.user_id, now)
    code = await call.part(BY_HAND).keep(passage)
    await call.note(
        *("create", KIND, passage.scan_id),
        new={"decision": body.decision, "reason": body.reason, "accessPointId": str(passage.door)},
        school=passage.school,
        subject=passage.student_id,
    )
    return _answer(passage, code, now)


def _faults(body: NewAccessLog, now: int) -> list[Fault]:
    faults = []
    if (body.studentId is None) == (body.passId is None):
        faults.append(fault("studentId", "say whom: either studentId or passId"))
    if body.accessTime is not None and not now - DAY_MICROS <= micros(body.accessTime) <= now + AHEAD_MICROS:
        faults.append(fault("accessTime", "must be within the last 24 hours"))
    return faults


async def _passage(tx: Connection, body: NewAccessLog, scan_id: UUID, by: UUID, now: int) -> Passage:
    door = _found(await tx.fetchrow(Q.door, body.accessPointId), "access point")
    if body.passId is not None:
        row = _found(await tx.fetchrow(Q.pass_shown, body.passId), "pass")
    else:
        row = _found(await tx.fetchrow(Q.student_shown, body.studentId), "student")
    if row["school_id"] != door["school_id"]:  # a super admin sees both
        raise NotFound("no such access point in the school of this person")
    student: UUID | None = row["student_id"]
    key: bytes | None = row["lookup_key"]
    if key is None:
        assert student is not None
        key = student.bytes
    return Passage(
        scan_id=scan_id,
        door=door["id"],
        school=door["school_id"],
        key=key,
        pass_id=row["id"],
        student_id=student,
        direction=body.accessType or door["direction"],
        granted=body.decision == "granted",
        reason=body.reason,
        by=by,
        at=now if body.accessTime is None else micros(body.accessTime),
        limit=row["max_uses"] or 0,
    )


def _found(row: Record | None, what: str) -> Record:
    if row is None:
        raise NotFound(f"no such {what}")
    return row


def _answer(passage: Passage, code: int, now: int) -> AccessLog:
    """As the log will have it. Only PostgreSQL knows when it came there."""
    at: datetime = moment(passage.at)
    status = status_text(0 if passage.granted else 1)
    return AccessLog(
        id=passage.scan_id,
        schoolId=passage.school,
        studentId=passage.student_id,
        passId=passage.pass_id,
        accessPointId=passage.door,
        accessTime=at,
        accessType=passage.direction,
        status=status,
        reason=passage.reason,
        deviceInfo=None,
        createdAt=None,
        receivedAt=moment(now),
        readerTime=at,
        skewMs=None,
        stale=False,
        offline=False,
        hubStatus=status_text(code),
        hubReason=REASON_TEXT[code],
        readerStatus=status,
        readerReason=passage.reason,
        conflict=False,
        recordedBy=passage.by,
        annulledAt=None,
        annulledBy=None,
        annulReason=None,
    )
