"""Sealing of what must not be read in a copy of the database: signing keys and the sensitive columns of students.

A sealed value is `version 1 · key id 4 · nonce 12 · AES-256-GCM ciphertext and tag`. Version and key id are
authenticated, and so is `associated`, which says where the value belongs: a ciphertext that is moved to another row,
column or key does not open. The key id tells which key sealed a value, so that one can be exchanged while both are in
use.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from functools import lru_cache
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
KEY_ID_BYTES = 4
HEAD_BYTES = 1 + KEY_ID_BYTES
OVERHEAD = 1 + KEY_ID_BYTES + 12 + 16  # bytes that a sealed value is longer than its plaintext
_VERSION = b"\x01"
_NONCE_BYTES = 12


class SealBroken(Exception):
    """A sealed value does not open: another key, another place, or changed. `str(error)` says which."""


def seal(key: bytes, plaintext: bytes, associated: bytes) -> bytes:
    """`plaintext` sealed with a 32-byte key; the same arguments never give the same bytes twice.

    Raises ValueError when the key has another length.
    """
    cipher, head = _keyed(key)
    nonce = os.urandom(_NONCE_BYTES)
    return head + nonce + cipher.encrypt(nonce, plaintext, head + associated)


def unseal(key: bytes, sealed: bytes, associated: bytes) -> bytes:
    """The plaintext of `seal` under the same key and `associated`. Raises SealBroken, or ValueError for a bad key."""
    cipher, head = _keyed(key)
    if len(sealed) < OVERHEAD or not sealed.startswith(_VERSION):
        raise SealBroken("not a sealed value")
    if sealed[:HEAD_BYTES] != head:
        raise SealBroken("sealed with another key")
    nonce, ciphertext = sealed[HEAD_BYTES : HEAD_BYTES + _NONCE_BYTES], sealed[HEAD_BYTES + _NONCE_BYTES :]
    try:
        return cipher.decrypt(nonce, ciphertext, head + associated)
    except InvalidTag:
        raise SealBroken("changed, or moved from where it belongs") from None


def key_head(key: bytes) -> bytes:
    """What every value that this key sealed begins with: version and key id."""
    return _keyed(key)[1]


def column_place(table: str, column: str, row: UUID) -> bytes:
    """The `associated` of one column of one row."""
    return f"{table}.{column}:".encode() + row.bytes


def blind_index(key: bytes, column: str, school: UUID, value: str) -> bytes:
    """32 bytes by which equal values of one column in one school are found without opening them.

    The school is part of it: the same phone number in two schools cannot be seen to be the same.
    """
    return hmac.digest(_index_key(key), f"{column}:".encode() + school.bytes + value.encode(), "sha256")


@lru_cache(maxsize=64)
def _keyed(key: bytes) -> tuple[AESGCM, bytes]:
    if len(key) != KEY_BYTES:
        raise ValueError(f"a key has {KEY_BYTES} bytes")
    return AESGCM(key), _VERSION + hashlib.sha256(b"passhub key id" + key).digest()[:KEY_ID_BYTES]


@lru_cache(maxsize=8)
def _index_key(key: bytes) -> bytes:
    if len(key) != KEY_BYTES:
        raise ValueError(f"a key has {KEY_BYTES} bytes")
    return hmac.digest(key, b"passhub blind index", "sha256")
