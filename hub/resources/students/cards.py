"""What a guard's screen asks for when a scan is clicked: face, name, programme, number, passes, and the last entries.

The card is kept (hub/store/cache.py) until a change of the student or of a pass is heard of. The last entries change
with every scan: they are kept for ENTRIES_SECONDS and say of when they are. Whoever asks is looked at each time, and so
is the school of what is kept.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime
from functools import partial
from typing import Annotated, Any
from uuid import UUID

import msgspec
import structlog
from aiohttp import web
from msgspec import Meta

from hub.config import Settings
from hub.domain.ids import NIL
from hub.errors import NotFound, StoreUnavailable
from hub.rest.call import Call
from hub.store.cache import Cache
from hub.store.pg import Connection, Pg, PostgresError
from hub.store.queries import load_queries
from hub.store.shared_cache import SharedCache
from hub.telemetry import Family

log = structlog.get_logger(__name__)
Q = load_queries("hub.resources.students")
Moment = Annotated[datetime, Meta(tz=True)]

ENTRIES_SECONDS = 5.0
#: Cards of one round of warming.
AT_ONCE = 500


class CardPass(msgspec.Struct, kw_only=True):
    """One pass; without its code."""

    id: UUID
    passNumber: str
    passType: str
    status: str
    issueDate: date
    expiryDate: date
    revokeReason: str | None = None


class CardEntry(msgspec.Struct, kw_only=True):
    accessTime: Moment
    accessType: str | None
    status: str
    reason: str | None
    accessPoint: str | None


class StudentCard(msgspec.Struct, kw_only=True):
    """A student as a guard sees one. `passes`: those in force first, then the newest. `entries`: the last five, as of
    `entriesAsOf`, a few seconds ago at most."""

    id: UUID
    schoolId: UUID
    studentId: str
    name: str
    program: str | None
    yearOfStudy: int | None = None
    status: str
    photoUrl: str | None
    passes: list[CardPass]
    entries: list[CardEntry] = []
    entriesAsOf: Moment | None = None


class _Entries(msgspec.Struct):
    at: datetime
    entries: list[CardEntry]


_card_of = msgspec.msgpack.Decoder(StudentCard).decode
_entries_of = msgspec.msgpack.Decoder(_Entries).decode
_pack = msgspec.msgpack.Encoder().encode


class Cards:
    """One a worker. The feed tells it what has changed: as a follower of the kind `student`, and by `forget`."""

    kinds = ("student",)

    def __init__(self, settings: Settings, pg: Pg, fresh: Callable[[], bool]) -> None:
        self._pg = pg
        self._most = settings.cache_warm
        ttl, entries, size = settings.cache_ttl, settings.cache_entries, settings.cache_bytes
        shared = SharedCache.of(settings, "student_cards", ttl)
        self.cards = Cache("student_cards", ttl=ttl, entries=entries, size=size, fresh=fresh, shared=shared)
        self.entries = Cache("last_entries", ttl=ENTRIES_SECONDS, entries=entries, size=size, fresh=fresh)

    async def card(self, student: UUID, school: UUID | None, tx: Callable[[], Awaitable[Connection]]) -> StudentCard:
        """`tx` gives the caller's transaction, which is begun only for what is not kept. Raises NotFound."""
        card = _card_of(await self.cards.get(student.hex, partial(_load, student, tx)))
        if school is not None and card.schoolId != school:
            raise NotFound("no such student")
        last = _entries_of(await self.entries.get(student.hex, partial(_load_entries, student, tx)))
        card.entries, card.entriesAsOf = last.entries, last.at
        return card

    async def load(self, _: Connection) -> None:
        """The feed begins anew: anything may have changed."""
        self.cards.forget_all()
        self.entries.forget_all()

    async def reread(self, _: Connection, __: str, ids: Iterable[bytes]) -> None:
        self.forget(set(ids))

    def forget(self, students: set[bytes]) -> None:
        """16-byte ids."""
        self.cards.forget([id_.hex() for id_ in students if id_ != NIL])

    async def run(self, ready: Awaitable[Any]) -> None:
        """Until cancelled: once `ready`, cards of those who were seen last; and what Redis is told."""
        await ready
        with suppress(StoreUnavailable, PostgresError, TimeoutError, OSError):
            await self._warm()
        await self.cards.run()

    async def _warm(self) -> None:
        async with self._pg.system() as tx:
            keys = [row["student_id"].hex for row in await tx.fetch(Q.seen_last, self._most)]
        kept = 0
        for start in range(0, len(keys), AT_ONCE):
            kept += await self.cards.warm(keys[start : start + AT_ONCE], self._load_many)
        log.debug("cards of those who were seen last are at hand", cards=kept)

    async def _load_many(self, keys: list[str]) -> Mapping[str, bytes]:
        async with self._pg.system() as tx:
            return await _read(tx, [UUID(hex=key) for key in keys])

    async def close(self) -> None:
        await self.cards.close()

    def families(self) -> list[Family]:
        """Both caches' numbers, a family each."""
        found: dict[str, Family] = {}
        for family in [*self.cards.families(), *self.entries.families()]:
            known = found.setdefault(family.name, family)
            if known is not family:
                known.samples.extend(family.samples)
        return list(found.values())


CARDS = web.AppKey("cards", Cards)


async def get_card(call: Call[None, None]) -> StudentCard:
    return await call.part(CARDS).card(call.id, call.school, call.tx)


async def _load(student: UUID, tx: Callable[[], Awaitable[Connection]]) -> bytes:
    found = await _read(await tx(), [student])
    if not found:
        raise NotFound("no such student")
    return found[student.hex]


async def _load_entries(student: UUID, tx: Callable[[], Awaitable[Connection]]) -> bytes:
    at = datetime.now(UTC)
    rows = await (await tx()).fetch(Q.card_entries, student)
    entries = [
        CardEntry(
            accessTime=row["access_time"],
            accessType=row["access_type"],
            status=row["status"],
            reason=row["reason"],
            accessPoint=row["access_point"],
        )
        for row in rows
    ]
    return _pack(_Entries(at, entries))


async def _read(tx: Connection, students: list[UUID]) -> dict[str, bytes]:
    rows = await tx.fetch(Q.card_students, students)
    passes: dict[UUID, list[CardPass]] = {}
    for row in await tx.fetch(Q.card_passes, students):
        passes.setdefault(row["student_id"], []).append(
            CardPass(
                id=row["id"],
                passNumber=row["pass_number"],
                passType=row["pass_type"],
                status=row["status"],
                issueDate=row["issue_date"],
                expiryDate=row["expiry_date"],
                revokeReason=row["revoke_reason"],
            )
        )
    return {
        row["id"].hex: _pack(
            StudentCard(
                id=row["id"],
                schoolId=row["school_id"],
                studentId=row["student_id"],
                name=" ".join(part for part in (row["first_name"], row["middle_name"], row["last_name"]) if part),
                program=row["program"],
                yearOfStudy=row["year_of_study"],
                status=row["status"],
                photoUrl=f"/api/v1/students/{row['id']}/photo" if row["has_photo"] else None,
                passes=passes.get(row["id"], []),
            )
        )
        for row in rows
    }
