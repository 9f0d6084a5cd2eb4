"""What the chain is made of. Pure.

    values  SHA-256 of salt, old and new values and what is sealed of them; stays when they are erased
    row     SHA-256 of everything else in the row, with the values' digest
    root    SHA-256 of the rows' digests of a batch, in order
    head    SHA-256 of the head before, the batch's number, count, last transaction and root; signed with Ed25519

Each begins with a word of its own, so that none can be passed off as another. JSON is taken as PostgreSQL prints it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any, Protocol

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from hub.domain.clock import micros

START = bytes(32)  # what the first head follows
SIGNER_BYTES = 8
_encode = msgspec.msgpack.Encoder().encode
_IDS = ("id", "school_id", "user_id", "resource_id", "subject_id")
_TEXTS = ("action", "resource_type", "ip_address", "user_agent", "request_id")


class Row(Protocol):
    """A row of audit_logs as the statements of this room read it."""

    def __getitem__(self, column: str, /) -> Any: ...


def values_digest(row: Row) -> bytes:
    """The digest of a row's values: theirs, or what it was before they were erased."""
    erased: bytes | None = row["payload_digest"]
    if erased is not None:
        return erased
    values = [row["salt"], row["old_values"], row["new_values"], row["personal"]]
    return hashlib.sha256(b"passhub audit values\n" + _encode(values)).digest()


def row_digest(row: Row) -> bytes:
    """The digest of everything in the row."""
    ids = [None if row[name] is None else row[name].bytes for name in _IDS]
    fields = [*ids, micros(row["created_at"]), *(row[name] for name in _TEXTS), row["xid"], values_digest(row)]
    return hashlib.sha256(b"passhub audit row\n" + _encode(fields)).digest()


def root_of(digests: Iterable[bytes]) -> bytes:
    return hashlib.sha256(b"passhub audit root\n" + b"".join(digests)).digest()


def head_of(previous: bytes, batch: int, count: int, top: str, root: bytes) -> bytes:
    """`top`: the last transaction whose rows are sealed, in digits."""
    return hashlib.sha256(b"passhub audit head\n" + _encode([previous, batch, count, top, root])).digest()


def prune_of(batch: int, number: int, positions: list[int]) -> bytes:
    """A note that the rows at these places of a batch were let go; `number` counts the batch's notes."""
    return hashlib.sha256(b"passhub audit prune\n" + _encode([batch, number, positions])).digest()


def floor_of(batch: int, head: bytes) -> bytes:
    """A note that nothing is left up to this batch."""
    return hashlib.sha256(b"passhub audit floor\n" + _encode([batch, head])).digest()


class Signer:
    """Ed25519 from a 32-byte seed. `id` names its public half."""

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.id = signer_id(self.public)

    def sign(self, head: bytes) -> bytes:
        return self._key.sign(_signed(head))


def signer_id(public: bytes) -> bytes:
    return hashlib.sha256(public).digest()[:SIGNER_BYTES]


class Signatures:
    """Public keys that heads may be signed with."""

    def __init__(self, public: Iterable[bytes]) -> None:
        self._keys = {signer_id(key): Ed25519PublicKey.from_public_bytes(key) for key in public}

    def hold(self, signer: bytes, head: bytes, signature: bytes) -> bool:
        """Whether a known key has signed this head."""
        key = self._keys.get(signer)
        if key is None:
            return False
        try:
            key.verify(signature, _signed(head))
        except InvalidSignature:
            return False
        return True


def _signed(head: bytes) -> bytes:
    return b"passhub audit signature\n" + head
