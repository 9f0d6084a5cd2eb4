"""Files in a directory, each sealed: a copy of the disk shows sizes and ids, and nothing else.

    DIR/kept/<key>   the file's own 32-byte key, sealed under the key ring for this very key; then its parts, sealed
    DIR/new/<id>     one that is being written; renamed when it is whole and on disk

A part that is moved, left out or cut off does not open: its number, and whether it is the last one, are authenticated.
Several hosts may share the directory. Everything that touches the disk happens in a thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import weakref
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import BinaryIO, ParamSpec, TypeVar
from uuid import uuid4

from hub.domain.keyring import KeyRing
from hub.domain.vault import HEAD_BYTES, KEY_BYTES, OVERHEAD, SealBroken, seal, unseal
from hub.errors import PayloadTooLarge, StoreUnavailable
from hub.store.files.contract import CHUNK, Kept, Stored, check_key

_HEAD = KEY_BYTES + OVERHEAD
_SEALED = CHUNK + OVERHEAD
_TRIES = 5
P = ParamSpec("P")
R = TypeVar("R")


class Folder:
    """`directory` is made when it is first written to."""

    def __init__(self, directory: Path, ring: KeyRing) -> None:
        self._kept = directory / "kept"
        self._new = directory / "new"
        self._ring = ring

    async def put(self, key: str, chunks: AsyncIterable[bytes], content_type: str, limit: int) -> int:
        draft = self._new / uuid4().hex
        with _plainly():
            writer = await _to_its_end(_Writer, draft, self._ring, check_key(key))
            try:
                async for chunk in chunks:
                    if writer.size + len(chunk) > limit:
                        raise PayloadTooLarge(f"the file is larger than {limit} bytes")
                    await _to_its_end(writer.write, chunk)
                await _to_its_end(writer.finish)
                await _to_its_end(_settle, draft, self._kept / key)
            finally:
                writer.close()
                draft.unlink(missing_ok=True)
        return writer.size

    async def get(self, key: str) -> Stored | None:
        path = self._kept / check_key(key)
        with _plainly():
            try:
                reader = await asyncio.to_thread(_Reader, path, self._ring, key)
            except FileNotFoundError:
                return None
            first = await asyncio.to_thread(reader.part)
        return Stored(reader.size, _parts(reader, first))

    async def delete(self, key: str) -> None:
        with _plainly():
            await asyncio.to_thread(_remove, self._kept / check_key(key), self._kept)

    async def keys(self, prefix: str = "") -> AsyncIterator[Kept]:
        with _plainly():
            found = await asyncio.to_thread(lambda: list(_walk(self._kept, prefix)))
        for kept in found:
            yield kept

    async def tidy(self, before: datetime) -> int:
        with _plainly():
            return await asyncio.to_thread(self._tidy, before.timestamp())

    def _tidy(self, before: float) -> int:
        removed = 0
        for path in self._new.glob("*"):
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime < before:
                    path.unlink()
                    removed += 1
        return removed

    async def close(self) -> None:
        pass

    async def reseal(self, broken: list[str]) -> int:
        """Every file whose key another key than the ring's first has sealed; how many were written anew.

        One that no key of the ring opens is left as it is, and added to `broken`.
        """
        done = 0
        async for kept in self.keys():
            try:
                with _plainly():
                    done += await asyncio.to_thread(self._reseal, kept.key)
            except SealBroken as error:
                broken.append(f"file {kept.key}: {error}")
        return done

    def _reseal(self, key: str) -> bool:
        path, draft = self._kept / key, self._new / uuid4().hex
        with contextlib.suppress(FileNotFoundError), path.open("rb") as old:
            head = old.read(_HEAD)
            if head[:HEAD_BYTES] == self._ring.head:
                return False
            own = self._ring.unseal(head, _place(key))
            _make(self._new)
            try:
                with _create(draft) as new:
                    new.write(self._ring.seal(own, _place(key)))
                    while part := old.read(_SEALED):
                        new.write(part)
                    _sync(new)
                times = os.fstat(old.fileno())
                os.utime(draft, ns=(times.st_atime_ns, times.st_mtime_ns))
                if not path.exists():  # deleted meanwhile
                    return False
                _settle(draft, path)
            finally:
                draft.unlink(missing_ok=True)
            return True
        return False


class _Writer:
    """One part is held back until it is known whether it is the last."""

    def __init__(self, draft: Path, ring: KeyRing, key: str) -> None:
        self.size = 0
        self._number = 0
        self._waiting = bytearray()
        self._own = os.urandom(KEY_BYTES)
        _make(draft.parent)
        self._file = _create(draft)
        self._file.write(ring.seal(self._own, _place(key)))

    def write(self, chunk: bytes) -> None:
        self.size += len(chunk)
        self._waiting += chunk
        while len(self._waiting) > CHUNK:
            self._put(bytes(self._waiting[:CHUNK]), last=False)
            del self._waiting[:CHUNK]

    def finish(self) -> None:
        self._put(bytes(self._waiting), last=True)
        _sync(self._file)

    def _put(self, plain: bytes, *, last: bool) -> None:
        self._file.write(seal(self._own, plain, _part_place(self._number, last=last)))
        self._number += 1

    def close(self) -> None:
        """What is kept is on disk since `finish`. A full disk refuses a second time here, what it refused before."""
        with contextlib.suppress(OSError):
            self._file.close()


class _Reader:
    """Raises FileNotFoundError; SealBroken for a file that was changed, and for one that the ring does not open."""

    def __init__(self, path: Path, ring: KeyRing, key: str) -> None:
        file = path.open("rb")
        self._file = file
        weakref.finalize(self, file.close)
        sealed = os.fstat(file.fileno()).st_size - _HEAD
        self._parts = -(-sealed // _SEALED)
        self._number = 0
        if self._parts < 1:
            raise SealBroken("cut off")
        self._own = ring.unseal(file.read(_HEAD), _place(key))
        self.size = sealed - self._parts * OVERHEAD

    def part(self) -> bytes | None:
        """The next one; None behind the last."""
        if self._number >= self._parts:
            self._file.close()
            return None
        last = self._number == self._parts - 1
        plain = unseal(self._own, self._file.read(_SEALED), _part_place(self._number, last=last))
        self._number += 1
        return plain


async def _to_its_end(work: Callable[P, R], *args: P.args, **named: P.kwargs) -> R:
    """In a thread, which nobody leaves behind: who is cancelled meanwhile waits for it."""
    working = asyncio.get_running_loop().run_in_executor(None, partial(work, *args, **named))
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        await asyncio.wait([working])
        raise


async def _parts(reader: _Reader, first: bytes | None) -> AsyncIterator[bytes]:
    part = first
    while part is not None:
        yield part
        part = await asyncio.to_thread(reader.part)


def _place(key: str) -> bytes:
    return b"files:" + key.encode()


def _part_place(number: int, *, last: bool) -> bytes:
    return b"files.part:%d:%d" % (number, last)


def _create(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb")


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _make(folder: Path) -> None:
    """With those above it, each on disk before what is in it."""
    if folder.is_dir():
        return
    _make(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _settle(draft: Path, path: Path) -> None:
    """Under its name, on disk. Somebody who deletes the last file of a folder takes the folder along: then again."""
    for left in reversed(range(_TRIES)):
        try:
            _make(path.parent)
            draft.rename(path)
            _sync_folder(path.parent)
        except FileNotFoundError:
            if not left:
                raise
        else:
            return


def _remove(path: Path, top: Path) -> None:
    path.unlink(missing_ok=True)
    for folder in path.parents:
        if folder == top:
            return
        try:
            folder.rmdir()
        except FileNotFoundError:
            continue
        except OSError:  # not empty
            _sync_folder(folder)
            return


def _walk(top: Path, prefix: str) -> Iterator[Kept]:
    for folder, _, names in os.walk(top / prefix):
        for name in names:
            path = Path(folder, name)
            with contextlib.suppress(FileNotFoundError):
                yield Kept(path.relative_to(top).as_posix(), datetime.fromtimestamp(path.stat().st_mtime, UTC))


@contextlib.contextmanager
def _plainly() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreUnavailable(f"files cannot be kept or read at this moment: {error.strerror or error}") from error
