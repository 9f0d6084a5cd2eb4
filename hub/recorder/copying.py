"""A batch of scans in PostgreSQL's binary COPY format, joined from ready-made pieces.

asyncpg's own encoders take three times as long for these rows, on the loop that also commits the journal
(docs/benchmarks.md). Columns are those of `drain_stage` in queries.sql, in their order.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

from hub.domain.verdict import DIRECTION_TEXT, REASON_TEXT, Flag, status_text
from hub.recorder.wire import Entry

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
CHUNK_ROWS = 200

_STALE, _OFFLINE = int(Flag.stale), int(Flag.offline)
EPOCH_2000 = 946_684_800_000_000
_COLUMNS = 23
_FIELDS = struct.pack(">h", _COLUMNS)
_NULL = b"\xff\xff\xff\xff"
_L16 = struct.pack(">i", 16)
_TRUE, _FALSE = struct.pack(">ib", 1, 1), struct.pack(">ib", 1, 0)
_long = struct.Struct(">iq").pack
_int = struct.Struct(">ii").pack


def _text(value: str | None) -> bytes:
    if value is None:
        return _NULL
    raw = value.encode()
    return struct.pack(">i", len(raw)) + raw


_STATUS = tuple(_text(status_text(code)) for code in range(len(REASON_TEXT)))
_REASON = tuple(_text(text) for text in REASON_TEXT)
_DIRECTION = tuple(_text(text) for text in DIRECTION_TEXT)


def _uuid(raw: bytes | None) -> bytes:
    return _NULL if raw is None else _L16 + raw


# The usual row, of a known pass scanned online, has its NULLs and lengths always in the same places.
_usual_head = struct.Struct(">hi16si16si16si16si16siq").pack
_usual_key = struct.Struct(">i16siq").pack
_USUAL_TAIL = tuple(
    _NULL * 2 + (_TRUE if flags & _STALE else _FALSE) + (_TRUE if flags & _OFFLINE else _FALSE) + _NULL * 5
    for flags in range(4)
)


def row(entry: Entry, recorder_id: bytes, sequence: int) -> bytes:
    """One tuple of the COPY stream."""
    student, pass_, info = entry.student_id, entry.pass_id, entry.info
    if student is None or pass_ is None or info is not None or entry.report is not None:
        return _any_row(entry, recorder_id, sequence)
    at = entry.at - EPOCH_2000
    return b"".join(
        (
            _usual_head(_COLUMNS, 16, entry.scan_id, 16, student, 16, pass_, 16, entry.device, 16, entry.school, 8, at),
            _DIRECTION[entry.direction],
            _STATUS[entry.code],
            _REASON[entry.code],
            _NULL,
            _usual_key(16, entry.key, 8, at),
            _USUAL_TAIL[entry.flags],
            _usual_key(16, recorder_id, 8, sequence),
        )
    )


def _any_row(entry: Entry, recorder_id: bytes, sequence: int) -> bytes:
    flags = entry.flags
    info = entry.info
    tail = (
        _uuid(entry.student_id),
        _uuid(entry.pass_id),
        _L16,
        entry.device,
        _L16,
        entry.school,
        _long(8, entry.access_time - EPOCH_2000),
        _DIRECTION[entry.direction],
        *_verdict(entry),
        _NULL if info is None else struct.pack(">ib", len(info) + 1, 1) + info,
        _L16,
        entry.key,
        _long(8, entry.at - EPOCH_2000),
        *_reader(entry),
        _TRUE if flags & _STALE else _FALSE,
        _TRUE if flags & _OFFLINE else _FALSE,
        *_second_opinions(entry),
        _NULL if entry.report is None else _uuid(entry.report.by),
        _L16,
        recorder_id,
        _long(8, sequence),
    )
    return b"".join((_FIELDS, _L16, entry.scan_id, *tail))


def _verdict(entry: Entry) -> tuple[bytes, bytes]:
    """status and reason: the hub's, or for a replayed scan what the reader did."""
    if entry.report is None:
        return _STATUS[entry.code], _REASON[entry.code]
    return _STATUS[0 if entry.report.granted else 1], _text(entry.report.reason)


def _reader(entry: Entry) -> tuple[bytes, bytes]:
    report = entry.report
    if report is None:
        return _NULL, _NULL
    skew = _NULL if report.skew_ms is None else _int(4, report.skew_ms)
    return _long(8, report.at - EPOCH_2000), skew


def _second_opinions(entry: Entry) -> tuple[bytes, bytes, bytes, bytes]:
    """hub_status, hub_reason, reader_status, reader_reason."""
    report = entry.report
    if report is None:
        return _NULL, _NULL, _NULL, _NULL
    return (
        _STATUS[entry.code],
        _REASON[entry.code],
        _STATUS[0 if report.granted else 1],
        _text(report.reason),
    )


def stream(scans: Iterable[tuple[Entry, int]], recorder_id: bytes) -> Iterator[bytes]:
    """The COPY stream of the scans, in chunks small enough not to hold up a commit."""
    chunk = [HEADER]
    for entry, sequence in scans:
        chunk.append(row(entry, recorder_id, sequence))
        if len(chunk) >= CHUNK_ROWS:
            yield b"".join(chunk)
            chunk = []
    chunk.append(TRAILER)
    yield b"".join(chunk)
