"""The key that signs a school's codes: sealed in the table, opened for the moment in which it signs."""

from __future__ import annotations

from datetime import UTC, date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import structlog

from hub.domain.ids import new_id
from hub.domain.issue import pass_code
from hub.domain.keyring import KeyRing
from hub.domain.qr import SigningKey, generate_signing_key
from hub.domain.vault import SealBroken
from hub.errors import NotFound, StoreUnavailable
from hub.store.pg import Connection
from hub.store.queries import load_queries

log = structlog.get_logger(__name__)
Q = load_queries(__package__)


class Signer(msgspec.Struct, frozen=True):
    """Signs codes of one school's passes. `zone`: where its days begin and end."""

    key: SigningKey
    school: UUID
    zone: str

    @property
    def today(self) -> date:
        """The day that it is there."""
        return datetime.now(ZoneInfo(self.zone)).date()

    def code(self, pass_id: UUID, first: date, last: date) -> str:
        """The code of a pass, good on the days from first to last."""
        return pass_code(self.key, self.school, pass_id, first, last, self.zone)


async def signer(tx: Connection, ring: KeyRing, school: UUID) -> Signer:
    """Whoever signs for this school now; the installation's first key is made here when there is none.

    Raises NotFound when there is no such school, StoreUnavailable when its key does not open with the key ring.
    """
    zone = await tx.fetchval(Q.school_zone, school)
    if zone is None:
        raise NotFound("no such school")
    row = await tx.fetchrow(Q.signing_key, school)
    if row is None:
        await _make_first(tx, ring)
        row = await tx.fetchrow(Q.signing_key, school)
    assert row is not None
    try:
        private = ring.unseal(row["private_key"], row["kid"].encode())
    except SealBroken as error:
        log.error("a signing key does not open with HUB_SECRET_KEY or HUB_DATA_KEYS", kid=row["kid"], fault=str(error))
        raise StoreUnavailable("no pass can be signed: the signing key does not open with this hub's keys") from error
    return Signer(SigningKey(row["kid"], private, row["public_key"]), school, known_zone(zone))


async def _make_first(tx: Connection, ring: KeyRing) -> None:
    key = generate_signing_key()
    await tx.fetchval(Q.first_signing_key, new_id(), key.kid, key.public, seal_private(ring, key))


def seal_private(ring: KeyRing, key: SigningKey) -> bytes:
    """The private half as signing_keys.private_key holds it."""
    return ring.seal(key.private, key.kid.encode())


def known_zone(name: str) -> str:
    """The zone, or UTC where its name says nothing, as at the doors (hub/index/directory.py)."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return str(UTC)
    return name
