"""What is done for files in the background: bytes that nothing points to go, what waits for clamd is looked at."""

from __future__ import annotations

import time
from typing import Any
from uuid import UUID

import msgspec
import structlog

from hub.accounts.audit import AuditEntry
from hub.accounts.trail import AuditTrail
from hub.config import Settings
from hub.domain.ids import new_id
from hub.jobs.sweeping import Sweep
from hub.rest.files.following import Waiting, forget, keys_of
from hub.rest.files.holding import photo_url
from hub.rest.files.photos import Q
from hub.store.clamd import Clamd, ClamdAway
from hub.store.files import Files
from hub.store.pg import Connection, Pg

log = structlog.get_logger(__name__)


class FileWork:
    """`pg` has hub_api, to act for a school, and hub_system, to look at all."""

    def __init__(self, settings: Settings, pg: Pg, files: Files, trail: AuditTrail) -> None:
        self._clamd = None if settings.clamd_url is None else Clamd(settings.clamd_url, settings.clamd_timeout)
        self._pg = pg
        self._files = files
        self._trail = trail
        self.sweep = Sweep(settings, pg, files, trail)

    async def forget(self, payload: bytes) -> None:
        """Raises StoreUnavailable: then all of it is done again."""
        for key in msgspec.json.decode(payload, type=list[str]):
            await self._files.delete(key)

    async def scan(self, payload: bytes) -> None:
        """Raises StoreUnavailable, ClamdAway."""
        waiting = msgspec.json.decode(payload, type=Waiting)
        if self._clamd is None:
            raise ClamdAway("a file waits for a virus scanner, and none is set: HUB_CLAMD_URL")
        # Of a photo the large one: the small one is made of the same pixels.
        stored = await self._files.get(keys_of(waiting)[-1])
        if stored is None:  # deleted meanwhile, or it is for the sweep to see
            return
        virus = await self._clamd.scan(stored.chunks)
        if virus is not None:
            await self._remove(waiting, virus)
            return
        async with self._pg.tenant(waiting.school) as tx:
            await _pass(tx, waiting)

    async def _remove(self, waiting: Waiting, virus: str) -> None:
        async with self._pg.tenant(waiting.school) as tx:
            if waiting.what == "photo":
                gone = await tx.fetchrow(Q.remove_this_photo, waiting.student, waiting.id)
            else:
                gone = await tx.fetchrow(Q.remove_document, waiting.id, waiting.student)
            if gone is None:
                return
            await forget(tx, keys_of(waiting))
            await self._trail.write(tx, _entry(waiting, {"virus": virus}))
        log.warning("a virus was found in a file that waited; it is deleted", virus=virus, what=waiting.what)


async def _pass(tx: Connection, waiting: Waiting) -> None:
    if waiting.what == "document":
        await tx.execute(Q.pass_document, waiting.id)
    elif await tx.fetchval(Q.pass_photo, waiting.student, waiting.id):
        await tx.execute(Q.show_photo, waiting.student, photo_url(waiting.student))


def _entry(waiting: Waiting, new: dict[str, Any], user: UUID | None = None) -> AuditEntry:
    return AuditEntry(
        id=new_id(),
        at=time.time_ns() // 1000,
        school_id=waiting.school,
        user_id=user,
        action="delete",
        resource_type=waiting.what,
        resource_id=waiting.id,
        new=new,
        subject_id=waiting.student,
    )
