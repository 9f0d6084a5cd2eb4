"""Passes in memory: lookup key → packed card. The path of every scan starts here.

An interface of three verbs (get, put, remove) over rows that the garbage collector does not see: `bytes` to `bytes`.
A checksum per school is kept as rows come and go, so that an index can be held against the tables at any moment.
"""

from __future__ import annotations

from collections.abc import KeysView
from hashlib import md5

from hub.domain.card import school_of


class PassIndex:
    """A dict with a conscience. Keys are 16 bytes (hub.domain.qr.lookup_key), values hub.domain.card.pack's."""

    __slots__ = ("_cards", "_sums", "get")

    def __init__(self) -> None:
        self._cards: dict[bytes, bytes] = {}
        self._sums: dict[int, list[int]] = {}
        #: key → packed card, or None. The dict's own method: a wrapper would cost as much as the look-up.
        self.get = self._cards.get

    def __len__(self) -> int:
        return len(self._cards)

    def keys(self) -> KeysView[bytes]:
        return self._cards.keys()

    def put(self, key: bytes, packed: bytes) -> None:
        """Make `packed` what the key means from now on."""
        before = self._cards.get(key)
        if before == packed:
            return
        if before is not None:
            self._count(key, before, -1)
        self._cards[key] = packed
        self._count(key, packed, 1)

    def remove(self, key: bytes) -> None:
        """The key means nothing any more; nothing happens when it did not."""
        before = self._cards.pop(key, None)
        if before is not None:
            self._count(key, before, -1)

    def clear(self) -> None:
        self._cards.clear()
        self._sums.clear()

    def checksums(self) -> dict[int, tuple[int, int]]:
        """School number → (passes, exclusive or of the first 8 bytes of md5(key, card) as a signed integer)."""
        return {school: (count, sum_) for school, (count, sum_) in self._sums.items() if count}

    def _count(self, key: bytes, packed: bytes, step: int) -> None:
        digest = int.from_bytes(md5(key + packed, usedforsecurity=False).digest()[:8], "big", signed=True)
        entry = self._sums.setdefault(school_of(packed), [0, 0])
        entry[0] += step
        entry[1] ^= digest
