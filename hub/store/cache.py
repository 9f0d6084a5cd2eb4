"""A cache of two levels for what is read often and is not in the index: memory of this worker, over Redis.

    value = await cache.get(key, load)     # bytes; `load` is asked once, however many wait for the same key
    cache.forget([key])                    # its rows have changed: the feed says so (hub/index/feed.py)

Nothing that was loaded before a key was forgotten is kept afterwards, in either level: the one who loads has a flight,
and forgetting takes it away. While the feed is cut nothing is kept and nothing kept is used. A `load` reads as of now,
and raises what it likes: that is not kept either.

Concurrency: one loop. Memory: at most `entries` values and `size` bytes, the longest unused go first.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import NamedTuple

from hub.store.shared_cache import SharedCache
from hub.telemetry import Family, Sample

#: What an entry costs beside its bytes and its key's.
OVERHEAD = 300
Load = Callable[[], Awaitable[bytes]]


class _Kept(NamedTuple):
    value: bytes
    until: float


class Cache:
    """One a worker and kind of value. `ttl`: seconds; `fresh()`: whether changes are heard of at this moment."""

    def __init__(
        self,
        name: str,
        *,
        ttl: float,
        entries: int,
        size: int,
        fresh: Callable[[], bool],
        shared: SharedCache | None = None,
    ) -> None:
        self.name = name
        self._ttl = ttl
        self._entries = entries
        self._size = size
        self._fresh = fresh
        self._shared = shared
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._bytes = 0
        self._flights: dict[str, asyncio.Future[bytes | None]] = {}
        #: By what became of them: `memory` and `redis` are hits.
        self.asked = {"memory": 0, "redis": 0, "loaded": 0, "waited": 0, "bypassed": 0}

    async def get(self, key: str, load: Load) -> bytes:
        """The value. Raises what `load` raises."""
        while True:
            if not self._fresh():
                self.asked["bypassed"] += 1
                return await load()
            if (value := self._in_memory(key)) is not None:
                self.asked["memory"] += 1
                return value
            flight = self._flights.get(key)
            if flight is None:
                return await self._lead(key, load)
            if (value := await asyncio.shield(flight)) is not None:
                self.asked["waited"] += 1
                return value
            # Whoever loaded it failed or went away: somebody else has a try.

    async def warm(self, keys: Iterable[str], load: Callable[[list[str]], Awaitable[Mapping[str, bytes]]]) -> int:
        """Load many at once, of those that are not known; how many are kept."""
        wanted = [key for key in keys if key not in self._kept and key not in self._flights]
        if not self._fresh():
            return 0
        flights = {key: self._fly(key) for key in wanted}
        loaded: Mapping[str, bytes] = {}
        try:
            loaded = await load(wanted)
            for key, value in loaded.items():
                if self._flights.get(key) is flights[key]:
                    self._keep(key, value)
        finally:
            for key, flight in flights.items():
                self._land(key, flight, loaded.get(key))
        return sum(key in self._kept for key in wanted)

    def forget(self, keys: Iterable[str]) -> None:
        """Their rows have changed. What is being loaded is given to who waits for it, and kept by nobody."""
        keys = list(keys)
        for key in keys:
            self._drop(key)
            self._flights.pop(key, None)
        if self._shared is not None:
            self._shared.forget(keys)

    def forget_all(self) -> None:
        """Anything may have changed."""
        self._kept.clear()
        self._flights.clear()
        self._bytes = 0
        if self._shared is not None:
            self._shared.forget_all()

    async def run(self) -> None:
        """Until cancelled: the part that tells Redis."""
        if self._shared is None:
            await asyncio.Event().wait()
        else:
            await self._shared.run()

    async def close(self) -> None:
        if self._shared is not None:
            await self._shared.close()

    def families(self) -> list[Family]:
        name = {"cache": self.name}
        asked = [Sample(name | {"from": way}, count) for way, count in self.asked.items()]
        found = [
            Family(
                "hub_cache_requests_total",
                "Values asked for; hits are those from memory, redis, waited",
                "counter",
                asked,
            ),
            Family("hub_cache_entries", "Values kept in memory", "gauge", [Sample(name, len(self._kept))]),
            Family("hub_cache_bytes", "What they take", "gauge", [Sample(name, self._bytes)]),
        ]
        if self._shared is not None:
            failures = [Sample(name, self._shared.failures)]
            found.append(
                Family("hub_cache_redis_failures_total", "Times that Redis did not answer", "counter", failures)
            )
        return found

    def _in_memory(self, key: str) -> bytes | None:
        kept = self._kept.get(key)
        if kept is None:
            return None
        if kept.until <= time.monotonic():
            self._drop(key)
            return None
        self._kept.move_to_end(key)
        return kept.value

    async def _lead(self, key: str, load: Load) -> bytes:
        flight, value = self._fly(key), None
        try:
            value = await self._fetch(key, load, flight)
        finally:
            self._land(key, flight, value)
        return value

    async def _fetch(self, key: str, load: Load, flight: asyncio.Future[bytes | None]) -> bytes:
        found = None if self._shared is None else await self._shared.read(key)
        if found is not None and found.value is not None:
            self.asked["redis"] += 1
            if self._flights.get(key) is flight:
                self._keep(key, found.value)
            return found.value
        value = await load()
        self.asked["loaded"] += 1
        if self._flights.get(key) is flight:
            self._keep(key, value)
            if self._shared is not None and found is not None:
                await self._shared.write(key, value, found.ticket)
        return value

    def _fly(self, key: str) -> asyncio.Future[bytes | None]:
        flight: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()
        self._flights[key] = flight
        return flight

    def _land(self, key: str, flight: asyncio.Future[bytes | None], value: bytes | None) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]
        if not flight.done():
            flight.set_result(value)

    def _keep(self, key: str, value: bytes) -> None:
        self._drop(key)
        cost = _cost(key, value)
        if cost > self._size:
            return
        self._kept[key] = _Kept(value, time.monotonic() + self._ttl)
        self._bytes += cost
        while len(self._kept) > self._entries or self._bytes > self._size:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: str) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            self._bytes -= _cost(key, kept.value)


def _cost(key: str, value: bytes) -> int:
    return OVERHEAD + len(key) + len(value)
