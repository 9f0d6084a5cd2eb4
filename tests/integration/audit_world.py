"""A school, a student, a journal and its drain, and an audit trail that writes into both."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from hub.accounts.audit import AuditEntry
from hub.accounts.ledger.digests import Signatures, Signer
from hub.accounts.ledger.sealing import seal_settled
from hub.accounts.ledger.verify import Verdict, verify
from hub.accounts.trail import AuditTrail
from hub.config import Settings
from hub.domain.audit_row import AuditRow
from hub.domain.clock import micros
from hub.domain.ids import new_id
from hub.domain.keyring import KeyRing
from hub.recorder.admission import Batch
from hub.recorder.drain import Drain
from hub.recorder.journal import Journal
from hub.recorder.wire import Note
from hub.store.pg import Pg, Role
from tests.integration.rows import add_school, add_student

RING = KeyRing([b"n" * 32, b"o" * 32])
SIGNER = Signer(b"a" * 32)
MARK = "Quillfeather"


class AuditWorld:
    """`sql` is the owner's connection: whoever can write to the database, whatever the program thinks of it."""

    def __init__(self, settings: Settings, sql: asyncpg.Connection, pg: Pg, school: UUID, student: UUID) -> None:
        self.settings = settings
        self.sql = sql
        self.pg = pg
        self.school = school
        self.student = student
        self.heads = settings.journal_dir / "heads.jsonl"
        self.trail = AuditTrail(RING, pg, self.keep)
        self.journal = Journal(settings.journal_dir)
        self.journal.open()
        self.drain = Drain(settings, self.journal)
        self.drain.open = True

    async def keep(self, *rows: AuditRow) -> None:
        """One commit of the journal, as the recorder makes it."""
        batch = Batch(self.journal)
        note = Note(1, list(rows))
        batch.note(note, msgspec.msgpack.encode(note))
        self.journal.append(micros(datetime.now(UTC)), 0, {}, b"".join(batch.parts), prune=[])

    async def empty(self) -> None:
        """Drain all there is."""
        async with asyncio.timeout(120):
            while self.journal.behind:
                await self.drain.drain_batch()

    def entry(self, **more: Any) -> AuditEntry:
        values: dict[str, Any] = {
            "id": new_id(),
            "at": micros(datetime.now(UTC)),
            "school_id": self.school,
            "user_id": new_id(),
            "action": "update",
            "resource_type": "student",
            "address": "192.0.2.7",
            "user_agent": "Browser/1.0",
            "request_id": "req-1",
        }
        return AuditEntry(**(values | more))

    def of_student(self, **more: Any) -> AuditEntry:
        """A change of the student's, with personal values."""
        old, new = {"lastName": MARK, "status": "active"}, {"lastName": f"{MARK}-Smith", "status": "suspended"}
        return self.entry(**({"subject_id": self.student, "resource_id": self.student, "old": old, "new": new} | more))

    async def write(self, *entries: AuditEntry) -> None:
        """Each in a request of its own."""
        for entry in entries:
            async with self.pg.tenant(self.school) as tx:
                await self.trail.write(tx, entry)

    async def rows(self) -> list[Any]:
        return list(await self.sql.fetch("SELECT * FROM audit_logs ORDER BY xid, created_at, id"))

    async def seal(self) -> int:
        return await seal_settled(self.pg, SIGNER, self.heads)

    async def verify(self, *, heads: bool = True) -> Verdict:
        return await verify(self.pg, Signatures([SIGNER.public]), self.heads if heads else None)

    async def faults(self, *, heads: bool = True) -> list[str]:
        return [str(fault) for fault in (await self.verify(heads=heads)).faults]

    async def as_owner(self, *statements: str) -> None:
        """Somebody who can do anything to the tables, and stops at no trigger, constraint or policy."""
        async with self.sql.transaction():
            await self.sql.execute("SET LOCAL session_replication_role = replica")
            for statement in statements:
                await self.sql.execute(statement)


@asynccontextmanager
async def audit_world(settings: Callable[..., Settings], database: str) -> AsyncIterator[AuditWorld]:
    own = settings()
    sql = await asyncpg.connect(database)
    school = await add_school(sql, "ONE")
    student = await add_student(sql, school)
    pg = await Pg.open(own, [Role.hub_api, Role.hub_admin, Role.hub_system])
    world = AuditWorld(own, sql, pg, school, student)
    try:
        yield world
    finally:
        await world.drain._disconnect()
        world.journal.close()
        await pg.close()
        await sql.close()
