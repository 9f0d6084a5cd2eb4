"""What a place for files does, whichever it is.

A key is `schools/<id>/students/<id>/photo-<id>-96`: ids and words of ours, never a name that somebody has chosen. What
`put` returned from is all there, under server-side or our own encryption; what it raised from left nothing behind.
Anything that means "the files are away" is raised as StoreUnavailable.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

CHUNK = 256 * 1024
_KEY = re.compile(r"[a-z0-9][a-z0-9-]*(/[a-z0-9][a-z0-9-]*){0,9}")
_LONGEST_KEY = 400


@dataclass(frozen=True)
class Stored:
    """One file, to be read once. `chunks` is open until it is read to the end, or nobody holds it any more."""

    size: int
    chunks: AsyncIterator[bytes]

    async def read(self) -> bytes:
        """All of it at once: for what is small."""
        return b"".join([chunk async for chunk in self.chunks])


@dataclass(frozen=True)
class Kept:
    """What a listing says of a file."""

    key: str
    at: datetime


class Files(Protocol):
    """`open_files` makes one; whoever opened it closes it."""

    async def put(self, key: str, chunks: AsyncIterable[bytes], content_type: str, limit: int) -> int:
        """Keeps what comes under the key, in the place of what was there; how many bytes. Raises PayloadTooLarge as
        soon as it is more than `limit`."""

    async def get(self, key: str) -> Stored | None:
        """None when nothing is there."""

    async def delete(self, key: str) -> None:
        """Nothing is there afterwards, whether anything was before or not."""

    def keys(self, prefix: str = "") -> AsyncIterator[Kept]:
        """All that is kept below a prefix (whole names: `schools/1` is not `schools/12`), in no order."""

    async def tidy(self, before: datetime) -> int:
        """Removes what a killed process left half done before that moment; how many there were."""

    async def close(self) -> None:
        """Idempotent."""


def check_key(key: str) -> str:
    """The key itself. Raises ValueError for one that is not ours: it would be a mistake of the program."""
    if len(key) > _LONGEST_KEY or not _KEY.fullmatch(key):
        raise ValueError("not a key of a file")
    return key
