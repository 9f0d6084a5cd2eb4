"""Two workers' caches over one Valkey that is there, killed, frozen, or slow: what is answered is right each time."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from hub.demo.embedded import start_valkey
from hub.domain.keyring import KeyRing
from hub.store import shared_cache
from hub.store.cache import Cache
from hub.store.redis import Redis, open_redis
from hub.store.shared_cache import SharedCache
from tests.beside import beside
from tests.services import service_dir

RING = KeyRing([b"c" * 32])
SECRET = b"Zoe Quillfeather"
pytestmark = pytest.mark.service


class Rows:
    """The truth, and how often it was asked for."""

    def __init__(self) -> None:
        self.value = SECRET
        self.loads = 0

    async def load(self) -> bytes:
        self.loads += 1
        return self.value


class Two:
    """Caches of two workers. `change` is what both hear of; `told` waits until both have told Valkey."""

    def __init__(self, url: str, name: str) -> None:
        self.shared = [SharedCache(url, name, RING, 60.0) for _ in range(2)]
        self.first, self.second = (
            Cache("things", ttl=60.0, entries=10, size=10_000, fresh=lambda: True, shared=one) for one in self.shared
        )
        self.rows = Rows()

    async def get(self, cache: Cache) -> bytes:
        return await cache.get("k", self.rows.load)

    async def change(self, value: bytes) -> None:
        self.rows.value = value
        for cache in (self.first, self.second):
            cache.forget(["k"])
        await self.told()

    async def told(self) -> None:
        async with asyncio.timeout(120):
            while any(one._forgotten for one in self.shared):  # noqa: ASYNC110 - no event tells of it
                await asyncio.sleep(0)

    def out_of_memory(self) -> None:
        """What this worker's memory has goes, and Valkey's stays."""
        self.first._kept.clear()


@asynccontextmanager
async def two(url: str, name: str) -> AsyncIterator[Two]:
    found = Two(url, name)
    try:
        async with beside(found.first.run(), found.second.run()):
            # Each begins an epoch of its own: what was there before it came counts for nobody.
            for cache in (found.first, found.second):
                await cache.get("first", found.rows.load)
            found.rows.loads = 0
            yield found
    finally:
        for cache in (found.first, found.second):
            await cache.close()


@pytest.fixture
async def workers(valkey: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Two]:
    monkeypatch.setattr(shared_cache, "TIMEOUT", 60.0)  # of a Valkey that is held up
    async with two(valkey, tmp_path.name) as found:
        yield found


@pytest.fixture
def directory() -> Iterator[Path]:
    with service_dir() as place:
        yield place


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Valkey is asked again at once after a failure."""
    monkeypatch.setattr(shared_cache, "DISTRUST_SECONDS", 0.0)


async def test_what_one_worker_has_loaded_another_finds_sealed(workers: Two, valkey: str) -> None:
    assert [await workers.get(workers.first), await workers.get(workers.second)] == [SECRET] * 2
    assert (workers.rows.loads, workers.second.asked["redis"]) == (1, 1)
    redis = open_redis(valkey)
    kept = await everything(redis)
    await redis.aclose()
    assert kept
    assert b"Quillfeather" not in b"".join(kept)


async def everything(redis: Redis) -> list[bytes]:
    """Every value that Valkey has."""
    found: list[bytes] = []
    async for key in redis.scan_iter("hub:cache:*"):
        if await redis.type(key) == b"hash":
            found += [bytes(value) for value in (await redis.hgetall(key)).values() if isinstance(value, bytes)]
    return found


async def test_what_is_forgotten_is_loaded_again_by_both(workers: Two) -> None:
    await workers.get(workers.first)
    await workers.change(b"two")
    assert [await workers.get(workers.first), await workers.get(workers.second)] == [b"two"] * 2
    assert workers.rows.loads == 2


async def test_a_slow_loader_writes_nothing_that_another_worker_has_forgotten(workers: Two) -> None:
    gate, begun = asyncio.Event(), asyncio.Event()

    async def slow() -> bytes:
        value = workers.rows.value
        begun.set()
        await gate.wait()
        return value

    loading = asyncio.create_task(workers.first.get("k", slow))
    await begun.wait()
    workers.rows.value = b"two"
    workers.second.forget(["k"])  # the first one's feed is late
    await workers.told()
    gate.set()
    assert await loading == SECRET
    assert await workers.get(workers.second) == b"two"
    workers.first.forget(["k"])
    await workers.told()
    assert await workers.get(workers.first) == b"two"


async def test_a_worker_that_comes_later_uses_nothing_of_before(workers: Two, valkey: str, tmp_path: Path) -> None:
    await workers.get(workers.first)
    workers.rows.value = b"two"  # while nobody listened
    async with two(valkey, tmp_path.name) as later:
        later.rows.value = b"two"
        assert await later.get(later.first) == b"two"


async def test_values_that_no_key_opens_are_loaded_again(workers: Two) -> None:
    await workers.get(workers.first)
    for shared in workers.shared:
        shared._ring = KeyRing([b"d" * 32])
    workers.rows.value = b"two"
    assert await workers.get(workers.second) == b"two"


@pytest.mark.usefixtures("impatient")
async def test_valkey_killed_and_back_nothing_stale_is_answered(directory: Path) -> None:
    valkey = start_valkey(directory)
    try:
        async with two(valkey.url, "killed") as workers:
            await workers.get(workers.first)
            os.kill(valkey.pid, signal.SIGKILL)
            await workers.change(b"two")
            assert [await workers.get(workers.first), await workers.get(workers.second)] == [b"two"] * 2
            valkey.stop()
            valkey = start_valkey(directory)  # with all that it had
            workers.out_of_memory()
            assert await workers.get(workers.first) == b"two"
            await workers.change(b"three")
            assert [await workers.get(workers.first), await workers.get(workers.second)] == [b"three"] * 2
            assert workers.shared[0].failures > 0
    finally:
        valkey.stop()


@pytest.mark.usefixtures("impatient")
async def test_valkey_frozen_is_not_waited_for_long_and_what_it_does_late_does_no_harm(directory: Path) -> None:
    valkey = start_valkey(directory)
    try:
        async with two(valkey.url, "frozen") as workers:
            await workers.get(workers.first)
            os.kill(valkey.pid, signal.SIGSTOP)
            try:
                await workers.change(b"two")
                workers.out_of_memory()
                assert [await workers.get(workers.first), await workers.get(workers.second)] == [b"two"] * 2
                workers.rows.value = b"three"
                for cache in (workers.first, workers.second):
                    cache.forget(["k"])
                await workers.told()
            finally:
                os.kill(valkey.pid, signal.SIGCONT)
            await until_answers(valkey.url)
            for _ in range(3):
                workers.out_of_memory()
                assert [await workers.get(workers.first), await workers.get(workers.second)] == [b"three"] * 2
    finally:
        valkey.stop()


async def until_answers(url: str) -> None:
    """A Valkey that was frozen has answered."""
    redis = open_redis(url, timeout=20.0)
    with suppress(ConnectionError):
        await redis.ping()
    await redis.aclose()


async def test_after_a_failure_nobody_waits_for_valkey_for_a_while(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_cache, "DISTRUST_SECONDS", 3600.0)
    valkey = start_valkey(directory)
    async with two(valkey.url, "gone") as workers:
        valkey.stop()
        for number in range(50):
            assert await workers.first.get(f"k{number}", workers.rows.load) == SECRET
        assert workers.shared[0].failures == 1
