"""Every body and frame of the reader protocol, as Structs that carry their own limits.

JSON and msgpack share them: field names are the same, a UUID may be 16 bytes in msgpack, a time an RFC 3339 text.
docs/readers.md describes them for people.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from hub.domain.card import HAS_PHOTO
from hub.domain.clock import FIRST_MOMENT, LAST_MOMENT, day_text, micros, moment_text
from hub.domain.ids import NIL, id_text
from hub.domain.verdict import ACCESS_TYPE_TEXT, REASON_TEXT
from hub.errors import BadRequest
from hub.gate.desk import Answer
from hub.index.directory import AccessPoint
from hub.recorder.wire import Report

DirectionName = Literal["entry", "exit"]
DecisionName = Literal["granted", "denied"]
Code = Annotated[str, Meta(max_length=4096)]
Aware = Annotated[datetime, Meta(tz=True)]
ReasonGiven = Annotated[str, Meta(max_length=200, pattern=r"^[^\x00-\x1f]*$")]
DEVICE_INFO_MAX = 1024
# An escaped NUL; after an escaped backslash the same characters are only text.
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")

#: What reading a body, a frame or one item of it raises when it is not what it should be.
UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, BadRequest)

# From readers


class Verify(Struct, forbid_unknown_fields=True):
    """POST /api/v1/passes/verify."""

    qrCode: Code
    scanId: UUID | None = None
    direction: DirectionName | None = None
    record: bool = True
    deviceInfo: dict[str, Any] | None = None


class Attempt(Struct, forbid_unknown_fields=True):
    """POST /api/v1/access-logs: one attempt that the reader decided itself."""

    scanId: UUID
    qrCode: Code
    accessTime: Aware
    decision: DecisionName
    reason: ReasonGiven | None = None
    direction: DirectionName | None = None
    deviceInfo: dict[str, Any] | None = None


class Attempts(Struct, forbid_unknown_fields=True):
    """The same for many; each item is checked by itself, so that a bad one loses none of the others."""

    items: list[msgspec.Raw]
    sentAt: Aware | None = None


class AnnulAttempt(Struct, forbid_unknown_fields=True):
    """POST /api/v1/access-logs/{scanId}/annul: nobody passed after all."""

    reason: ReasonGiven | None = None


class ScanItem(Struct, forbid_unknown_fields=True):
    scanId: UUID
    code: Code
    direction: DirectionName | None = None
    record: bool = True
    deviceInfo: dict[str, Any] | None = None


class Scan(ScanItem, tag="scan"):
    pass


class Scans(Struct, tag="scans", forbid_unknown_fields=True):
    scans: list[ScanItem]


class Replay(Struct, tag="replay", forbid_unknown_fields=True):
    """`sentAt`: the reader's clock when it sent this; the hub notes the difference."""

    scans: list[msgspec.Raw]
    sentAt: Aware | None = None


class ReplayItem(Struct, forbid_unknown_fields=True):
    scanId: UUID
    code: Code
    at: Aware
    decision: DecisionName
    reason: ReasonGiven | None = None
    direction: DirectionName | None = None
    deviceInfo: dict[str, Any] | None = None


class Status(Struct, tag="status", forbid_unknown_fields=True):
    """How a reader is: its clock, its firmware, how many replays it still holds."""

    time: Aware | None = None
    firmware: Annotated[str, Meta(max_length=100)] | None = None
    queued: Annotated[int, Meta(ge=0)] | None = None


FromReader = Scan | Scans | Replay | Status

# To readers

if TYPE_CHECKING:
    ScanName = UUID | str
else:
    ScanName = UUID  # or its text, which costs less to make; a schema cannot say both (hub/gate/asyncapi.py)


class StudentFace(Struct, gc=False):
    id: str
    name: str
    photoUrl: str | None


class PassFace(Struct, gc=False):
    id: str
    passNumber: str
    expiryDate: str


class Decision(Struct, gc=False, rename={"pass_": "pass"}):
    """The answer to a scan. A denial is an answer, not an error."""

    scanId: ScanName
    decision: str
    valid: bool
    reason: str | None
    student: StudentFace | None
    pass_: PassFace | None
    accessPointId: str
    accessTime: str
    stale: bool


class DecisionFrame(Decision, gc=False, tag="decision", tag_field="type", rename={"pass_": "pass"}):
    pass


class Decisions(Struct, tag="decisions"):
    decisions: list[Decision]


class RecordedItem(Struct):
    """`result`: recorded, already_recorded, conflict, rejected or try_again; all but the last are final."""

    scanId: str | None
    result: str
    final: bool
    message: str | UnsetType = UNSET


