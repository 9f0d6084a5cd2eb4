"""The directory: nothing of a file shows in it, and nothing in it can be changed unnoticed."""

from __future__ import annotations

import contextlib
import os
import resource
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hub.domain.keyring import KeyRing
from hub.domain.vault import SealBroken
from hub.errors import StoreUnavailable
from hub.store.files import CHUNK
from hub.store.files.folder import Folder
from tests.integration.files.test_places import content_of, keep, names, pieces

OLD, NEW = os.urandom(32), os.urandom(32)
MARK = b"Ada Lovelace, 10 December 1815. "


def everything_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def modes_in(folder: Path) -> set[int]:
    """What others than the owner may."""
    return {path.stat().st_mode & 0o077 for path in folder.rglob("*")}


async def test_a_copy_of_the_disk_shows_nothing(tmp_path: Path) -> None:
    files = Folder(tmp_path, KeyRing([OLD]))
    await keep(files, MARK * 20_000, "a/b")
    await keep(files, MARK, "a/c")
    assert MARK[:12] not in everything_in(tmp_path)
    assert modes_in(tmp_path) == {0}


async def test_the_same_file_twice_is_not_the_same_on_disk(tmp_path: Path) -> None:
    files = Folder(tmp_path, KeyRing([OLD]))
    await keep(files, MARK, "a")
    await keep(files, MARK, "b")
    assert (tmp_path / "kept/a").read_bytes() != (tmp_path / "kept/b").read_bytes()


SIZE = 3 * CHUNK + 5
HEAD, PART = 65, CHUNK + 33
CHANGES = {
    "cut after a part": lambda b: b[: HEAD + 2 * PART],
    "cut within one": lambda b: b[: HEAD + PART + 100],
    "cut to its head": lambda b: b[:HEAD],
    "cut within its head": lambda b: b[:30],
    "emptied": lambda b: b"",
    "two parts changed round": lambda b: (
        b[:HEAD] + b[HEAD + PART : HEAD + 2 * PART] + b[HEAD : HEAD + PART] + b[HEAD + 2 * PART :]
    ),
    "a bit": lambda b: b[:-9] + bytes([b[-9] ^ 1]) + b[-8:],
    "longer": lambda b: b + b[-40:],
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
async def test_what_was_changed_does_not_open(tmp_path: Path, change: object) -> None:
    assert callable(change)
    files = Folder(tmp_path, KeyRing([OLD]))
    await keep(files, os.urandom(SIZE), "a")
    path = tmp_path / "kept/a"
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(SealBroken):
        await content_of(files, "a")


async def test_what_was_moved_does_not_open(tmp_path: Path) -> None:
    files = Folder(tmp_path, KeyRing([OLD]))
    await keep(files, b"hers", "a")
    (tmp_path / "kept/a").rename(tmp_path / "kept/b")
    with pytest.raises(SealBroken):
        await files.get("b")


async def test_keys_are_exchanged_while_both_are_in_use(tmp_path: Path) -> None:
    before = Folder(tmp_path, KeyRing([OLD]))
    await keep(before, MARK * 10_000, "a/b")
    at = [kept.at async for kept in before.keys("")]
    both = Folder(tmp_path, KeyRing([NEW, OLD]))
    await keep(both, b"new", "c")
    broken: list[str] = []
    assert await both.reseal(broken) == 1
    assert await both.reseal(broken) == 0
    assert broken == []
    after = Folder(tmp_path, KeyRing([NEW]))
    assert [await content_of(after, key) for key in ("a/b", "c")] == [MARK * 10_000, b"new"]
    assert [kept.at async for kept in after.keys("a")] == at
    with pytest.raises(SealBroken):
        await before.get("a/b")


async def test_what_no_key_opens_is_named_and_left(tmp_path: Path) -> None:
    before = Folder(tmp_path, KeyRing([OLD]))
    for key in ("a", "b", "c"):
        await keep(before, MARK, key)
    await keep(Folder(tmp_path, KeyRing([os.urandom(32)])), MARK, "b")
    (tmp_path / "kept/d").write_bytes(b"")
    left = [(tmp_path / "kept" / name).read_bytes() for name in ("b", "d")]
    broken: list[str] = []
    assert await Folder(tmp_path, KeyRing([NEW, OLD])).reseal(broken) == 2
    assert sorted(broken) == ["file b: sealed with another key", "file d: sealed with another key"]
    after = Folder(tmp_path, KeyRing([NEW]))
    assert [await content_of(after, key) for key in ("a", "c")] == [MARK, MARK]
    assert [(tmp_path / "kept" / name).read_bytes() for name in ("b", "d")] == left
    assert list((tmp_path / "new").iterdir()) == []


@contextlib.contextmanager
def room_for(size: int) -> Iterator[None]:
    """No file can have more bytes, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_full_disk_is_left_with_nothing_half_done(tmp_path: Path) -> None:
    files = Folder(tmp_path, KeyRing([OLD]))
    with room_for(CHUNK // 2), pytest.raises(StoreUnavailable, match="cannot be kept"):
        await files.put("a", pieces(os.urandom(2 * CHUNK)), "image/jpeg", 4 * CHUNK)
    with room_for(30), pytest.raises(StoreUnavailable, match="cannot be kept"):
        await files.put("a", pieces(b"x"), "image/jpeg", 10)
    assert list((tmp_path / "new").iterdir()) == []
    assert await names(files) == set()


async def test_what_a_killed_process_left_is_removed_in_time(tmp_path: Path) -> None:
    files = Folder(tmp_path, KeyRing([OLD]))
    await keep(files, b"whole", "a")
    (tmp_path / "new" / "half").write_bytes(b"half")
    assert await files.tidy(datetime.now(UTC) - timedelta(hours=1)) == 0
    assert await files.tidy(datetime.now(UTC) + timedelta(hours=1)) == 1
    assert await names(files) == {"a"}


async def test_deleting_leaves_no_folders(tmp_path: Path) -> None:
    files = Folder(tmp_path, KeyRing([OLD]))
    for key in ("a/b/c", "a/b/d"):
        await keep(files, b"x", key)
    await files.delete("a/b/c")
    assert await names(files) == {"a/b/d"}
    await files.delete("a/b/d")
    assert list((tmp_path / "kept").iterdir()) == []


async def test_a_disk_that_refuses_is_said(tmp_path: Path) -> None:
    (tmp_path / "new").write_bytes(b"no folder")
    files = Folder(tmp_path, KeyRing([OLD]))
    with pytest.raises(StoreUnavailable, match="cannot be kept"):
        await files.put("a", pieces(b"x"), "image/jpeg", 10)
