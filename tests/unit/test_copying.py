"""The COPY stream, read back field by field as PostgreSQL documents it; both ways to write a row agree."""

from __future__ import annotations

import struct
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hub.domain.verdict import REASON_TEXT
from hub.recorder import copying
from hub.recorder.wire import Entry, Report

RECORDER = b"r" * 16
EPOCH_2000 = 946_684_800_000_000
sixteen = st.binary(min_size=16, max_size=16)
moments = st.integers(-62_135_596_800_000_000, 253_402_300_799_999_999)
words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
skews = st.none() | st.integers(-(2**31), 2**31 - 1)
reports = st.builds(Report, moments, st.booleans(), st.none() | words, skews, st.none() | sixteen)
scans = st.builds(
    Entry,
    sixteen,
    sixteen,
    sixteen,
    sixteen,
    moments,
    st.integers(0, len(REASON_TEXT) - 1),
    st.integers(0, 3),
    st.integers(0, 2),
    st.none() | sixteen,
    st.none() | sixteen,
    st.none() | words.map(str.encode),
    st.none() | reports,
)


def fields(row: bytes) -> list[bytes | None]:
    (count,) = struct.unpack_from(">h", row)
    start, found = 2, []
    for _ in range(count):
        (size,) = struct.unpack_from(">i", row, start)
        start += 4
        found.append(None if size == -1 else row[start : start + size])
        start += max(size, 0)
    assert start == len(row)
    return found


def number(raw: bytes | None) -> int | None:
    return None if raw is None else int.from_bytes(raw, "big", signed=True)


def text(raw: bytes | None) -> str | None:
    return None if raw is None else raw.decode()


@given(scans, st.integers(1, 2**62))
def test_every_field_is_where_and_what_it_should_be(scan: Entry, sequence: int) -> None:
    row = fields(copying.row(scan, RECORDER, sequence))
    report = scan.report
    hub = ("granted" if scan.code == 0 else "denied", REASON_TEXT[scan.code])
    said = report and ("granted" if report.granted else "denied", report.reason)
    assert row[:5] == [scan.scan_id, scan.student_id, scan.pass_id, scan.device, scan.school]
    assert number(row[5]) == (scan.at if report is None else report.at) - EPOCH_2000
    assert text(row[6]) == (None, "entry", "exit")[scan.direction]
    assert (text(row[7]), text(row[8])) == (said or hub)
    assert row[9] == (None if scan.info is None else b"\x01" + scan.info)
    assert (row[10], number(row[11])) == (scan.key, scan.at - EPOCH_2000)
    assert number(row[12]) == (report and report.at - EPOCH_2000)
    assert number(row[13]) == (report and report.skew_ms)
    assert (row[14], row[15]) == (bytes([scan.flags & 1]), bytes([scan.flags >> 1]))
    assert (text(row[16]), text(row[17])) == (hub if report else (None, None))
    assert (text(row[18]), text(row[19])) == (said or (None, None))
    assert row[20] == (report and report.by)
    assert (row[21], number(row[22])) == (RECORDER, sequence)
    assert len(row) == 23


@given(scans)
def test_the_short_way_writes_what_the_long_way_does(scan: Entry) -> None:
    assert copying.row(scan, RECORDER, 7) == copying._any_row(scan, RECORDER, 7)


def test_a_stream_is_header_rows_and_trailer_in_small_chunks() -> None:
    values: list[Any] = [b"i" * 16, b"d" * 16, b"s" * 16, b"k" * 16, EPOCH_2000, 0, 0, 1, None, None]
    pairs = [(Entry(*values), number) for number in range(1, 1002)]
    chunks = list(copying.stream(pairs, RECORDER))
    assert len(chunks) > 4
    whole = b"".join(chunks)
    assert whole.startswith(b"PGCOPY\n\xff\r\n\0" + bytes(8))
    assert whole.endswith(b"\xff\xff")
    assert whole[19:-2] == b"".join(copying.row(scan, RECORDER, sequence) for scan, sequence in pairs)
    assert b"".join(copying.stream([], RECORDER)) == b"PGCOPY\n\xff\r\n\0" + bytes(8) + b"\xff\xff"
