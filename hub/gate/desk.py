"""The one verb behind every door: ask(scan). Look up, decide, record, and only then answer.

HTTP and WebSocket only parse before it and reply after it. There is no await here: what has to wait for the disk is
called back through `Answer.then`, once, in the loop turn in which the recorder's acknowledgement arrives.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

import msgspec
from aiohttp import web

from hub.domain.card import Card, unpack
from hub.domain.ids import NIL, id_text, new_id_bytes
from hub.domain.policy import decide, decide_door
from hub.domain.verdict import ACCESS_TYPE, ANONYMOUS, Flag, Reason
from hub.gate.credential import lookup_key, why_unknown
from hub.index.directory import AccessPoint, Directory, School
from hub.index.feed import Feed
from hub.index.index import PassIndex
from hub.recorder.client import RecorderClient
from hub.recorder.wire import Entry, Override, Report
from hub.telemetry import Family, Histogram, Sample, counters

_GRANTED = int(Reason.granted)
_STALE, _OFFLINE = int(Flag.stale), int(Flag.offline)
_BOTH = ACCESS_TYPE["both"]
_REASONS = len(Reason)
#: One scan of sixteen is timed: taking the times of all costs each a twentieth of its own (docs/benchmarks.md).
_UNTIMED = 15


class Answer(msgspec.Struct, gc=False):
    """What a reader is going to be told about one scan. `at`: µs since 1970; `code`: a Reason.

    It is handed to `then` when the journal has it (or could not take it). `known`: the scan had been recorded before,
    and this is the first verdict again. `conflict`: the reader had done otherwise. `name`: the scanId as the reader
    reads it. `started`: time.perf_counter() when it was asked, 0.0 for the fifteen of sixteen that are not timed.
    `lost`: not known to be on disk.
    """

    point: AccessPoint
    name: UUID | str
    at: int
    code: int
    card: Card | None
    stale: bool
    then: Callable[[Any], None]
    token: object
    started: float
    known: bool = False
    conflict: bool = False
    lost: bool = False

    def known_as(self, override: Override) -> None:
        """The recorder had this scan before: what was answered then holds."""
        self.known = True
        self.conflict = override.conflict
        self.code = override.code
        self.at = override.at
        if override.code in ANONYMOUS:
            self.card = None
        self.then(self)

    def unavailable(self) -> None:
        """The recorder could not keep it in time."""
        self.code = Reason.hub_unavailable
        self.card = None
        self.lost = True
        self.then(self)


class Desk:
    """Holds what a decision needs. One a worker."""

    def __init__(self, index: PassIndex, directory: Directory, feed: Feed, recorder: RecorderClient) -> None:
        self._get = index.get
        self._directory = directory
        self._feed = feed
        self._record = recorder.record
        self._schools: dict[int, School] = directory.by_number
        self.decisions = [0] * _REASONS
        self.asked_only = 0
        self.replayed = 0
        self.seconds = Histogram((0.00001, 0.00002, 0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.005))

    def ask(
        self,
        point: AccessPoint,
        code: str,
        scan_id: UUID | None,
        direction: int,
        then: Callable[[Answer], None],
        *,
        token: object = None,
        info: bytes | None = None,
        record: bool = True,
    ) -> None:
        """Decide a scan and have it recorded; `then(answer)` follows once it is durable.

        `scan_id`: the reader's, or None for one of ours. `info`: JSON for access_logs.device_info.
        `record=False` answers at once and leaves no trace. `token` comes back in the answer.
        """
        now = time.time_ns() // 1000
        started = 0.0 if now & _UNTIMED else time.perf_counter()
        key = lookup_key(code)
        since = self._feed.stale_since
        verdict, card = self._decide(point, code, key, direction, now, since)
        self.decisions[verdict] += 1
        if scan_id is None:
            raw = new_id_bytes()
            name: UUID | str = id_text(raw)
        else:
            raw, name = scan_id.bytes, scan_id
        answer = Answer(point, name, now, verdict, card, since is not None, then, token, started)
        if started:
            self.seconds.observe(time.perf_counter() - started)
        if record:
            self._record(_entry(point, raw, key, now, verdict, card, direction, since is not None, info), answer)
        else:
            self.asked_only += 1
            then(answer)

    def replay(
        self,
        point: AccessPoint,
        code: str,
        scan_id: UUID,
        direction: int,
        report: Report,
        then: Callable[[Answer], None],
        *,
        token: object = None,
        info: bytes | None = None,
    ) -> None:
        """Record what a reader decided by itself, with what the hub would have said at that time beside it."""
        now = time.time_ns() // 1000
        key = lookup_key(code)
        since = self._feed.stale_since
        verdict, card = self._decide(point, code, key, direction, report.at, since)
        self.replayed += 1
        answer = Answer(point, scan_id, now, verdict, card, since is not None, then, token, 0.0)
        entry = _entry(point, scan_id.bytes, key, now, verdict, card, direction, since is not None, info)
        entry.flags |= _OFFLINE
        entry.report = report
        self._record(entry, answer)

    def opinion(self, door: UUID, key: bytes, direction: int, at: int) -> int:
        """What a reader would be told of a code, by its lookup key; hub_unavailable for a door that is not known here
        yet. Nothing is recorded."""
        point = self._directory.points.get(door.bytes)
        if point is None:
            return Reason.hub_unavailable
        verdict, _ = self._decide(point, "", key, direction, at, self._feed.stale_since)
        return Reason.unknown_pass if verdict == Reason.malformed_code else verdict

    def _decide(
        self, point: AccessPoint, code: str, key: bytes, direction: int, at: int, since: float | None
    ) -> tuple[int, Card | None]:
        """The verdict, and the card when the answer may show it. `since`: when the index began to be stale."""
        stale_for = 0.0 if since is None else time.monotonic() - since
        packed = self._get(key)
        if packed is None:
            verdict = decide_door(point.door, direction, stale_for)
            return verdict or why_unknown(code, self._directory.verifiers), None
        card = unpack(packed)
        school = self._schools.get(card.school)
        day = 0 if school is None else school.day.at(at)
        verdict = decide(card, point.door, direction, day, stale_for)
        return verdict, None if verdict in ANONYMOUS else card

    def families(self) -> list[Family]:
        """For /metrics."""
        results = {"granted": self.decisions[_GRANTED], "denied": sum(self.decisions) - self.decisions[_GRANTED]}
        by_reason = [
            Sample({"decision": "granted" if r is Reason.granted else "denied", "reason": r.name}, self.decisions[r])
            for r in Reason
        ]
        return [
            Family("hub_decisions_total", "Scans decided, by result and reason", "counter", by_reason),
            counters("hub_answers_total", "Scans decided, by result", "decision", results),
            counters(
                "hub_scans_total",
                "Scans by what became of them",
                "kind",
                {"asked_only": self.asked_only, "replayed": self.replayed},
            ),
            self.seconds.family("hub_decision_seconds", "Look-up and decision, without the journal; of one scan in 16"),
        ]


#: Where the resources find it: `call.part(DESK)`.
DESK = web.AppKey("desk", Desk)


def _entry(
    point: AccessPoint,
    scan_id: bytes,
    key: bytes,
    at: int,
    verdict: int,
    card: Card | None,
    direction: int,
    stale: bool,
    info: bytes | None,
) -> Entry:
    school = point.school
    assert school is not None
    if direction == 0 and point.accepts != _BOTH:
        direction = point.accepts
    pass_id = student_id = None
    limit = 0
    if card is not None:
        pass_id, limit = card.pass_id, card.flags >> 1
        if card.student_id != NIL:
            student_id = card.student_id
    flags = _STALE if stale else 0
    return Entry(
        scan_id, point.id, school.id, key, at, verdict, flags, direction, pass_id, student_id, info, None, limit
    )
