"""What the journal has and PostgreSQL has not, in order.

The newest rows are still in memory as they were committed, and are handed on without being read and decoded again; a
longer backlog, or one from before the start, is read from the journal.
"""

from __future__ import annotations

from collections import defaultdict, deque

import msgspec

from hub.domain.audit_row import AuditRow
from hub.recorder.admission import Batch, Extra, records
from hub.recorder.journal import Journal, Row
from hub.recorder.wire import Amendment, Annulment, Entry, Merge, Note

KEPT_SCANS = 20_000  # audit rows count like scans
_ROWS_A_READ = 256


class Portion(msgspec.Struct):
    """Whole journal rows, unpacked. `rows`: the journal row of each scan; `later`: changes to scans, in order."""

    last_row: int
    scans: list[tuple[Entry, int]]
    rows: list[int]
    later: list[Amendment | Merge | Annulment]
    notes: list[AuditRow] = []

    @property
    def recorded(self) -> int:
        return len(self.scans)

    @property
    def size(self) -> int:
        """What counts against limits."""
        return len(self.scans) + len(self.notes)


class Backlog:
    """One a recorder."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._kept: deque[Portion] = deque()
        self._kept_scans = 0

    def offer(self, batch: Batch) -> None:
        """A row was committed. It is kept in memory as long as there is room."""
        size = batch.scans + len(batch.notes)
        if self._kept_scans + size > KEPT_SCANS:
            self._kept.clear()
            self._kept_scans = 0
        rows = [batch.row] * len(batch.numbered)
        later: list[Amendment | Merge | Annulment] = [*batch.merges, *batch.amendments, *batch.annulments]
        self._kept.append(Portion(batch.row, batch.numbered, rows, later, batch.notes))
        self._kept_scans += size

    def clear(self) -> None:
        """The journal was opened anew, and may be another file: what is in memory may not be in it."""
        self._kept.clear()
        self._kept_scans = 0

    def next(self, limit: int) -> Portion | None:
        """About `limit` scans (at least one row) after the last drained one; None when there are none."""
        drained = self._journal.drained
        while self._kept and self._kept[0].last_row <= drained:
            self._kept_scans -= self._kept.popleft().size
        if self._kept and self._kept[0].last_row == drained + 1:
            return self._join(limit)
        rows = self._journal.rows_after(drained, _ROWS_A_READ)
        return _unpack(rows, limit) if rows else None

    def _join(self, limit: int) -> Portion:
        joined = Portion(0, [], [], [])
        for portion in self._kept:
            if joined.size and joined.size + portion.size > limit:
                break
            if joined.last_row and portion.last_row != joined.last_row + 1:
                break
            joined.scans += portion.scans
            joined.rows += portion.rows
            joined.later += portion.later
            joined.notes += portion.notes
            joined.last_row = portion.last_row
        return joined


def _unpack(rows: list[Row], limit: int) -> Portion:
    portion = Portion(rows[0].id, [], [], [])
    for row in rows:
        if portion.size and portion.size + row.scans > limit:
            break
        _unpack_row(row, portion)
        portion.last_row = row.id
    return portion


def _unpack_row(row: Row, portion: Portion) -> None:
    counts = defaultdict(int, row.firsts)
    for record in records(row.body):
        if isinstance(record, Extra):
            portion.later.extend(record.merges)
            continue
        if isinstance(record, Note):
            portion.notes += record.rows
            continue
        if isinstance(record, Annulment):
            portion.later.append(record)
            continue
        for entry in record.entries:
            portion.scans.append((entry, counts[entry.school]))
            counts[entry.school] += 1
        portion.rows += [row.id] * len(record.entries)
        portion.later.extend(record.amendments)
