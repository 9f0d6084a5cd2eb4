"""How many scans each door had lately, counted as their events come."""

from __future__ import annotations

import time
from collections import deque

BUCKET_SECONDS = 5
WINDOW_SECONDS = 300
RATE_SECONDS = 60


class Counts:
    """`granted` and `denied` of the window, `per_minute` of the last minute."""

    __slots__ = ("denied", "granted", "per_minute")

    def __init__(self) -> None:
        self.granted = 0
        self.denied = 0
        self.per_minute = 0


class Tally:
    """By device, in buckets of five seconds."""

    def __init__(self) -> None:
        self._buckets: deque[tuple[int, dict[bytes, list[int]]]] = deque()
        self.last: dict[bytes, float] = {}

    def note(self, device: bytes, granted: bool) -> None:
        now = time.time()
        self.last[device] = now
        bucket = int(now) // BUCKET_SECONDS
        if not self._buckets or self._buckets[-1][0] != bucket:
            self._buckets.append((bucket, {}))
            while self._buckets[0][0] < bucket - WINDOW_SECONDS // BUCKET_SECONDS:
                self._buckets.popleft()
        self._buckets[-1][1].setdefault(device, [0, 0])[0 if granted else 1] += 1

    def counts(self) -> dict[bytes, Counts]:
        """Of the doors that had any."""
        now = int(time.time()) // BUCKET_SECONDS
        found: dict[bytes, Counts] = {}
        for bucket, devices in self._buckets:
            if bucket < now - WINDOW_SECONDS // BUCKET_SECONDS:
                continue
            for device, (granted, denied) in devices.items():
                counts = found.setdefault(device, Counts())
                counts.granted += granted
                counts.denied += denied
                if bucket > now - RATE_SECONDS // BUCKET_SECONDS:
                    counts.per_minute += granted + denied
        return found
