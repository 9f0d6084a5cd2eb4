"""Counts that are forgotten after a while: in Redis for all hosts, or in this process."""

from __future__ import annotations

import time
from typing import Protocol

from hub.store.redis import AWAY, Redis, RedisError

#: What a count in Redis raises when it cannot be had.
FAULTS: tuple[type[Exception], ...] = (*AWAY, RedisError)
PREFIX = "hub:signin:"


class Counts(Protocol):
    """By name; times in whole seconds."""

    async def read(self, names: list[str]) -> list[int]:
        """How many; 0 for what is forgotten."""

    async def left(self, name: str) -> int:
        """Seconds until it is forgotten; 0 when it is."""

    async def add(self, name: str, seconds: int, extend: bool) -> int:
        """One more; returns how many. `extend`: forgotten so long after the last one, not after the first."""

    async def set(self, name: str, seconds: int) -> None:
        """One, for so long."""

    async def drop(self, names: list[str]) -> None: ...


class SharedCounts:
    """In Redis. Raises one of FAULTS while it is away."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def read(self, names: list[str]) -> list[int]:
        return [int(value or 0) for value in await self._redis.mget([PREFIX + name for name in names])]

    async def left(self, name: str) -> int:
        return max(0, int(await self._redis.ttl(PREFIX + name)))

    async def add(self, name: str, seconds: int, extend: bool) -> int:
        async with self._redis.pipeline(transaction=True) as pipe:
            await pipe.incr(PREFIX + name)
            await pipe.expire(PREFIX + name, seconds, nx=not extend)
            return int((await pipe.execute())[0])

    async def set(self, name: str, seconds: int) -> None:
        await self._redis.set(PREFIX + name, 1, ex=seconds)

    async def drop(self, names: list[str]) -> None:
        await self._redis.delete(*(PREFIX + name for name in names))


class LocalCounts:
    """In memory; at most so many names, the oldest forgotten first."""

    LIMIT = 50_000

    def __init__(self) -> None:
        self._held: dict[str, tuple[int, float]] = {}

    async def read(self, names: list[str]) -> list[int]:
        return [self._count(name) for name in names]

    async def left(self, name: str) -> int:
        _, until = self._held.get(name, (0, 0.0))
        return max(0, int(until - time.monotonic() + 0.999))

    async def add(self, name: str, seconds: int, extend: bool) -> int:
        count = self._count(name)
        until = self._held[name][1] if count and not extend else time.monotonic() + seconds
        self._put(name, count + 1, until)
        return count + 1

    async def set(self, name: str, seconds: int) -> None:
        self._put(name, 1, time.monotonic() + seconds)

    async def drop(self, names: list[str]) -> None:
        for name in names:
            self._held.pop(name, None)

    def _count(self, name: str) -> int:
        count, until = self._held.get(name, (0, 0.0))
        return count if until > time.monotonic() else 0

    def _put(self, name: str, count: int, until: float) -> None:
        self._held.pop(name, None)
        while len(self._held) >= self.LIMIT:
            del self._held[next(iter(self._held))]
        self._held[name] = (count, until)
