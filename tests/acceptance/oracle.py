"""Whether the log says what readers were told: each answered scan once, as it was answered, and nothing else."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from tests.acceptance.ledger import UNAVAILABLE, Answer, Ledger, Scan
from tests.acceptance.school import School

PATIENCE = 120.0
_ROWS = """
SELECT id::text, access_point_id::text AS door, status, reason, pass_id::text, student_id::text,
    to_char(access_time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at
FROM access_logs
"""
_SEQUENCES = """
SELECT recorder_id, school_id, stream_seq, count(*) FROM access_logs
GROUP BY 1, 2, 3 HAVING count(*) > 1
"""


@dataclass
class Tally:
    """`lost` and `doubled` are answered scans; `different`: logged otherwise than answered; `invented`: never asked."""

    scans: int = 0
    answered: int = 0
    unavailable: int = 0
    rows: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    different: list[str] = field(default_factory=list)
    invented: list[str] = field(default_factory=list)
    same_sequence: list[str] = field(default_factory=list)

    @property
    def faultless(self) -> bool:
        return not (self.lost or self.doubled or self.different or self.invented or self.same_sequence)

    def __str__(self) -> str:
        lists = {name: getattr(self, name) for name in ("lost", "doubled", "different", "invented", "same_sequence")}
        bad = "; ".join(f"{name}={len(found)} {found[:3] if found else ''}" for name, found in lists.items())
        return f"scans={self.scans} answered={self.answered} hub_unavailable={self.unavailable} rows={self.rows}; {bad}"


def check(school: School, ledger: Ledger, *, amended: bool = False) -> Tally:
    """Waits for the drain, then compares. AssertionError with the tally when a single scan is not as it was answered.

    `amended`: no worker was killed, so a scan that was answered hub_unavailable is logged as that, or not at all.
    """
    tally = compare(school, ledger, amended=amended)
    print(tally)
    assert tally.answered > 0
    assert tally.faultless, str(tally)
    return tally


def compare(school: School, ledger: Ledger, *, amended: bool = False, quiet: float = 10.0) -> Tally:
    """The tally, once the log has every answered scan, or has not grown for `quiet` seconds."""
    found = _drained(school, ledger, quiet)
    tally = Tally(scans=len(ledger.scans), rows=sum(len(rows) for rows in found.values()))
    for scan in ledger.scans.values():
        rows = found.pop((scan.door.id, scan.id), [])
        tally.answered += bool(scan.kept)
        tally.unavailable += bool(scan.answers) and not scan.kept
        _judge(scan, rows, tally, amended=amended)
    tally.invented += [id_ for _, id_ in found]
    tally.same_sequence += [str(tuple(row)) for row in school.fetch(_SEQUENCES)]
    return tally


def _drained(school: School, ledger: Ledger, quiet: float) -> dict[tuple[str, str], list[Any]]:
    expected = {(scan.door.id, scan.id) for scan in ledger.scans.values() if scan.kept}
    deadline = time.monotonic() + PATIENCE
    count, since = -1, time.monotonic()
    while True:
        (now,) = school.fetch("SELECT count(*) FROM access_logs")[0]
        if now != count:
            count, since = now, time.monotonic()
        elif time.monotonic() > since + 0.4:
            found: dict[tuple[str, str], list[Any]] = defaultdict(list)
            for row in school.fetch(_ROWS):
                found[row["door"], row["id"]].append(row)
            if expected <= found.keys() or time.monotonic() > min(deadline, since + quiet):
                return found
        time.sleep(0.15)


def _judge(scan: Scan, rows: list[Any], tally: Tally, *, amended: bool) -> None:
    if len(rows) > 1:
        tally.doubled.append(scan.id)
    logged = [Answer(row["status"], row["reason"], row["at"], row["pass_id"], row["student_id"]) for row in rows[:1]]
    if scan.kept:
        if not rows:
            tally.lost.append(scan.id)
        elif set(scan.kept) != set(logged):
            tally.different.append(f"{scan.id}: answered {scan.answers}, logged {logged}")
    elif amended and scan.answers and rows and logged[0].reason != UNAVAILABLE:
        tally.different.append(f"{scan.id}: answered hub_unavailable, logged {logged}")
