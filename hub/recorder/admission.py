"""Which scans of a frame are new, and what was answered to those that are not.

Identity is (device, scanId). The recorder keeps every identity of the journal's retention in memory, as one key that
points to its journal row: the row is read again only for the rare scan that comes twice. Sequence numbers, one series
a school, are given here too.
"""

from __future__ import annotations

import hashlib
import struct
from collections import defaultdict
from collections.abc import Iterator
from operator import attrgetter

import msgspec
import structlog

from hub.control.framing import LENGTH
from hub.domain.audit_row import AuditRow
from hub.domain.verdict import Flag, Reason
from hub.recorder.journal import Journal, Row
from hub.recorder.uses import Uses, told
from hub.recorder.wire import (
    Amendment,
    Annul,
    Annulled,
    Annulment,
    Entry,
    Frame,
    Merge,
    Note,
    Noted,
    Override,
    Report,
)

log = structlog.get_logger(__name__)


class Extra(msgspec.Struct, array_like=True, tag=4):
    """A record of the journal beside frames: readers' own accounts of scans that were recorded before."""

    merges: list[Merge]


Record = Frame | Extra | Note | Annulment
_records = msgspec.msgpack.Decoder(Record)
_encode = msgspec.msgpack.Encoder().encode
_limit = attrgetter("limit")


def records(body: bytes) -> Iterator[Record]:
    """What a journal row's blob holds, in order; of a damaged one, what is before the damage."""
    start = 0
    view = memoryview(body)
    while start < len(body):
        try:
            (length,) = LENGTH.unpack_from(body, start)
            record = _records.decode(view[start + 4 : start + 4 + length])
        except (struct.error, msgspec.MsgspecError, UnicodeDecodeError) as error:
            log.error("a part of the journal is damaged; its scans are lost", at=start, of=len(body), error=str(error))
            return
        yield record
        start += 4 + length


def entries(row: Row) -> Iterator[tuple[Entry, int]]:
    """The scans of a row with their stream_seq."""
    counts = defaultdict(int, row.firsts)
    for record in records(row.body):
        if isinstance(record, Frame):
            for entry in record.entries:
                sequence = counts[entry.school]
                counts[entry.school] = sequence + 1
                yield entry, sequence


class Batch:
    """What one commit is going to hold. `row`: the number that the journal will give it."""

    __slots__ = (
        "_journal",
        "amendments",
        "annulments",
        "entries",
        "firsts",
        "identities",
        "merges",
        "notes",
        "numbered",
        "parts",
        "row",
        "scans",
    )

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.row = journal.next_id
        self.parts: list[bytes] = []
        self.firsts: dict[bytes, int] = {}
        self.entries: list[Entry] = []
        self.identities: list[bytes] = []
        self.amendments: list[Amendment] = []
        self.merges: list[Merge] = []
        self.notes: list[AuditRow] = []
        self.annulments: list[Annulment] = []
        #: Each scan with its stream_seq, in the order of the journal.
        self.numbered: list[tuple[Entry, int]] = []
        self.scans = 0

    def add(self, raw: bytes) -> None:
        self.parts.append(LENGTH.pack(len(raw)))
        self.parts.append(raw)

    def note(self, note: Note, raw: bytes) -> None:
        """Audit rows; which of them are new, the table will tell."""
        self.add(raw)
        self.notes += note.rows

    def take(self, entries: list[Entry], identities: list[bytes]) -> None:
        """These are new."""
        self.entries += entries
        self.identities += identities
        self.number(entries)

    def number(self, entries: list[Entry]) -> None:
        """Give each scan its place in its school's series."""
        self.scans += len(entries)
        sequences, firsts = self._journal.sequences, self.firsts
        for school in {entry.school for entry in entries}:
            firsts.setdefault(school, sequences.setdefault(school, 1))
        if entries and len(firsts) == 1:
            start = sequences[entries[0].school]
            end = sequences[entries[0].school] = start + len(entries)
            self.numbered += zip(entries, range(start, end), strict=True)
            return
        for entry in entries:
            sequence = sequences[entry.school]
            sequences[entry.school] = sequence + 1
            self.numbered.append((entry, sequence))


