"""What follows after a commit: bytes that nothing points to any more go, and what waits for clamd is looked at.

Both are asked for in the transaction that causes them, and tried until they succeed (hub/jobs/files.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal
from uuid import UUID

import msgspec

from hub.rest.files.naming import document_key, photo_keys
from hub.store.jobs import enqueue
from hub.store.pg import Connection

FORGET = "files_forget"
SCAN = "files_scan"
#: How many keys one job has; a student has no more.
_AT_ONCE = 500


class Waiting(msgspec.Struct):
    """A photo or a document, to be looked at. `id`: the document's, or the version of the photo."""

    school: UUID
    student: UUID
    what: Literal["photo", "document"]
    id: UUID


def keys_of(one: Waiting) -> list[str]:
    """All that its bytes are under."""
    if one.what == "document":
        return [document_key(one.school, one.student, one.id)]
    return photo_keys(one.school, one.student, one.id)


async def forget(tx: Connection, keys: Iterable[str]) -> None:
    """The bytes under these keys, after the commit."""
    every = list(keys)
    for start in range(0, len(every), _AT_ONCE):
        await enqueue(tx, FORGET, msgspec.json.encode(every[start : start + _AT_ONCE]))


async def scan_later(tx: Connection, waiting: Waiting) -> None:
    await enqueue(tx, SCAN, msgspec.json.encode(waiting))
