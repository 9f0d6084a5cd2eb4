"""The results: a row for each thing that was measured, the table of them, and what the thresholds say."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

HTTP_DECISION = "HTTP decision"
SOCKET_DECISION = "WebSocket decision"
EVENT_DELAY = "screen event"
DECISIONS = (HTTP_DECISION, SOCKET_DECISION)


@dataclass(frozen=True, slots=True)
class Row:
    """`rate` a second; `p50`, `p95`, `p99` in milliseconds as locust has them: two digits, whole below 100."""

    name: str
    requests: int
    failures: int
    rate: float
    p50: float
    p95: float
    p99: float


@dataclass(frozen=True, slots=True)
class Limits:
    """Milliseconds, and a number of failures of all kinds together."""

    decision_p99: float
    event_p99: float
    failures: int


_HEAD = ("", "count", "a second", "p50 ms", "p95 ms", "p99 ms", "failures")


def table(rows: Sequence[Row]) -> str:
    """Right-aligned columns, a row a line, as wide as they must be."""
    cells = [_HEAD, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(_HEAD))]
    return "\n".join(
        "  ".join(text.rjust(width) if column else text.ljust(width) for column, (text, width) in enumerate(pairs))
        for pairs in (list(zip(line, widths, strict=True)) for line in cells)
    )


def _cells(row: Row) -> tuple[str, ...]:
    times = (f"{row.p50:.0f}", f"{row.p95:.0f}", f"{row.p99:.0f}")
    return (row.name, f"{row.requests:,}", f"{row.rate:,.1f}", *times, f"{row.failures:,}")


def complaints(rows: Sequence[Row], limits: Limits, expected: Collection[str], *, crashes: int = 0) -> list[str]:
    """What is not as it must be, a sentence each. `expected`: rows without which nothing was measured."""
    by_name = {row.name: row for row in rows}
    arrived = {row.name for row in rows if row.requests > row.failures}
    found = [f"{name}: none arrived, so nothing was measured" for name in sorted(set(expected) - arrived)]
    for name, limit in (*((name, limits.decision_p99) for name in DECISIONS), (EVENT_DELAY, limits.event_p99)):
        if name in by_name and by_name[name].p99 > limit:
            found.append(f"{name}: p99 is {by_name[name].p99:.0f} ms, more than {limit:g} ms")
    failures = sum(row.failures for row in rows)
    if failures > limits.failures:
        found.append(f"{failures:,} failures, more than {limits.failures:,}")
    if crashes:
        found.append(f"{crashes:,} faults in the load's own code; the log above has them")
    return found