class Admission:
    """The identities of the retention window. One instance for the recorder's life; `reload` after each (re)open."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._ids: dict[bytes, int] = {}
        self._amended: dict[tuple[bytes, int], int] = {}
        self.uses = Uses()
        self._read_row = 0
        self._read: dict[bytes, Entry] = {}

    def __len__(self) -> int:
        return len(self._ids)

    def reload(self) -> None:
        """Learn every identity and the last sequence numbers from the journal."""
        self._ids.clear()
        self._amended.clear()
        self.uses.clear()
        self._read_row, self._read = 0, {}
        sequences = self._journal.sequences
        for row in self._journal.all_rows():
            number, counts = row.id, defaultdict(int, row.firsts)
            for record in records(row.body):
                if isinstance(record, Frame):
                    for entry in record.entries:
                        counts[entry.school] += 1
                        if not entry.amends:
                            self._ids[entry.device + entry.scan_id] = number
                            self.uses.count(entry)
                    self._note_amendments(record.amendments)
                elif isinstance(record, Annulment):
                    self.uses.give_back(record.device + record.scan_id)
            for school, following in counts.items():
                sequences[school] = max(sequences.get(school, 1), following)
        if self._journal.damaged is not None:
            self._journal.skip_numbers()

    def _note_amendments(self, amendments: list[Amendment]) -> None:
        for a in amendments:
            self._amended[a.device + a.scan_id, a.access_time] = a.code
            if a.code != Reason.granted:
                self.uses.give_back(a.device + a.scan_id)

    def admit(self, frame: Frame, raw: bytes, batch: Batch, *, late: bool) -> list[Override]:
        """Put a frame's new scans into the batch. Returns what to tell the reader of the ones that are not new.

        `raw` is the frame as it was sent: it is kept as it is unless something in it has to change.
        """
        overrides = self._admit(frame, raw, batch, late=late)
        for amendment in frame.amendments:
            self._amend(amendment, batch)
        return overrides

    def _admit(self, frame: Frame, raw: bytes, batch: Batch, *, late: bool) -> list[Override]:
        ids, entries = self._ids, frame.entries
        batch.amendments += frame.amendments
        identities = [entry.device + entry.scan_id for entry in entries]
        if ids.keys().isdisjoint(identities) and not any(map(_limit, entries)):
            before = len(ids)
            ids.update(dict.fromkeys(identities, batch.row))
            if len(ids) - before == len(identities):
                if late:
                    self._mark_late(frame)
                    raw = _encode(frame)
                batch.add(raw)
                batch.take(entries, identities)
                return []
            for identity in identities:
                ids.pop(identity, None)
        return self._admit_slowly(frame, batch, late=late)

    def beside(self, message: Note | Annul, raw: bytes, batch: Batch) -> Noted | Annulled:
        """Put what is no scan into the batch. Returns what to tell whoever sent it."""
        if isinstance(message, Note):
            batch.note(message, raw)
            return Noted(message.seq)
        return self._annul(message, batch)

    def _annul(self, asked: Annul, batch: Batch) -> Annulled:
        firsts = (self._first(device + asked.scan_id, batch) for device in asked.devices)
        first = next((first for first in firsts if first is not None), None)
        if first is None and not asked.found:
            return Annulled(asked.seq, "unknown")
        device, school, student = asked.devices[0], asked.school, None
        if first is not None:
            device, school, student = first.device, first.school, first.student_id
            code = self._amended.get((first.identity, first.access_time), first.code)
            if told(first, code) != Reason.granted:
                return Annulled(asked.seq, "denied", device, school, student)
            if asked.not_before is not None and first.at < asked.not_before:
                return Annulled(asked.seq, "too_old", device, school, student)
        kept = Annulment(asked.scan_id, device, school, asked.at, asked.by, asked.reason)
        batch.annulments.append(kept)
        batch.add(_encode(kept))
        shown = asked.scan if first is None else self.as_told(first)
        if shown is not None:
            _restate(shown, batch, Flag.annulled)
        return Annulled(asked.seq, "annulled", device, school, student)

    def _amend(self, amendment: Amendment, batch: Batch) -> None:
        """For screens: the scan as its reader was told after all. One that the journal has not is shown no more."""
        first = self._first(amendment.device + amendment.scan_id, batch)
        if first is not None:
            _restate(msgspec.structs.replace(first, code=amendment.code), batch)

    def _mark_late(self, frame: Frame) -> None:
        for entry in frame.entries:
            if entry.report is None:
                entry.code = Reason.hub_unavailable

    def _admit_slowly(self, frame: Frame, batch: Batch, *, late: bool) -> list[Override]:
        if late:
            self._mark_late(frame)
        overrides: list[Override] = []
        merges: list[Merge] = []
        kept: list[Entry] = []
        for index, entry in enumerate(frame.entries):
            first = self._first(entry.identity, batch)
            if first is None:
                if not self.uses.admit(entry):
                    overrides.append(Override(index, entry.code, entry.at))
                self._keep(entry, kept, batch)
            elif first.key != entry.key:
                overrides.append(Override(index, Reason.scan_id_reused, entry.at))
                refused = _refusal(entry)
                if refused.identity not in self._ids:
                    self._keep(refused, kept, batch)
            else:
                override, merge = self._again(index, entry, first)
                overrides.append(override)
                merges.extend(merge)
        batch.add(_encode(Frame(frame.seq, frame.deadline, kept, frame.amendments)))
        batch.number(kept)
        if merges:
            batch.merges += merges
            batch.add(_encode(Extra(merges)))
        return overrides

    def _keep(self, entry: Entry, kept: list[Entry], batch: Batch) -> None:
        identity = entry.identity
        self._ids[identity] = batch.row
        batch.identities.append(identity)
        batch.entries.append(entry)
        kept.append(entry)

    def _first(self, identity: bytes, batch: Batch) -> Entry | None:
        """The scan that had this identity first: in this very batch, or in a row of the journal."""
        number = self._ids.get(identity)
        if number is None:
            return None
        if number == batch.row:
            return next(entry for entry in batch.entries if entry.identity == identity)
        # Whoever sends a thousand again sends them in their order: the row that was read last is mostly the one.
        if number != self._read_row:
            row = self._journal.row(number)
            self._read = {} if row is None else {one.identity: one for one, _ in entries(row) if not one.amends}
            self._read_row = number
        return self._read.get(identity)

    def _again(self, index: int, entry: Entry, first: Entry) -> tuple[Override, list[Merge]]:
        code = told(first, self._amended.get((first.identity, first.access_time), first.code))
        report = entry.report
        if report is None or _same_account(report, first.report):
            return Override(index, code, first.at), []
        conflict = report.granted != (code == Reason.granted)
        # For the log it is one too when the reader still does otherwise than the hub says.
        noted = conflict or (first.report is not None and report.granted != (first.code == Reason.granted))
        merge = Merge(first.scan_id, first.device, first.access_time, report, noted)
        return Override(index, code, first.at, conflict), [merge]

    def as_told(self, entry: Entry) -> Entry:
        """A recorded scan with the verdict that its reader was told after all."""
        code = self._amended.get((entry.identity, entry.access_time)) if self._amended else None
        return entry if code is None else msgspec.structs.replace(entry, code=code)

    def committed(self, batch: Batch) -> None:
        """The batch is on disk."""
        self._note_amendments(batch.amendments)
        for annulment in batch.annulments:
            self.uses.give_back(annulment.device + annulment.scan_id)

    def undo(self, batch: Batch) -> None:
        """The commit failed: nothing of the batch was seen."""
        self._journal.sequences.update(batch.firsts)
        for identity in batch.identities:
            self._ids.pop(identity, None)
            self.uses.give_back(identity)

    def forget(self, row: Row) -> None:
        """A row leaves the journal: its scans may be asked anew."""
        for entry, _ in entries(row):
            identity = entry.identity
            if self._ids.get(identity) == row.id:
                del self._ids[identity]
                self.uses.give_back(identity)
                self._amended.pop((identity, entry.access_time), None)


def _restate(scan: Entry, batch: Batch, more: int = 0) -> None:
    """Give a scan of before another place in its school's stream, as it is known by now."""
    again = msgspec.structs.replace(scan, flags=int(scan.flags | Flag.amends | more))
    batch.add(_encode(Frame(0, 0, [again])))
    batch.number([again])


def _same_account(report: Report, first: Report | None) -> bool:
    """Sent once more, the reader's clock may seem to be off by another millisecond."""
    return first is not None and msgspec.structs.replace(report, skew_ms=first.skew_ms) == first


def _refusal(entry: Entry) -> Entry:
    """The same scanId with another code: an attempt worth keeping, under an id of its own that a resend repeats."""
    digest = hashlib.sha256(entry.device + entry.scan_id + entry.key).digest()
    return msgspec.structs.replace(
        entry,
        scan_id=digest[:6] + bytes([0x80 | digest[6] & 0x0F, digest[7], 0x80 | digest[8] & 0x3F]) + digest[9:16],
        code=Reason.scan_id_reused,
        pass_id=None,
        student_id=None,
    )
