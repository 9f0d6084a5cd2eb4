"""Passes for students who came by the file: signed in a thread, inserted a batch at a time."""

from __future__ import annotations

import asyncio
import secrets
from datetime import date, datetime, timedelta
from functools import cached_property
from uuid import UUID
from zoneinfo import ZoneInfo

from hub.domain.ids import new_id
from hub.domain.keyring import KeyRing
from hub.domain.qr import SigningKey, generate_signing_key, sign_code
from hub.domain.vault import SealBroken
from hub.errors import StoreUnavailable
from hub.resources.imports.model import Passes
from hub.store.pg import Connection, Pg
from hub.store.queries import load_queries

Q = load_queries(__package__)
# Crockford's base 32: nothing that is read for something else.
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH = 10


class Issuer:
    """Passes of one school, good on the days that were asked for."""

    def __init__(self, key: SigningKey, school: UUID, user: UUID | None, zone: str, asked: Passes) -> None:
        self._key = key
        self._school = school
        self._user = user
        self._zone = zone
        self._asked = asked

    @classmethod
    async def open(cls, pg: Pg, ring: KeyRing, school: UUID, user: UUID | None, zone: str, asked: Passes) -> Issuer:
        """With the key that signs for the school now. Raises StoreUnavailable when it does not open."""
        async with pg.tenant(school) as tx:
            row = await tx.fetchrow(Q.signing_key, school)
        if row is None:
            await _make_first(pg, ring)
            async with pg.tenant(school) as tx:
                row = await tx.fetchrow(Q.signing_key, school)
        assert row is not None
        try:
            private = ring.unseal(row["private_key"], row["kid"].encode())
        except SealBroken as error:
            raise StoreUnavailable(f"no pass can be signed, the signing key does not open: {error}") from error
        return cls(SigningKey(row["kid"], private, row["public_key"]), school, user, zone, asked)

    async def issue(self, tx: Connection, students: list[UUID]) -> list[UUID]:
        """A pass for each who holds none; their ids."""
        holding = {row["student_id"] for row in await tx.fetch(Q.holders, students, self._asked.issue)}
        wanting = [student for student in students if student not in holding]
        if not wanting:
            return []
        ids = [new_id() for _ in wanting]
        codes = await asyncio.to_thread(self._codes, ids)
        await tx.execute(
            Q.insert_passes,
            *(self._school, self._user, self._key.kid, self._asked.kind, self._asked.issue, self._asked.expiry),
            *(ids, wanting, [_number() for _ in ids], codes),
        )
        return ids

    def _codes(self, ids: list[UUID]) -> list[str]:
        first, last = self._bounds
        return [sign_code(self._key, self._school, id_, first, last) for id_ in ids]

    @cached_property
    def _bounds(self) -> tuple[int, int]:
        """The first second of the first day and the last of the last, there."""
        after = self._asked.expiry + timedelta(days=1)
        return _midnight(self._asked.issue, self._zone), _midnight(after, self._zone) - 1


def _midnight(day: date, zone: str) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).timestamp())


def _number() -> str:
    bits = int.from_bytes(secrets.token_bytes(7), "big")
    return "".join(_LETTERS[bits >> 5 * place & 31] for place in range(_LENGTH))


async def _make_first(pg: Pg, ring: KeyRing) -> None:
    key = generate_signing_key()
    async with pg.admin() as tx:
        await tx.execute(Q.first_signing_key, new_id(), key.kid, key.public, ring.seal(key.private, key.kid.encode()))
