"""A recorded scan as a screen shows it: one JSON text, made once for all screens of a worker.

Names come from the index: what a recorder passes on, and what access_logs keeps, are ids and keys.
"""

from __future__ import annotations

import msgspec

from hub.domain.card import HAS_PHOTO, Card, unpack
from hub.domain.clock import day_text, moment_text
from hub.domain.ids import NIL, id_text
from hub.domain.verdict import ANONYMOUS, DIRECTION_TEXT, REASON_TEXT, Flag
from hub.index.directory import Directory
from hub.index.index import PassIndex
from hub.recorder.wire import Entry

_encode = msgspec.json.Encoder().encode
_ANONYMOUS = frozenset(REASON_TEXT[code] for code in ANONYMOUS)


class EventPoint(msgspec.Struct, gc=False):
    id: str
    name: str


class EventStudent(msgspec.Struct, gc=False):
    """`name` is empty for somebody whose pass is no longer there."""

    id: str
    name: str
    photoUrl: str | None


class EventPass(msgspec.Struct, gc=False):
    """`passNumber` and `expiryDate` are null for a pass that is no longer there."""

    id: str
    passNumber: str | None
    expiryDate: str | None


class LiveEvent(msgspec.Struct, gc=False, rename={"pass_": "pass"}):
    """One scan. `at`: RFC 3339, UTC; `reason`: null for a grant; `stale`: answered while the feed was cut; `offline`:
    decided by the reader itself; `annulled`: granted, and nobody passed. `student` and `pass` are null where the code
    belongs to none of the school."""

    id: str
    at: str
    decision: str
    reason: str | None
    accessPoint: EventPoint
    student: EventStudent | None
    pass_: EventPass | None
    direction: str | None
    stale: bool
    offline: bool
    annulled: bool


class Auth(msgspec.Struct, omit_defaults=True):
    """What a screen sends as it joins. `token`: an access token; a page leaves that to the session's cookie. `cursor`:
    the last that it was given, if it was there before. `schoolId`: whose events, for who belongs to no school.
    """

    token: str | None = None
    cursor: str | None = None
    schoolId: str | None = None


class EventBatch(msgspec.Struct):
    """`events`. The cursor is that of the last event; a batch may be empty: the first after joining, and
    one that only brings a better cursor."""

    cursor: str
    events: list[LiveEvent]


class AmendedBatch(msgspec.Struct):
    """`amended`: events that were shown, as they are known by now. The cursor is that of the last of them."""

    cursor: str
    events: list[LiveEvent]


class ResetNote(msgspec.Struct):
    """`reset`: what was missed cannot be shown; events go on from this cursor."""

    reason: str
    cursor: str


class Scan(msgspec.Struct, gc=False):
    """What an event is made of, wherever it was read. `at`: µs since 1970; ids are 16 bytes. `amends`: an event of
    before as it is known by now."""

    id: bytes
    device: bytes
    at: int
    granted: bool
    reason: str | None
    direction: str | None
    key: bytes
    pass_id: bytes | None
    student_id: bytes | None
    stale: bool
    offline: bool
    amends: bool = False
    annulled: bool = False


def scan_of(entry: Entry) -> Scan:
    """Of a scan as its recorder passes it on: what the reader was told, or what it did while it was alone."""
    report = entry.report
    if report is None:
        granted, reason = entry.code == 0, REASON_TEXT[entry.code]
    else:
        granted, reason = report.granted, report.reason
    return Scan(
        entry.scan_id,
        entry.device,
        entry.access_time,
        granted,
        reason,
        DIRECTION_TEXT[entry.direction],
        entry.key,
        entry.pass_id,
        entry.student_id,
        bool(entry.flags & Flag.stale),
        bool(entry.flags & Flag.offline),
        entry.amends,
        bool(entry.flags & Flag.annulled),
    )


class Faces:
    """Makes events: knows the names of the moment."""

    def __init__(self, index: PassIndex, directory: Directory) -> None:
        self._index = index
        self._directory = directory

    def text(self, scan: Scan) -> bytes:
        """The event's JSON."""
        if scan.reason in _ANONYMOUS and not scan.offline:
            scan = msgspec.structs.replace(scan, pass_id=None, student_id=None)
        card = self._card(scan)
        point = self._directory.points.get(scan.device)
        event = LiveEvent(
            id_text(scan.id),
            moment_text(scan.at),
            "granted" if scan.granted else "denied",
            scan.reason,
            EventPoint(id_text(scan.device), "" if point is None else point.name),
            _student(scan, card),
            _pass(scan, card),
            scan.direction,
            scan.stale,
            scan.offline,
            scan.annulled,
        )
        return _encode(event)

    def _card(self, scan: Scan) -> Card | None:
        if scan.pass_id is None:
            return None
        packed = self._index.get(scan.key)
        card = None if packed is None else unpack(packed)
        return card if card is not None and card.pass_id == scan.pass_id else None


def _student(scan: Scan, card: Card | None) -> EventStudent | None:
    if scan.student_id is None or scan.student_id == NIL:
        return None
    id_ = id_text(scan.student_id)
    if card is None:
        return EventStudent(id_, "", None)
    return EventStudent(id_, card.name, f"/api/v1/students/{id_}/photo" if card.flags & HAS_PHOTO else None)


def _pass(scan: Scan, card: Card | None) -> EventPass | None:
    if scan.pass_id is None:
        return None
    id_ = id_text(scan.pass_id)
    return EventPass(id_, None, None) if card is None else EventPass(id_, card.number, day_text(card.last_day))
