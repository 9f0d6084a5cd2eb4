"""The level of a cache that all workers and hosts share: sealed values in Redis, which may be away at any moment.

A value is written only if nobody has forgotten its key since its reader noted what it found there: each key has a
generation, and all keys together an epoch. Whoever fails to tell Redis something trusts nothing in it any more: the
first thing it says when Redis is back is a new epoch, which makes everything old, whoever wrote it. What a frozen Redis
carries out late is refused by its own clock.

Concurrency: one loop. Nobody waits longer than TIMEOUT for a reply, nor at all in the seconds after a failure.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable

import msgspec
import structlog

from hub.config import Settings, key_ring
from hub.domain.keyring import KeyRing
from hub.domain.vault import SealBroken
from hub.store.redis import Redis, RedisError, open_redis

log = structlog.get_logger(__name__)

TIMEOUT = 0.1
DISTRUST_SECONDS = 2.0
AT_ONCE = 500

# KEYS: value, generation, epoch. A value of another epoch is none.
_READ = """
local epoch = redis.call('GET', KEYS[3]) or ''
local kept = redis.call('HMGET', KEYS[1], 'epoch', 'value')
return {kept[1] == epoch and kept[2] or false, redis.call('GET', KEYS[2]) or '', epoch, redis.call('TIME')[1]}
"""
# ARGV: generation, epoch and time that were noted, ttl in ms, value.
_WRITE = """
if redis.call('TIME')[1] - ARGV[3] > 30 then return 0 end
if (redis.call('GET', KEYS[2]) or '') ~= ARGV[1] or (redis.call('GET', KEYS[3]) or '') ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], 'epoch', ARGV[2], 'value', ARGV[5])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1
"""
# KEYS: value and generation of each. Generations outlive every write that is not refused for its age.
_FORGET = """
for i = 1, #KEYS, 2 do
    redis.call('UNLINK', KEYS[i])
    redis.call('INCR', KEYS[i + 1])
    redis.call('EXPIRE', KEYS[i + 1], 300)
end
return 1
"""


class Ticket(msgspec.Struct, frozen=True):
    """What was noted of a key when it was read: with it, what is loaded afterwards may be written."""

    generation: bytes
    epoch: bytes
    at: bytes


class Found(msgspec.Struct, frozen=True):
    """`value` is None when Redis had none."""

    value: bytes | None
    ticket: Ticket


class SharedCache:
    """`run()` until cancelled: it tells Redis what is forgotten. `failures` counts what Redis did not answer."""

    def __init__(self, url: str, name: str, ring: KeyRing, ttl: float) -> None:
        self._redis: Redis = open_redis(url, timeout=TIMEOUT, connect_timeout=TIMEOUT)
        self._name = name
        self._ring = ring.derived(b"cache")
        self._ttl = str(round(ttl * 1000))
        self._forgotten: dict[str, None] = {}
        self._wake = asyncio.Event()
        #: From the start on: what other workers have written may be older than what this one has heard of.
        self._distrusted = True
        self._again_at = 0.0
        self._trusting = False
        self.failures = 0

    @classmethod
    def of(cls, settings: Settings, name: str, ttl: float) -> SharedCache | None:
        """None where the settings name no Redis. `ttl`: seconds."""
        url = settings.redis_url
        return None if url is None else cls(url.get_secret_value(), name, key_ring(settings), ttl)

    async def read(self, key: str) -> Found | None:
        """None when Redis is not to be asked, or did not answer."""
        if key in self._forgotten or not await self._trusted():
            return None
        try:
            sealed, *noted = await self._redis.eval(_READ, 3, *self._keys(key), self._epoch)
        except (RedisError, OSError) as error:
            self._distrust(error)
            return None
        if key in self._forgotten:
            return None
        ticket = Ticket(*noted)
        try:
            return Found(None if sealed is None else self._ring.unseal(sealed, self._place(key)), ticket)
        except SealBroken:  # with a key that was taken out of the ring
            return Found(None, ticket)

    async def write(self, key: str, value: bytes, ticket: Ticket) -> None:
        """Unless somebody has forgotten the key since the ticket was taken."""
        if self._distrusted or self._trusting or key in self._forgotten:
            return
        sealed = self._ring.seal(value, self._place(key))
        noted = (ticket.generation, ticket.epoch, ticket.at)
        try:
            await self._redis.eval(_WRITE, 3, *self._keys(key), self._epoch, *noted, self._ttl, sealed)
        except (RedisError, OSError) as error:
            self._distrust(error)

    def forget(self, keys: Iterable[str]) -> None:
        """Told to Redis in a moment; until then these keys are not read there."""
        self._forgotten.update(dict.fromkeys(keys))
        self._wake.set()

    def forget_all(self) -> None:
        """Nothing that is there counts any more, for anybody."""
        self._distrusted = True

    async def run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while some := list(self._forgotten)[:AT_ONCE]:
                await self._tell(some)
                for key in some:
                    del self._forgotten[key]

    async def close(self) -> None:
        await self._redis.aclose()

    async def _tell(self, keys: list[str]) -> None:
        if self._distrusted:
            return  # the next epoch says it of all
        names = [name for key in keys for name in self._keys(key)]
        try:
            await self._redis.eval(_FORGET, len(names), *names)
        except (RedisError, OSError) as error:
            self._distrust(error)

    async def _trusted(self) -> bool:
        """Whether what is in Redis counts; after a failure not before a new epoch has begun."""
        if self._trusting:
            return False
        if not self._distrusted:
            return True
        if time.monotonic() < self._again_at:
            return False
        self._trusting = True
        self._distrusted = False  # what is forgotten all from here on takes another epoch
        try:
            await self._redis.incr(self._epoch)
        except (RedisError, OSError) as error:
            self._distrust(error)
        finally:
            self._trusting = False
        return not self._distrusted

    def _distrust(self, error: Exception) -> None:
        if not self._distrusted or not self.failures:
            log.warning("a cache does without Redis", cache=self._name, error=type(error).__name__)
        self.failures += 1
        self._distrusted = True
        self._again_at = time.monotonic() + DISTRUST_SECONDS

    def _keys(self, key: str) -> tuple[str, str]:
        return f"hub:cache:{self._name}:{key}", f"hub:cache:{self._name}:generation:{key}"

    @property
    def _epoch(self) -> str:
        return f"hub:cache:{self._name}:epoch"

    def _place(self, key: str) -> bytes:
        return f"{self._name}:{key}".encode()
