"""What was asked and what was answered: the oracle's memory. Written by one thread, read by others."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from tests.acceptance.school import Door, expected

UNAVAILABLE = "hub_unavailable"


@dataclass(frozen=True)
class Answer:
    """As the reader read it."""

    decision: str
    reason: str | None
    at: str
    pass_id: str | None
    student_id: str | None

    @classmethod
    def of(cls, message: dict[str, Any]) -> Answer:
        pass_, student = message["pass"], message["student"]
        return cls(
            message["decision"],
            message["reason"],
            message["accessTime"],
            pass_ and pass_["id"],
            student and student["id"],
        )


@dataclass
class Scan:
    """One scan, however often it was sent; `answers` in the order in which they came."""

    id: str
    door: Door
    code: str
    answers: list[Answer] = field(default_factory=list)

    @property
    def kept(self) -> list[Answer]:
        """The answers that may not be lost."""
        return [answer for answer in self.answers if answer.reason != UNAVAILABLE]


class Ledger:
    """`faults`: what went wrong on connections, counted by its words."""

    def __init__(self) -> None:
        self.scans: dict[str, Scan] = {}
        self.faults: Counter[str] = Counter()
        self.closes: Counter[int] = Counter()
        self.kept = 0
        self.unavailable = 0
        self._turn = itertools.count()

    def next(self, door: Door) -> Scan:
        """A new scan of the door's next code."""
        scan = Scan(str(uuid4()), door, door.codes[next(self._turn) % len(door.codes)])
        self.scans[scan.id] = scan
        return scan

    def answered(self, scan: Scan, message: dict[str, Any]) -> None:
        """Notes it; a wrong answer is a fault, whatever the log has."""
        answer = Answer.of(message)
        scan.answers.append(answer)
        if answer.reason == UNAVAILABLE:
            self.unavailable += 1
            return
        self.kept += 1
        if answer.reason != expected(scan.code) or (answer.decision == "granted") != (answer.reason is None):
            self.faults[f"wrong answer: {answer.decision} {answer.reason} to {scan.code}"] += 1

    @property
    def unanswered(self) -> Iterator[Scan]:
        return (scan for scan in self.scans.values() if not scan.answers)
