"""Passes for students who came by the file: signed in a thread, inserted a batch at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from uuid import UUID

from hub.domain.ids import new_id
from hub.domain.issue import new_number
from hub.domain.keyring import KeyRing
from hub.issuing.signing import Signer, signer
from hub.resources.imports.model import Passes
from hub.store.pg import Connection, Pg
from hub.store.queries import load_queries

Q = load_queries(__package__)


class Issuer:
    """Passes of one school, good on the days that were asked for."""

    def __init__(self, signing: Signer, user: UUID | None, asked: Passes) -> None:
        self._signing = signing
        self._user = user
        self._asked = asked

    @classmethod
    async def open(cls, pg: Pg, ring: KeyRing, school: UUID, user: UUID | None, asked: Passes) -> Issuer:
        """With the key that signs for the school now. Raises StoreUnavailable when it does not open."""
        async with pg.tenant(school) as tx:
            return cls(await signer(tx, ring, school), user, asked)

    async def issue(self, tx: Connection, students: list[UUID], made: Collection[UUID]) -> list[UUID]:
        """A pass for each who holds none; their ids. `made`: who came to be in this transaction, and can hold none."""
        were = [student for student in students if student not in made]
        holding = {row["student_id"] for row in await tx.fetch(Q.holders, were, self._asked.issue)} if were else set()
        wanting = [student for student in students if student not in holding]
        if not wanting:
            return []
        ids = [new_id() for _ in wanting]
        codes = await asyncio.to_thread(self._codes, ids)
        signing, asked = self._signing, self._asked
        await tx.execute(
            Q.insert_passes,
            *(signing.school, self._user, signing.key.kid, asked.kind, asked.issue, asked.expiry),
            *(ids, wanting, [new_number() for _ in ids], codes),
        )
        return ids

    def _codes(self, ids: list[UUID]) -> list[str]:
        return [self._signing.code(id_, self._asked.issue, self._asked.expiry) for id_ in ids]
