"""Ranges of change numbers that were notified and not yet read.

Narrow ranges come first and, among equals, the newest: a revocation is one number and overtakes an import, whichever
was notified first. (The newest first alone is not enough: what came just before an import would wait for all of it.)
Ranges only say what to look at; reading a number twice, or in any order, does no harm.
"""

from __future__ import annotations

import heapq


class Backlog:
    """Bounds of a range are both inclusive. At most `limit` ranges are held; then they become one that spans all."""

    __slots__ = ("_heap", "_limit")

    def __init__(self, limit: int = 10_000) -> None:
        self._heap: list[tuple[int, int, int]] = []
        self._limit = limit

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, low: int, high: int) -> None:
        if len(self._heap) >= self._limit:
            low = min(low, *(held for _, _, held in self._heap))
            high = max(high, *(-negative for _, negative, _ in self._heap))
            self._heap.clear()
        heapq.heappush(self._heap, (high - low, -high, low))

    def take(self, room: int) -> list[tuple[int, int]]:
        """What to read next: at most `room` numbers, which are then no longer in the backlog.

        As many whole ranges as fit; the first one that does not is cut, and its newest numbers fill the rest.
        """
        taken: list[tuple[int, int]] = []
        while self._heap and room > 0:
            _, negative, low = heapq.heappop(self._heap)
            high = -negative
            start = max(low, high - room + 1)
            if start > low:
                self.add(low, start - 1)
            taken.append((start, high))
            room -= high - start + 1
        return taken

    def clear(self) -> None:
        self._heap.clear()
