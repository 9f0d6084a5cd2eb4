"""Rows of photos and documents, and the bytes that belong to them: both are there, or neither.

Bytes come first and go last. What fails in between leaves bytes that no row points to: they are taken away here if that
can be done, and by the sweep if not (hub/jobs/files.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from uuid import UUID

from hub.errors import NotFound, StoreUnavailable
from hub.rest.files.following import Waiting, forget, scan_later
from hub.rest.files.intake import Scan
from hub.rest.files.naming import SIZES, photo_key, photo_keys
from hub.rest.files.photos import MEDIA, WAITING, Q
from hub.store.files import Files
from hub.store.pg import Connection, Record

#: How long a failed request waits for its bytes to be gone.
GONE_SECONDS = 5.0


@asynccontextmanager
async def undone_on_failure(files: Files, keys: list[str]) -> AsyncIterator[None]:
    """Whatever ends the block early, nothing is under what `keys` holds by then, as far as the place can be reached.
    Whoever commits in the block empties it before that: when the commit's answer is lost, the row may be there; where
    it is not, the sweep takes the bytes."""
    try:
        yield
    except BaseException:
        with suppress(StoreUnavailable, TimeoutError):
            async with asyncio.timeout(GONE_SECONDS):
                for key in keys:
                    await files.delete(key)
        raise


async def whole(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def put_photo(files: Files, school: UUID, student: UUID, version: UUID, pictures: list[bytes]) -> None:
    """The bytes of a photo in all sizes, in the order of SIZES."""
    for size, picture in zip(SIZES, pictures, strict=True):
        await files.put(photo_key(school, student, version, size), whole(picture), MEDIA, len(picture))


def photo_url(student: UUID) -> str:
    """The address that stays the same, whichever photo there is."""
    return f"/api/v1/students/{student}/photo"


def logo_url(school: UUID) -> str:
    """The same of a school's logo that is kept here."""
    return f"/api/v1/schools/{school}/logo"


async def lock_student(tx: Connection, student: UUID) -> Record:
    """Raises NotFound, also for one who was deleted."""
    row = await tx.fetchrow(Q.lock_student_of_files, student)
    if row is None:
        raise NotFound("no such student")
    return row


async def set_photo(
    tx: Connection, school: UUID, student: UUID, version: UUID, scan: Scan, user: UUID | None
) -> UUID | None:
    """The row of a photo whose bytes are there, in the place of another; that one's version. The student is locked."""
    old = await drop_photo(tx, student)
    await tx.execute(Q.add_photo, student, school, version, scan, user)
    if scan == WAITING:
        await tx.execute(Q.show_photo, student, None)
        await scan_later(tx, Waiting(school, student, "photo", version))
    else:
        await tx.execute(Q.show_photo, student, photo_url(student))
    return old


async def drop_photo(tx: Connection, student: UUID) -> UUID | None:
    """The photo's row, and after the commit its bytes; its version, or None when there is none."""
    row = await tx.fetchrow(Q.remove_photo, student)
    if row is None:
        return None
    version: UUID = row["version"]
    await forget(tx, photo_keys(row["school_id"], student, version))
    return version


async def drop_all(tx: Connection, student: UUID) -> None:
    """Everything that is kept as files about a student, for good: rows now, bytes after the commit."""
    await drop_photo(tx, student)
    await forget(tx, [row["file_path"] for row in await tx.fetch(Q.remove_documents, student) if row["file_path"]])
