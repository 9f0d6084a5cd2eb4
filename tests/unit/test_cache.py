"""The cache in memory: one load however many ask, bounds, and nothing that was loaded before it was forgotten."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping

import pytest

from hub.store.cache import OVERHEAD, Cache


class Source:
    """What is loaded, and when."""

    def __init__(self) -> None:
        self.value = b"one"
        self.loads = 0
        self.gate = asyncio.Event()
        self.begun = asyncio.Event()
        self.gate.set()

    async def load(self) -> bytes:
        self.loads += 1
        value = self.value  # as of now; what comes later is another's
        self.begun.set()
        await self.gate.wait()
        return value


def cache_of(
    *, ttl: float = 60.0, entries: int = 10, size: int = 100_000, fresh: Callable[[], bool] = lambda: True
) -> Cache:
    return Cache("things", ttl=ttl, entries=entries, size=size, fresh=fresh)


async def test_a_value_is_loaded_once_and_again_when_it_was_forgotten() -> None:
    cache, source = cache_of(), Source()
    assert [await cache.get("k", source.load) for _ in range(3)] == [b"one"] * 3
    assert source.loads == 1
    source.value = b"two"
    cache.forget(["k", "never there"])
    assert await cache.get("k", source.load) == b"two"
    cache.forget_all()
    assert (await cache.get("k", source.load), source.loads) == (b"two", 3)


async def test_all_who_ask_at_once_wait_for_one_load() -> None:
    cache, source = cache_of(), Source()
    source.gate.clear()
    asked = [asyncio.create_task(cache.get("k", source.load)) for _ in range(20)]
    await source.begun.wait()
    source.gate.set()
    assert await asyncio.gather(*asked) == [b"one"] * 20
    assert (source.loads, cache.asked["waited"]) == (1, 19)


async def test_a_slow_load_from_before_a_change_is_kept_by_nobody_and_given_to_nobody_who_asks_later() -> None:
    cache, source = cache_of(), Source()
    source.gate.clear()
    slow = asyncio.create_task(cache.get("k", source.load))
    await source.begun.wait()
    source.value = b"two"
    cache.forget(["k"])
    source.begun.clear()
    later = asyncio.create_task(cache.get("k", source.load))
    await source.begun.wait()
    source.gate.set()
    assert (await slow, await later) == (b"one", b"two")
    assert (await cache.get("k", source.load), source.loads) == (b"two", 2)


async def test_a_load_that_fails_is_not_kept_and_somebody_else_has_a_try() -> None:
    cache, source = cache_of(), Source()
    source.gate.clear()

    async def broken() -> bytes:
        await source.load()
        raise LookupError("gone")

    first = asyncio.create_task(cache.get("k", broken))
    await source.begun.wait()
    second = asyncio.create_task(cache.get("k", source.load))
    source.gate.set()
    with pytest.raises(LookupError):
        await first
    assert (await second, source.loads) == (b"one", 2)


async def test_whoever_loads_and_goes_away_leaves_it_to_the_next() -> None:
    cache, source = cache_of(), Source()
    source.gate.clear()
    first = asyncio.create_task(cache.get("k", source.load))
    await source.begun.wait()
    second = asyncio.create_task(cache.get("k", source.load))
    await asyncio.sleep(0)
    first.cancel()
    source.gate.set()
    assert await second == b"one"
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_the_longest_unused_go_when_there_are_too_many() -> None:
    cache, source = cache_of(entries=3), Source()
    for key in "abcad":
        await cache.get(key, source.load)
    source.loads = 0
    for key in "acd":
        await cache.get(key, source.load)
    assert source.loads == 0
    await cache.get("b", source.load)
    assert source.loads == 1


async def test_bytes_are_bounded_and_what_is_too_large_is_not_kept() -> None:
    cache, source = cache_of(size=3 * (OVERHEAD + 101)), Source()
    source.value = bytes(100)
    for key in "abcd":
        await cache.get(key, source.load)
    sizes = {family.name: family.samples[0].value for family in cache.families()}
    assert (sizes["hub_cache_entries"], sizes["hub_cache_bytes"]) == (3, 3 * (OVERHEAD + 101))
    source.value = bytes(10_000)
    await cache.get("large", source.load)
    sizes = {family.name: family.samples[0].value for family in cache.families()}
    assert sizes["hub_cache_entries"] == 3
    cache.forget("abcd")
    sizes = {family.name: family.samples[0].value for family in cache.families()}
    assert (sizes["hub_cache_entries"], sizes["hub_cache_bytes"]) == (0, 0)


async def test_a_value_lives_for_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    cache, source = cache_of(ttl=5), Source()
    await cache.get("k", source.load)
    now += 4.9
    await cache.get("k", source.load)
    assert source.loads == 1
    now += 0.2
    await cache.get("k", source.load)
    assert source.loads == 2


async def test_while_changes_are_not_heard_of_nothing_is_kept_or_used() -> None:
    fresh = True
    cache, source = cache_of(fresh=lambda: fresh), Source()
    await cache.get("k", source.load)
    fresh = False
    source.value = b"two"
    assert [await cache.get("k", source.load) for _ in range(2)] == [b"two"] * 2
    assert (source.loads, cache.asked["bypassed"]) == (3, 2)


async def test_many_are_loaded_at_once_but_for_what_was_forgotten_meanwhile() -> None:
    cache, source = cache_of(), Source()
    await cache.get("a", source.load)

    async def load(keys: list[str]) -> Mapping[str, bytes]:
        assert keys == ["b", "c", "d"]
        cache.forget(["c"])
        return {"b": b"B", "c": b"C"}

    assert await cache.warm("abcd", load) == 1
    assert [await cache.get(key, source.load) for key in "bcd"] == [b"B", b"one", b"one"]
