"""A file on this host's disk that nobody reads in a copy of the disk: sealed part by part, and without a name.

The file is unlinked as soon as it is open: whatever ends the process takes it along. Its key is random and in memory;
in the database it is kept sealed (files.py). Every part but the last is of the same size, so any place can be read.
"""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from hub.domain.vault import KEY_BYTES, OVERHEAD, seal, unseal

PART = 256 * 1024
_SEALED = PART + OVERHEAD


def part_place(number: int) -> bytes:
    """The `associated` of a part: one that is moved within a file does not open, nor one of another file's."""
    return b"job_file_parts.content:%d" % number


class Spool:
    """`write` and `finish`, or `add` the sealed parts of another; then read it, as often as one likes."""

    def __init__(self, directory: Path | None = None, key: bytes | None = None) -> None:
        self.key = os.urandom(KEY_BYTES) if key is None else key
        self.size = 0
        self.parts = 0
        self._file = tempfile.TemporaryFile(dir=directory)  # noqa: SIM115 (closed by `close`)
        self._waiting = bytearray()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()

    def write(self, data: bytes) -> None:
        self.size += len(data)
        self._waiting += data
        while len(self._waiting) >= PART:
            self._put(bytes(self._waiting[:PART]))
            del self._waiting[:PART]

    def finish(self) -> None:
        """The last part."""
        if self._waiting:
            self._put(bytes(self._waiting))
            self._waiting.clear()
        self._file.flush()

    def _put(self, plain: bytes) -> None:
        self.add(seal(self.key, plain, part_place(self.parts)))

    def add(self, sealed: bytes) -> None:
        """The next part, sealed under this spool's key already."""
        self._file.seek(self.parts * _SEALED)
        self._file.write(sealed)
        self.parts += 1

    def sealed(self) -> Iterator[bytes]:
        """All parts as they are."""
        for number in range(self.parts):
            self._file.seek(number * _SEALED)
            yield self._file.read(_SEALED)

    def part(self, number: int) -> bytes:
        """The plain bytes of one part; none beyond the last."""
        if number >= self.parts:
            return b""
        self._file.seek(number * _SEALED)
        return unseal(self.key, self._file.read(_SEALED), part_place(number))

    def open(self) -> io.BufferedReader:
        """The plain bytes from the start, seekable. Not two at once: they share the file's place."""
        return io.BufferedReader(_Reader(self), PART)


class _Reader(io.RawIOBase):
    def __init__(self, spool: Spool) -> None:
        super().__init__()
        self._spool = spool
        self._at = 0
        self._number = -1
        self._part = b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._spool.size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        number, start = divmod(self._at, PART)
        if number != self._number:
            self._part, self._number = self._spool.part(number), number
        taken = self._part[start : start + len(buffer)]
        buffer[: len(taken)] = taken
        self._at += len(taken)
        return len(taken)
