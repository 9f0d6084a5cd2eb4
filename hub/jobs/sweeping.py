"""Every hour: bytes that no row points to are deleted, and rows whose bytes are gone; both after a grace time.

What was being written when a process died leaves the first; a bucket that was restored from a backup, or in which
somebody has tidied up, the second.
"""

from __future__ import annotations

import time
from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog

from hub.accounts.audit import AuditEntry
from hub.accounts.trail import AuditTrail
from hub.config import Settings
from hub.domain.ids import new_id
from hub.errors import StoreUnavailable
from hub.rest.files.following import Waiting, forget, keys_of
from hub.rest.files.naming import ALL_SCHOOLS
from hub.rest.files.photos import Q
from hub.store.files import Files
from hub.store.pg import Connection, Pg

log = structlog.get_logger(__name__)
#: More rows than these without their bytes, and more than half of all, are no accident but the wrong place.
FEW = 10
WHY = "its file is not there any more"


@dataclass(frozen=True)
class Row:
    """A photo or a document, when it was made, and the keys that its bytes have to have."""

    of: Waiting
    at: datetime
    keys: list[str]


class Sweep:
    """`pg`: hub_system for looking, hub_api under the school for deleting."""

    def __init__(self, settings: Settings, pg: Pg, files: Files, trail: AuditTrail) -> None:
        self._somewhere = settings.s3_bucket is not None or settings.files_dir is not None
        self._grace = timedelta(hours=settings.files_grace_hours)
        self._pg = pg
        self._files = files
        self._trail = trail

    async def run(self) -> None:
        if not self._somewhere:
            return
        try:
            await self._sweep(datetime.now(UTC) - self._grace)
        except StoreUnavailable as error:
            log.warning("files are swept another time", fault=str(error))

    async def _sweep(self, before: datetime) -> None:
        half_done = await self._files.tidy(before)
        # Bytes first: a row that is made meanwhile is young, one that goes meanwhile is looked for in vain.
        kept = {one.key: one.at async for one in self._files.keys(ALL_SCHOOLS)}
        rows = await self._rows()
        wanted = {key for row in rows for key in row.keys}
        orphans = [key for key, at in kept.items() if key not in wanted and at < before]
        for key in orphans:
            await self._files.delete(key)
        gone = await self._gone(rows, kept, before)
        if half_done or orphans or gone:
            log.info("files swept", half_done=half_done, without_row=len(orphans), without_bytes=gone)

    async def _rows(self) -> list[Row]:
        async with self._pg.system() as tx:
            photos, documents = await tx.fetch(Q.every_photo), await tx.fetch(Q.every_document)
        found = []
        for row in photos:
            one = Waiting(row["school_id"], row["student_id"], "photo", row["version"])
            found.append(Row(one, row["created_at"], keys_of(one)))
        for row in documents:
            one = Waiting(row["school_id"], row["student_id"], "document", row["id"])
            found.append(Row(one, row["created_at"], keys_of(one)))
        return found

    async def _gone(self, rows: Sequence[Row], kept: Container[str], before: datetime) -> int:
        missing = [row.of for row in rows if row.at < before and any(key not in kept for key in row.keys)]
        if len(missing) > FEW and 2 * len(missing) > len(rows):
            log.error(
                "most photos and documents are not in the store: is it the right one? nothing is deleted",
                missing=len(missing),
                rows=len(rows),
            )
            return 0
        for one in missing:
            async with self._pg.tenant(one.school) as tx:
                await self._remove(tx, one)
        return len(missing)

    async def _remove(self, tx: Connection, one: Waiting) -> None:
        if one.what == "document":
            gone = await tx.fetchrow(Q.remove_document, one.id, one.student)
        else:
            gone = await tx.fetchrow(Q.remove_this_photo, one.student, one.id)
            if gone is not None:
                await tx.execute(Q.show_photo, one.student, None)
        if gone is None:
            return
        await forget(tx, keys_of(one))  # of a photo one size may be left
        entry = AuditEntry(
            id=new_id(),
            at=time.time_ns() // 1000,
            school_id=one.school,
            user_id=None,
            action="delete",
            resource_type=one.what,
            resource_id=one.id,
            new={"why": WHY},
            subject_id=one.student,
        )
        await self._trail.write(tx, entry)
