"""The job: a picture after the other, each in a transaction of its own; after a kill it goes on behind the last."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import msgspec

from hub.config import key_ring
from hub.domain.ids import new_id
from hub.errors import NotFound, Unprocessable, UnsupportedMedia
from hub.resources.photos.archive import Archive, BadEntry, Entry, NoArchive
from hub.resources.photos.model import Asked, PhotosImported
from hub.rest.files.holding import lock_student, put_photo, set_photo, undone_on_failure
from hub.rest.files.intake import Infected, Intake, Scan, spooled
from hub.rest.files.kinds import PHOTOS
from hub.rest.files.naming import photo_keys
from hub.rest.jobs.carrying import UPLOAD
from hub.rest.jobs.files import fetch_file
from hub.rest.jobs.kinds import JobFailed
from hub.rest.jobs.model import JobError
from hub.rest.jobs.run import Run
from hub.rest.jobs.spool import Spool
from hub.store.queries import load_queries

Q = load_queries(__package__)
FIELD = "photo"
#: Faults that the job shows.
MOST_ERRORS = 1000


class _State(msgspec.Struct):
    """`at`: entries that are done with."""

    counts: PhotosImported
    errors: list[JobError]
    at: int = 0


async def import_photos(run: Run[Asked]) -> dict[str, Any]:
    """The counts. Raises JobFailed when the file is no ZIP; StoreUnavailable, to be tried again."""
    state = _State(PhotosImported(), []) if run.state is None else msgspec.convert(run.state, _State)
    spool = await fetch_file(run, key_ring(run.settings), UPLOAD)
    if spool is None:
        raise JobFailed([JobError(message="the file is not there any more; send it again")])
    intake = Intake(run.settings)
    try:
        with spool:
            most = run.settings.import_max_rows, run.settings.file_max_bytes
            archive = await asyncio.to_thread(Archive, spool, *most)
            await _Import(run, archive, intake, state).carry_out()
    except NoArchive as error:
        raise JobFailed([JobError(message=str(error), field="file")]) from None
    finally:
        await intake.close()
    run.errors = state.errors
    found: dict[str, Any] = msgspec.to_builtins(state.counts)
    return found


class _Import:
    def __init__(self, run: Run[Asked], archive: Archive, intake: Intake, state: _State) -> None:
        self._run = run
        self._archive = archive
        self._intake = intake
        self._state = state

    async def carry_out(self) -> None:
        entries, counts = self._archive.entries, self._state.counts
        self._run.total = len(entries)
        for entry in entries[self._state.at :]:
            self._state.at += 1
            counts.pictures += 1
            try:
                await self._take(entry)
            except (BadEntry, Unprocessable, UnsupportedMedia, NotFound) as error:
                self._refuse(entry, error)
            await self._run.progress(self._state.at, len(entries))
        async with self._run.tx():
            self._note()

    async def _take(self, entry: Entry) -> None:
        if entry.fault is not None:
            raise BadEntry(entry.fault)
        async with self._run.look() as tx:
            student = await tx.fetchval(Q.student_by_number, entry.number)
        if student is None:
            raise BadEntry("is named like no student's number")
        with Spool() as spool:
            await asyncio.to_thread(self._archive.unpack, entry, spool)
            scan = await self._scan(student, spool)
            kind = await self._intake.kind(spool, FIELD, PHOTOS)
            pictures = await self._intake.photo(spool, FIELD, kind)
        await self._keep(student, pictures, scan)

    async def _scan(self, student: UUID, spool: Spool) -> Scan:
        """One with a virus is refused, and that stays in the audit."""
        try:
            return await self._intake.scan(spooled(spool), FIELD)
        except Infected as error:
            async with self._run.tx() as tx:
                await self._run.audit(tx, "refuse", FIELD, new={"virus": error.virus}, subject=student)
            raise

    async def _keep(self, student: UUID, pictures: list[bytes], scan: Scan) -> None:
        run, version = self._run, new_id()
        undone = photo_keys(run.school, student, version)
        async with undone_on_failure(run.files, undone):
            await put_photo(run.files, run.school, student, version, pictures)
            self._state.counts.kept += 1
            try:
                async with run.tx() as tx:
                    await lock_student(tx, student)
                    old = await set_photo(tx, run.school, student, version, scan, run.user)
                    before, after = {"photo": None if old is None else str(old)}, {"photo": str(version)}
                    await run.audit(tx, "update", "student", student, old=before, new=after, subject=student)
                    self._note()
                    undone.clear()
            except BaseException:
                self._state.counts.kept -= 1
                raise

    def _refuse(self, entry: Entry, error: Exception) -> None:
        self._state.counts.refused += 1
        message = error.details[0]["message"] if isinstance(error, Unprocessable) and error.details else str(error)
        if len(self._state.errors) < MOST_ERRORS:
            self._state.errors.append(JobError(message=message, field=entry.name))

    def _note(self) -> None:
        self._run.done = self._state.at
        self._run.state = msgspec.to_builtins(self._state)