class Recorded(Struct, tag="recorded"):
    items: list[RecordedItem]


class PointFace(Struct):
    id: str
    name: str
    accessType: str
    isActive: bool


class Limits(Struct):
    maxInFlight: int
    maxFrameBytes: int
    pingSeconds: float
    silenceSeconds: float
    replayMaxItems: int


class Welcome(Struct, tag="welcome"):
    accessPoint: PointFace
    schoolCode: str
    schoolId: str
    serverTime: str
    limits: Limits


class Config(Struct, tag="config"):
    """The access point was changed while the reader is connected."""

    accessPoint: PointFace


class Keys(Struct, tag="keys"):
    """The public keys have changed: fetch them again."""


class Error(Struct, tag="error"):
    code: str
    message: str
    scanId: str | UnsetType = UNSET


def decision(answer: Answer, kind: type[Decision] = Decision) -> Decision:
    """What the reader reads."""
    code, card = answer.code, answer.card
    student: StudentFace | None = None
    face: PassFace | None = None
    if card is not None:
        name, number = card.texts()
        face = PassFace(id_text(card.pass_id), number, day_text(card.last_day))
        if card.student_id != NIL:
            id_ = id_text(card.student_id)
            student = StudentFace(id_, name, f"/api/v1/students/{id_}/photo" if card.flags & HAS_PHOTO else None)
    return kind(
        answer.name,
        "denied" if code else "granted",
        not code,
        REASON_TEXT[code],
        student,
        face,
        answer.point.id_text,
        moment_text(answer.at),
        answer.stale,
    )


def recorded(answer: Answer) -> RecordedItem:
    """What became of a replayed scan."""
    scan_id = str(answer.name)
    if answer.lost:
        return RecordedItem(scan_id, "try_again", False, "the hub could not keep it; send it again")
    reason = REASON_TEXT[answer.code]
    if answer.known and reason == "scan_id_reused":
        return RecordedItem(scan_id, "rejected", True, "this scanId belongs to a scan of another code")
    if answer.conflict:
        return RecordedItem(scan_id, "conflict", True, "recorded; the hub had answered otherwise")
    return RecordedItem(scan_id, "already_recorded" if answer.known else "recorded", True)


def plain(error: Exception) -> str:
    """What was wrong, for the author of a reader's firmware: the field first, then the fault."""
    if isinstance(error, UnicodeDecodeError):
        return f"a text is not UTF-8: {error.reason}"
    if isinstance(error, RecursionError):
        return "nested too deeply"
    message, _, path = str(error).partition(" - at ")
    field = path.strip("`").removeprefix("$").removeprefix(".")
    return f"{field}: {message}" if field else message


def point_face(point: AccessPoint) -> PointFace:
    return PointFace(point.id_text, point.name, ACCESS_TYPE_TEXT[point.accepts], point.active)


def device_info(info: dict[str, Any] | None) -> bytes | None:
    """JSON for the log, or BadRequest: over 1 KiB, or with a NUL character, which PostgreSQL's jsonb refuses."""
    if not info:
        return None
    try:
        raw = msgspec.json.encode(info)
    except (TypeError, OverflowError, RecursionError) as error:
        raise _bad_info("deviceInfo holds what JSON cannot", str(error)) from None
    if len(raw) > DEVICE_INFO_MAX:
        raise _bad_info("deviceInfo is too large", f"at most {DEVICE_INFO_MAX} bytes of JSON")
    if b"\\u0000" in raw and _NUL.search(raw):
        raise _bad_info("deviceInfo has a NUL character", "no NUL characters")
    return raw


def _bad_info(message: str, fault: str) -> BadRequest:
    return BadRequest(f"{message}: {fault}", [{"field": "deviceInfo", "message": fault}])


def report(at: datetime, granted: str, reason: str | None, skew_ms: int | None) -> Report:
    """What the reader did. BadRequest for a time that has no date in UTC; any other is kept, however wrong."""
    when = micros(at)
    if not FIRST_MOMENT <= when <= LAST_MOMENT:
        raise BadRequest("the time is outside of the years 1 to 9999 in UTC")
    return Report(when, granted == "granted", reason, skew_ms)


def skew(sent_at: datetime | None, now: int) -> int | None:
    """Hub minus reader in ms, within what an integer column holds; None when the reader did not say."""
    if sent_at is None:
        return None
    return max(-(2**31), min(2**31 - 1, (now - micros(sent_at)) // 1000))
