"""One scan, and what is wrong with its answer."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from loadtests.load.targets import Code, Door


class WrongAnswer(Exception):
    """A failure as locust counts it: alike faults have the same text."""


@dataclass(slots=True)
class Scan:
    """`sent_at`: when it was first sent, in seconds of the caller's clock; asking again does not change it."""

    scan_id: str
    code: Code
    sent_at: float


def new_scan(door: Door, denied_share: float, now: float, chance: random.Random) -> Scan:
    """A random code of the door's; `denied_share` of them are such as must be denied."""
    codes = door.denied if door.denied and chance.random() < denied_share else door.granted
    return Scan(str(uuid4()), chance.choice(codes), now)


def fault_of(scan: Scan, answer: Mapping[str, Any]) -> WrongAnswer | None:
    """None when the answer is this scan's and says what the file promised."""
    decision, reason, expected = answer.get("decision"), answer.get("reason"), scan.code
    if answer.get("scanId") != scan.scan_id:
        return WrongAnswer("an answer with another scanId")
    if decision != expected.decision or (expected.reason is not None and reason != expected.reason):
        return WrongAnswer(f"{_said(expected.decision, expected.reason)} expected, got {_said(decision, reason)}")
    return None


def _said(decision: object, reason: object) -> str:
    return f"{decision} {reason}" if reason else str(decision)
