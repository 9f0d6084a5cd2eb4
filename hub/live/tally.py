"""How many scans each door had lately and today, counted as their events come.

What was before the stream began is read from the log once, and added (`recall`): nothing is counted twice, for the
stream knows the number that each recorder's events began with.
"""

from __future__ import annotations

import time
from collections import deque

import msgspec

BUCKET_SECONDS = 5
WINDOW_SECONDS = 300
RATE_SECONDS = 60
SERIES_MINUTES = 30
MINUTE = 60_000_000  # µs


class Counts:
    """`granted` and `denied` of the window, `per_minute` of the last minute."""

    __slots__ = ("denied", "granted", "per_minute")

    def __init__(self) -> None:
        self.granted = 0
        self.denied = 0
        self.per_minute = 0


class Before(msgspec.Struct, frozen=True):
    """What the log has of one door before the stream began. `minute` since 1970, None for what is before the series;
    `last` in seconds since 1970."""

    device: bytes
    minute: int | None
    granted: int
    denied: int
    last: float


class Tally:
    """By device. `last`: when the newest scan came, in seconds; `today`: granted and denied since the school's
    midnight, once that is `known`."""

    def __init__(self) -> None:
        self._buckets: deque[tuple[int, dict[bytes, list[int]]]] = deque()
        self._minutes: dict[int, dict[bytes, int]] = {}
        self._day_begins = 0
        self.last: dict[bytes, float] = {}
        self.today: dict[bytes, list[int]] = {}
        self.known = False

    def note(self, device: bytes, granted: bool, at: int) -> None:
        """A scan has come, which was `at` µs since 1970."""
        now = time.time()
        self.last[device] = now
        bucket = int(now) // BUCKET_SECONDS
        if not self._buckets or self._buckets[-1][0] != bucket:
            self._buckets.append((bucket, {}))
            while self._buckets[0][0] < bucket - WINDOW_SECONDS // BUCKET_SECONDS:
                self._buckets.popleft()
        self._buckets[-1][1].setdefault(device, [0, 0])[0 if granted else 1] += 1
        minute = self._minutes.setdefault(at // MINUTE, {})
        minute[device] = minute.get(device, 0) + 1
        if at >= self._day_begins:
            self.today.setdefault(device, [0, 0])[0 if granted else 1] += 1

    def turn(self, day_begins: int, now: int) -> None:
        """Once a second: the school's midnight before `now`. A new day is known from its beginning."""
        if self._day_begins and day_begins > self._day_begins:
            self.today.clear()
            self.known = True
        self._day_begins = day_begins
        for minute in [minute for minute in self._minutes if minute <= now // MINUTE - SERIES_MINUTES]:
            del self._minutes[minute]

    def recall(self, before: list[Before]) -> None:
        """Add what was before."""
        for one in before:
            if one.minute is not None:
                minute = self._minutes.setdefault(one.minute, {})
                minute[one.device] = minute.get(one.device, 0) + one.granted + one.denied
            if one.minute is None or one.minute * MINUTE >= self._day_begins:
                today = self.today.setdefault(one.device, [0, 0])
                today[0] += one.granted
                today[1] += one.denied
            self.last[one.device] = max(one.last, self.last.get(one.device, 0.0))
        self.known = True

    def series(self, now: int) -> dict[bytes, list[int]]:
        """Scans of each of the last thirty minutes, the one that runs last; of the doors that had any."""
        first = now // MINUTE - SERIES_MINUTES + 1
        found: dict[bytes, list[int]] = {}
        for minute, devices in self._minutes.items():
            if 0 <= minute - first < SERIES_MINUTES:
                for device, count in devices.items():
                    found.setdefault(device, [0] * SERIES_MINUTES)[minute - first] += count
        return found

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
