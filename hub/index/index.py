"""Passes in memory: lookup key → packed card. The path of every scan starts here.

An interface of three verbs (get, put, remove) over rows that the garbage collector does not see: `bytes` to `bytes`.
A checksum per school is kept as rows come and go, so that an index can be held against the tables at any moment. After
a bulk load it has to be counted first, in slices: during the load it would cost a third of the time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, KeysView
from hashlib import md5

from hub.domain.card import school_of


class PassIndex:
    """A dict with a conscience. Keys are 16 bytes (hub.domain.qr.lookup_key), values hub.domain.card.pack's."""

    __slots__ = ("_cards", "_sums", "counted", "get")

    def __init__(self) -> None:
        self._cards: dict[bytes, bytes] = {}
        self._sums: dict[int, list[int]] = {}
        #: Whether `checksums` holds; `recount` makes it so.
        self.counted = True
        #: key → packed card, or None. The dict's own method: a wrapper would cost as much as the look-up.
        self.get = self._cards.get

    def __len__(self) -> int:
        return len(self._cards)

    def keys(self) -> KeysView[bytes]:
        return self._cards.keys()

    def fill(self, rows: Iterable[tuple[bytes, bytes]]) -> None:
        """Put many (key, card) at once; checksums have to be counted afterwards."""
        self.counted = False
        self._cards.update(rows)

    def put(self, key: bytes, packed: bytes) -> None:
        """Make `packed` what the key means from now on."""
        before = self._cards.get(key)
        if before == packed:
            return
        self._cards[key] = packed
        if self.counted:
            if before is not None:
                self._count(key, before, -1)
            self._count(key, packed, 1)

    def remove(self, key: bytes) -> None:
        """The key means nothing any more; nothing happens when it did not."""
        before = self._cards.pop(key, None)
        if before is not None and self.counted:
            self._count(key, before, -1)

    def clear(self) -> None:
        self._cards.clear()
        self._sums.clear()
        self.counted = True

    def recount(self, slice_rows: int) -> Iterator[None]:
        """Count the checksums anew, giving way after every `slice_rows`. Changes meanwhile count by themselves."""
        present = list(self._cards.items())
        self._sums = {}
        self.counted = True
        for number, (key, packed) in enumerate(present, 1):
            self._count(key, packed, 1)
            if number % slice_rows == 0:
                yield

    def checksums(self) -> dict[int, tuple[int, int]]:
        """School number → (passes, exclusive or of the first 8 bytes of md5(key, card) as a signed integer)."""
        return {school: (count, sum_) for school, (count, sum_, _) in self._sums.items() if count}

    def writes(self) -> dict[int, int]:
        """School number → how many rows of it came or went so far: the same number twice is a quiet time between."""
        return {school: writes for school, (_, _, writes) in self._sums.items()}

    def _count(self, key: bytes, packed: bytes, step: int) -> None:
        digest = int.from_bytes(md5(key + packed, usedforsecurity=False).digest()[:8], "big", signed=True)
        entry = self._sums.setdefault(school_of(packed), [0, 0, 0])
        entry[0] += step
        entry[1] ^= digest
        entry[2] += 1
