"""The newest events of a school, by recorder, for screens that reconnect: texts of JSON, each with its number.

Within a recorder the numbers rise; one may be missing where PostgreSQL, from which older ones are read, refused a scan.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque

import msgspec


class Item(msgspec.Struct, frozen=True):
    """One event. `identity`: device and scanId, 32 bytes: the same scan has it on every host; of what amends one its
    number, too."""

    sequence: int
    identity: bytes
    text: bytes
    amends: bool = False


class _Track:
    """One recorder's. `start`: from this number on it is complete."""

    __slots__ = ("items", "offset", "start")

    def __init__(self, start: int) -> None:
        self.start = start
        self.items: list[Item] = []
        self.offset = 0


class Ring:
    """At most `limit` events; the oldest to come are the first to go."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._tracks: dict[bytes, _Track] = {}
        self._order: deque[tuple[bytes, int]] = deque()
        self._known: dict[bytes, tuple[bytes, int]] = {}
        self._count = 0

    def knows(self, identity: bytes) -> bool:
        """A reader that was not answered by one host asks another: both recorders have the scan, PostgreSQL one row."""
        return identity in self._known

    def begin(self, recorder: bytes, start: int) -> None:
        """Nothing is known of this recorder before `start`, whatever was."""
        if (track := self._tracks.get(recorder)) is not None:
            for item in track.items[track.offset :]:
                self._known.pop(item.identity, None)
            self._count -= len(track.items) - track.offset
            self._order = deque(run for run in self._order if run[0] != recorder)
        self._tracks[recorder] = _Track(start)

    def add(self, recorder: bytes, items: list[Item]) -> None:
        """They follow on what is there."""
        if not items:
            return
        self._tracks[recorder].items += items
        self._known.update([(item.identity, (recorder, item.sequence)) for item in items])
        self._order.append((recorder, len(items)))
        self._count += len(items)
        while self._count > self._limit and len(self._order) > 1:
            self._forget(*self._order.popleft())

    def _forget(self, recorder: bytes, count: int) -> None:
        self._count -= count
        track = self._tracks[recorder]
        for item in track.items[track.offset : track.offset + count]:
            self._known.pop(item.identity, None)
        track.offset += count
        track.start = track.items[track.offset - 1].sequence + 1
        if track.offset > 1000 and track.offset * 2 > len(track.items):
            del track.items[: track.offset]
            track.offset = 0

    def start(self, recorder: bytes) -> int:
        """From which number on it is complete."""
        return self._tracks[recorder].start

    def after(self, recorder: bytes, first: int, limit: int) -> list[Item]:
        """Up to `limit` events with numbers from `first` on."""
        track = self._tracks[recorder]
        at = self._at(track, first)
        return track.items[at : at + limit]

    def change(self, identity: bytes, text: bytes) -> None:
        """An event is known better now, if it is here."""
        place = self._known.get(identity)
        if place is None:
            return
        recorder, sequence = place
        track = self._tracks[recorder]
        track.items[self._at(track, sequence)] = Item(sequence, identity, text)

    def _at(self, track: _Track, sequence: int) -> int:
        return bisect_left(track.items, sequence, lo=track.offset, key=lambda item: item.sequence)
