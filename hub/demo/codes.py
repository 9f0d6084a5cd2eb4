"""The signing key, and codes that no table holds: junk, forgeries, and genuine ones of passes that were never made."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from hub.domain.ids import new_id
from hub.domain.issue import DAY, midnight
from hub.domain.keyring import KeyRing
from hub.domain.qr import SigningKey, generate_signing_key, sign_code
from hub.domain.vault import SealBroken
from hub.errors import StartError
from hub.issuing.signing import seal_private
from hub.store.pg import Connection, Record
from hub.store.queries import load_queries

Q = load_queries("hub.demo")

JUNK = (
    "https://menu.example/week-48",
    "4006381333931",
    "WIFI:T:WPA;S:Guest;P:welcome;;",
    "SP1:NOT A PASS",
    "Größe 42 · 学生証",
)


async def signing_key(connection: Connection, ring: KeyRing) -> SigningKey:
    """The installation's key; makes one, sealed under the key ring, when there is none.

    Raises StartError when there is one that a key outside the ring has sealed.
    """
    row = await connection.fetchrow(Q.newest_signing_key)
    if row is not None:
        return _opened(row, ring)
    key = generate_signing_key()
    sealed = seal_private(ring, key)
    await connection.execute(Q.insert_signing_key, new_id(), key.kid, key.public, sealed)
    return key


def _opened(row: Record, ring: KeyRing) -> SigningKey:
    try:
        private = ring.unseal(row["private_key"], row["kid"].encode())
    except SealBroken as error:
        raise StartError(
            f"signing key {row['kid']} does not open with HUB_SECRET_KEY or HUB_DATA_KEYS: {error}"
        ) from error
    return SigningKey(row["kid"], private, row["public_key"])


def unissued(key: SigningKey, school: UUID, zone: str, today: date, count: int) -> dict[str, list[str]]:
    """`count` codes of each reason that a code can have without being in a table; new ones on each call."""
    stranger = generate_signing_key()
    forgers = (stranger, SigningKey(key.kid, stranger.private, stranger.public))  # the second claims to be us
    times = midnight(today - 30 * DAY, zone), midnight(today + 200 * DAY, zone)
    return {
        "malformed_code": [JUNK[n % len(JUNK)] + ("" if n < len(JUNK) else f" {n}") for n in range(count)],
        "bad_signature": [sign_code(forgers[n % 2], school, new_id(), *times) for n in range(count)],
        "unknown_pass": [sign_code(key, school, new_id(), *times) for _ in range(count)],
    }
