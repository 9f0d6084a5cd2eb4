"""A ZIP of pictures from somebody: what is in it, and never more of it in memory than one picture may have."""

from __future__ import annotations

import lzma
import struct
import zipfile
import zlib
from collections import Counter
from dataclasses import dataclass
from pathlib import PurePosixPath

from hub.rest.jobs.spool import Spool

#: What a directory of an archive may take: a hundred bytes an entry are some 80,000 of them.
MOST_DIRECTORY = 8 * 2**20
#: A picture is compressed already: what becomes so much smaller is no picture.
MOST_SHRUNK = 50
_END = struct.Struct("<4s4H2LH")
_NOISE = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
_BROKEN = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError, NotImplementedError, OSError)


class NoArchive(Exception):
    """`str(error)` says why."""


class BadEntry(Exception):
    """`str(error)` says what is wrong with one picture."""


@dataclass(frozen=True)
class Entry:
    """A picture. `number`: the student's, by its name. `fault`: why it is not even unpacked."""

    name: str
    number: str
    fault: str | None
    info: zipfile.ZipInfo


class Archive:
    """`entries` in their order in the archive. Raises NoArchive."""

    def __init__(self, spool: Spool, most_entries: int, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        _check_end(spool)
        try:
            self._zip = zipfile.ZipFile(spool.open())
        except _BROKEN as error:
            raise NoArchive(f"it is no ZIP, or damaged: {str(error)[:100]}") from None
        infos = [info for info in self._zip.infolist() if not _is_noise(info)]
        if len(infos) > most_entries:
            raise NoArchive(f"it holds more than {most_entries} files; send it in parts")
        counts = Counter(_number(info) for info in infos)
        self.entries = [self._entry(info, counts) for info in infos]

    def _entry(self, info: zipfile.ZipInfo, counts: Counter[str]) -> Entry:
        number = _number(info)
        fault = None
        if info.filename.startswith(("/", "\\")) or ".." in PurePosixPath(info.filename.replace("\\", "/")).parts:
            fault = "has a name that leads out of the archive"
        elif info.flag_bits & 1:
            fault = "is encrypted"
        elif counts[number] > 1:
            fault = "is there more than once: nobody knows which is the right one"
        elif info.file_size > self._most_bytes:
            fault = f"is larger than {self._most_bytes} bytes"
        elif info.file_size > MOST_SHRUNK * max(info.compress_size, 1024):
            fault = "is no picture: it is packed far too small for one"
        return Entry(info.filename[:200], number, fault, info)

    def unpack(self, entry: Entry, into: Spool) -> None:
        """All of a picture. Raises BadEntry."""
        try:
            with self._zip.open(entry.info) as packed:
                content = packed.read(self._most_bytes + 1)
        except _BROKEN:
            raise BadEntry("cannot be unpacked: it is damaged, or packed in a way that is not known here") from None
        if len(content) > self._most_bytes:
            raise BadEntry(f"is larger than {self._most_bytes} bytes")
        if not content:
            raise BadEntry("is empty")
        into.write(content)
        into.finish()


def _check_end(spool: Spool) -> None:
    """Before anything reads the directory: one of many millions of entries would not fit into memory."""
    file = spool.open()
    file.seek(max(0, spool.size - _END.size - 0xFFFF))
    tail = file.read()
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) - at < _END.size:
        raise NoArchive("it is no ZIP")
    if _END.unpack_from(tail, at)[5] > MOST_DIRECTORY:
        raise NoArchive("it holds too many files; send it in parts")


def _is_noise(info: zipfile.ZipInfo) -> bool:
    """What systems put into archives by themselves."""
    parts = PurePosixPath(info.filename).parts
    return info.is_dir() or "__MACOSX" in parts or (bool(parts) and parts[-1] in _NOISE)


def _number(info: zipfile.ZipInfo) -> str:
    return PurePosixPath(info.filename.replace("\\", "/")).stem
