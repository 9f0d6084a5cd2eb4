"""Every hour: bytes that no row points to are deleted, and rows whose bytes are gone; both after a grace time.

What was being written when a process died leaves the first; a bucket that was restored from a backup, or in which
somebody has tidied up, the second. Before anything is deleted it is asked whether store and database belong together.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog

from hub.accounts.audit import AuditEntry
from hub.accounts.trail import AuditTrail
from hub.config import Settings
from hub.domain.ids import new_id
from hub.errors import StoreUnavailable
from hub.rest.files.following import Waiting, forget, keys_of
from hub.rest.files.naming import ALL_SCHOOLS, school_of
from hub.rest.files.photos import Q
from hub.store.files import Files
from hub.store.pg import Connection, Pg

log = structlog.get_logger(__name__)
#: More than these that have no counterpart, and more than half of all, are no accident but the wrong place.
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
        # Bytes first: a row that is made meanwhile is young, one that goes meanwhile is looked for in vain.
        kept = {one.key: one.at async for one in self._files.keys(ALL_SCHOOLS) if school_of(one.key) is not None}
        schools, rows = await self._known()
        wanted = {key for row in rows for key in row.keys}
        orphans = [key for key, at in kept.items() if key not in wanted and at < before]
        missing = [row.of for row in rows if row.at < before and any(key not in kept for key in row.keys)]
        if not _believed(kept, schools, rows, orphans, missing):
            return
        half_done = await self._files.tidy(before)
        for key in orphans:
            await self._files.delete(key)
        for one in missing:
            async with self._pg.tenant(one.school) as tx:
                await self._remove(tx, one)
        if half_done or orphans or missing:
            log.info("files swept", half_done=half_done, without_row=len(orphans), without_bytes=len(missing))

    async def _known(self) -> tuple[set[UUID], list[Row]]:
        """The ids of all schools, and everything that has to have bytes."""
        async with self._pg.system() as tx:
            schools = {row["id"] for row in await tx.fetch(Q.every_school)}
            photos, documents = await tx.fetch(Q.every_photo), await tx.fetch(Q.every_document)
        found = []
        for row in photos:
            one = Waiting(row["school_id"], row["student_id"], "photo", row["version"])
            found.append(Row(one, row["created_at"], keys_of(one)))
        for row in documents:
            one = Waiting(row["school_id"], row["student_id"], "document", row["id"])
            found.append(Row(one, row["created_at"], keys_of(one)))
        return schools, found

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


def _believed(
    kept: Mapping[str, datetime],
    schools: Collection[UUID],
    rows: Sequence[Row],
    orphans: Sequence[str],
    missing: Sequence[Waiting],
) -> bool:
    """Whether this store is this database's; what speaks against it is in the log.

    Erasures delete bytes by a job of their own, so that what is left over here is little.
    """
    strange = sum(school_of(key) not in schools for key in kept)
    if not strange and not _most(orphans, kept) and not _most(missing, rows):
        return True
    log.error(
        "store and database do not belong together, nothing is deleted: correct HUB_S3_BUCKET, HUB_FILES_DIR or "
        "HUB_DATABASE_URL; where they are right, delete by hand what is of no school or has no row",
        of_unknown_schools=strange,
        without_row=len(orphans),
        files=len(kept),
        without_bytes=len(missing),
        rows=len(rows),
    )
    return False


def _most(some: Sequence[object], every: Collection[object]) -> bool:
    return len(some) > FEW and 2 * len(some) > len(every)
