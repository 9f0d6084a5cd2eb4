"""Reading photos. They are JPEG, squares of 96 or 400 pixels, and without a word about where they were taken."""

from __future__ import annotations

from uuid import UUID

from hub.errors import Conflict, NotFound
from hub.rest.files.naming import Size, photo_key
from hub.store.files import Files
from hub.store.pg import Connection, Record
from hub.store.queries import load_queries

Q = load_queries("hub.rest.files")
MEDIA = "image/jpeg"
WAITING = "waiting"


async def read_photo(tx: Connection, files: Files, student: UUID, size: Size) -> bytes | None:
    """The picture, some kilobytes; None for a student without one that may be shown, or whom `tx` does not see.

    In a handler `files` is `call.part(FILES)`, in a job `run.files`. Raises StoreUnavailable.
    """
    row = await tx.fetchrow(Q.get_photo, student)
    if row is None or row["scan"] == WAITING:
        return None
    return await _bytes(files, row, size)


async def shown_photo(tx: Connection, student: UUID) -> Record:
    """The row of a photo that may be shown. Raises NotFound; Conflict while nobody has looked for viruses in it."""
    row = await tx.fetchrow(Q.get_photo, student)
    if row is None:
        raise NotFound("there is no photo of this student")
    if row["scan"] == WAITING:
        raise Conflict("the photo waits until it has been scanned for viruses; try again later")
    return row


async def photo_bytes(files: Files, row: Record, size: Size) -> bytes:
    """Of a row that `shown_photo` gave. Raises NotFound, StoreUnavailable."""
    found = await _bytes(files, row, size)
    if found is None:
        raise NotFound("there is no photo of this student")
    return found


async def _bytes(files: Files, row: Record, size: Size) -> bytes | None:
    stored = await files.get(photo_key(row["school_id"], row["student_id"], row["version"], size))
    return None if stored is None else await stored.read()
