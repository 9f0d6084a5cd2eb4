"""One suite for every place that files can be kept in."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from hub.config import Settings, load_settings
from hub.errors import PayloadTooLarge, StoreUnavailable
from hub.store.files import CHUNK, Files, open_files

PICTURE = "image/jpeg"
MEBIBYTE = 2**20
LATER = timedelta(hours=1)


async def pieces(content: bytes, size: int = 65_536) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


async def keep(files: Files, content: bytes, key: str | None = None) -> str:
    key = key or f"tests/{uuid4()}"
    assert await files.put(key, pieces(content), PICTURE, len(content)) == len(content)
    return key


async def content_of(files: Files, key: str) -> bytes | None:
    stored = await files.get(key)
    if stored is None:
        return None
    content = await stored.read()
    assert stored.size == len(content)
    return content


async def names(files: Files, prefix: str = "") -> set[str]:
    return {kept.key async for kept in files.keys(prefix)}


SIZES = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 5 * MEBIBYTE, 8 * MEBIBYTE, 17 * MEBIBYTE + 3]


@pytest.mark.parametrize("size", SIZES)
async def test_what_was_put_is_what_is_there(files: Files, size: int) -> None:
    content = os.urandom(size)
    assert await content_of(files, await keep(files, content)) == content


async def test_a_second_one_takes_the_place_of_the_first(files: Files) -> None:
    key = await keep(files, b"first")
    await keep(files, b"second, and longer", key)
    assert await content_of(files, key) == b"second, and longer"


async def test_what_was_deleted_is_gone_and_may_be_deleted_again(files: Files) -> None:
    key = await keep(files, b"x")
    await files.delete(key)
    await files.delete(key)
    assert await files.get(key) is None
    assert key not in await names(files)
    await keep(files, b"y", key)
    assert await content_of(files, key) == b"y"


async def test_a_listing_is_of_what_is_below(files: Files) -> None:
    mine = f"tests/{uuid4()}"
    for name in ("1/a", "1/b/c", "12/d"):
        await keep(files, b"x", f"{mine}/{name}")
    assert await names(files, f"{mine}/1") == {f"{mine}/1/a", f"{mine}/1/b/c"}
    assert {f"{mine}/1/a", f"{mine}/12/d"} <= await names(files)
    assert await names(files, f"{mine}/2") == set()
    async for kept in files.keys(f"{mine}/12"):
        assert abs(kept.at - datetime.now(UTC)) < LATER


@pytest.mark.parametrize("size", [2000, 20 * MEBIBYTE])
async def test_one_that_is_too_large_leaves_nothing(files: Files, size: int) -> None:
    key = f"tests/{uuid4()}"
    with pytest.raises(PayloadTooLarge):
        await files.put(key, pieces(bytes(size)), PICTURE, size - 1)
    assert await files.get(key) is None
    assert await files.tidy(datetime.now(UTC) + LATER) == 0


@pytest.mark.parametrize("size", [1000, 9 * MEBIBYTE])
async def test_one_whose_sender_stops_leaves_nothing(files: Files, size: int) -> None:
    async def broken() -> AsyncIterator[bytes]:
        async for piece in pieces(bytes(size)):
            yield piece
        raise ValueError("the client has gone")

    key = f"tests/{uuid4()}"
    with pytest.raises(ValueError, match="gone"):
        await files.put(key, broken(), PICTURE, 2 * size)
    assert await files.get(key) is None
    assert await files.tidy(datetime.now(UTC) + LATER) == 0


async def test_one_that_is_cancelled_leaves_nothing(files: Files) -> None:
    reached = asyncio.Event()

    async def stuck() -> AsyncIterator[bytes]:
        async for piece in pieces(bytes(9 * MEBIBYTE)):
            yield piece
        reached.set()
        await asyncio.Event().wait()

    key = f"tests/{uuid4()}"
    putting = asyncio.create_task(files.put(key, stuck(), PICTURE, 20 * MEBIBYTE))
    await reached.wait()
    putting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await putting
    assert await files.get(key) is None
    assert await files.tidy(datetime.now(UTC) + LATER) == 0


@pytest.mark.parametrize("key", ["", "/a", "a/", "../a", "a/../b", "a//b", "A", "a.jpg", "a\0b", "ä", "a" * 500])
async def test_only_our_own_keys_are_keys(files: Files, key: str) -> None:
    with pytest.raises(ValueError, match="key"):
        await files.put(key, pieces(b"x"), PICTURE, 10)
    with pytest.raises(ValueError, match="key"):
        await files.get(key)
    with pytest.raises(ValueError, match="key"):
        await files.delete(key)


async def test_many_at_once(files: Files) -> None:
    contents = [os.urandom(100_000) for _ in range(20)]
    keys = await asyncio.gather(*(keep(files, content) for content in contents))
    assert await asyncio.gather(*(content_of(files, key) for key in keys)) == contents


async def test_one_that_nobody_reads_to_the_end_holds_nothing(files: Files) -> None:
    key = await keep(files, os.urandom(3 * CHUNK))
    for _ in range(40):
        stored = await files.get(key)
        assert stored is not None
        assert await anext(stored.chunks)
    assert await content_of(files, key) is not None


async def test_closing_twice_is_closing(file_settings: Settings) -> None:
    files = await open_files(file_settings)
    await files.close()
    await files.close()


async def test_without_a_place_it_says_what_to_set() -> None:
    files = await open_files(load_settings())
    with pytest.raises(StoreUnavailable, match="HUB_S3_BUCKET nor HUB_FILES_DIR"):
        await files.put("a", pieces(b"x"), PICTURE, 10)
    with pytest.raises(StoreUnavailable):
        await names(files)
