"""The scans that the hub has answered: every screen of the school has to show each of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from loadtests.load.scan import Scan

REMEMBERED = 50_000  # a school; of a long run, the last of them


class Kept:
    """Ids by school, each with when its scan was first sent, in the order of their answers."""

    def __init__(self) -> None:
        self._schools: dict[str, deque[tuple[str, float]]] = {}

    def note(self, school: str, scan: Scan, reason: object) -> None:
        """It was answered. `hub_unavailable` is the one answer that the hub may not have kept."""
        if reason != "hub_unavailable":
            self._schools.setdefault(school, deque(maxlen=REMEMBERED)).append((scan.scan_id, scan.sent_at))

    def sent_after(self, school: str, moment: float) -> Iterator[str]:
        """The ids of what was sent, and so recorded, after a moment of the scans' clock."""
        return (ident for ident, sent_at in self._schools.get(school, ()) if sent_at > moment)
