"""What was found: one line about one thing."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec


class Level(StrEnum):
    """`skipped`: not checked, and why."""

    right = "right"
    warning = "warning"
    fault = "fault"
    skipped = "skipped"


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    """`says`: one line on how it is; `do`: what to do about a fault or a warning; `facts`: what was measured."""

    part: str
    check: str
    level: Level
    says: str
    do: str | None = None
    facts: dict[str, Any] = {}


class Notes:
    """The findings of one part, in the order in which they were made."""

    def __init__(self, part: str) -> None:
        self.part = part
        self.findings: list[Finding] = []

    def right(self, check: str, says: str, **facts: Any) -> None:
        self._add(check, Level.right, says, None, facts)

    def warn(self, check: str, says: str, do: str, **facts: Any) -> None:
        self._add(check, Level.warning, says, do, facts)

    def fault(self, check: str, says: str, do: str, **facts: Any) -> None:
        self._add(check, Level.fault, says, do, facts)

    def skip(self, check: str, why: str) -> None:
        self._add(check, Level.skipped, f"not checked: {why}", None, {})

    def _add(self, check: str, level: Level, says: str, do: str | None, facts: dict[str, Any]) -> None:
        self.findings.append(Finding(self.part, check, level, " ".join(says.split()), do, facts))


def some(names: list[str], most: int = 5) -> str:
    """The first few of many names: `a, b, c and 17 more`."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def many(count: int, what: str) -> str:
    """`1 scan`, `2,000 scans`."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def lasting(seconds: float) -> str:
    """A duration for a person: 0.4 ms, 12 s, 3 min, 5 h, 9 days."""
    if seconds < 1:
        return f"{seconds * 1000:.3g} ms"
    for size, name in ((86_400 * 2, " days"), (7_200, " h"), (120, " min")):
        if seconds >= size:
            return f"{seconds / {' days': 86_400, ' h': 3_600, ' min': 60}[name]:.0f}{name}"
    return f"{seconds:.0f} s"


def size_text(size: int) -> str:
    """Bytes for a person: 512 B, 1.5 MiB, 80 GiB."""
    amount = float(size)
    for name in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024:
            return f"{amount:.3g} {name}"
        amount /= 1024
    return f"{amount:.3g} TiB"
