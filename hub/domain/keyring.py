"""Several data keys at once: the first seals, all of them open, so that one can be exchanged while the program runs.

A key's id is not given but derived from it (`vault.key_head`): nobody can mistake one key's name for another's.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from uuid import UUID

from hub.domain.vault import HEAD_BYTES, SealBroken, blind_index, key_head, seal, unseal


class KeyRing:
    """32-byte keys, at least one. Raises ValueError when a key has another length or is there twice."""

    __slots__ = ("_by_head", "_keys")

    def __init__(self, keys: Iterable[bytes]) -> None:
        self._keys = tuple(keys)
        self._by_head = {key_head(key): key for key in self._keys}
        if not self._keys or len(self._by_head) != len(self._keys):
            raise ValueError("a key ring has at least one key, and none twice")

    @property
    def head(self) -> bytes:
        """What all values begin with that are sealed now."""
        return key_head(self._keys[0])

    @property
    def ids(self) -> list[str]:
        """The keys' ids in hex, the sealing one first."""
        return [id_of(key_head(key)) for key in self._keys]

    def seal(self, plaintext: bytes, associated: bytes) -> bytes:
        """Sealed with the first key."""
        return seal(self._keys[0], plaintext, associated)

    def unseal(self, sealed: bytes, associated: bytes) -> bytes:
        """Opened with whichever key sealed it. Raises SealBroken."""
        key = self._by_head.get(sealed[:HEAD_BYTES])
        if key is None:
            raise SealBroken("sealed with another key")
        return unseal(key, sealed, associated)

    def derived(self, purpose: bytes) -> KeyRing:
        """A ring of other keys, each made of one of these, for what only `purpose` may open."""
        return KeyRing(hmac.digest(key, b"passhub ring" + purpose, "sha256") for key in self._keys)

    def blind_index(self, column: str, school: UUID, value: str) -> bytes:
        """What is stored beside a value that is sealed now."""
        return blind_index(self._keys[0], column, school, value)

    def blind_indexes(self, column: str, school: UUID, value: str) -> list[bytes]:
        """What may be stored: one a key. Search with `= ANY`, and a rotation under way hides nobody."""
        return [blind_index(key, column, school, value) for key in self._keys]


def id_of(head: bytes) -> str:
    """The id of the key that sealed a value, from the value's first bytes."""
    return head[1:HEAD_BYTES].hex()
