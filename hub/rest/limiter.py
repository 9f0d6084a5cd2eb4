"""How many requests: counted in Redis for all workers and hosts, and in memory for when Redis is away.

Whoever is signed in counts by identity, everybody else by address (IPv6: by /64, which is one customer). Windows begin
at the same moment everywhere, so one command counts a request. An anonymous one waits for it, because that is who
guesses passwords; who is known is counted in memory, and told to Redis once a second. Nobody waits for a Redis that is
away: after a failure only memory counts, until the watch has seen an answer again.
"""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections.abc import Callable

import structlog
from aiohttp import web
from limits.aio.storage import RedisStorage

from hub.accounts.identity import Identity
from hub.config import Settings
from hub.errors import TooManyRequests
from hub.rest.client import Client
from hub.store.redis import Redis, RedisError, open_redis

log = structlog.get_logger(__name__)

REDIS_SECONDS = 0.2
#: The watch asks every two seconds: past this, its answer is younger than the failure.
DISTRUST_SECONDS = 3.0
#: How often what one person asked is told to Redis.
TELL_SECONDS = 1.0
MOST_KEYS = 100_000
PREFIX = "hub:rate"
#: Where the headers layer finds what to say.
HEADERS = web.RequestKey("rate_headers", dict[str, str])


class _Shared:
    """One key's count: what Redis said last, and what it was not told yet."""

    __slots__ = ("known", "pending", "told")

    def __init__(self) -> None:
        self.known = self.pending = 0
        self.told = 0.0


class LocalCounts:
    """Counts of one window, in this process. When there are too many keys the oldest are forgotten."""

    def __init__(self) -> None:
        self._window = -1
        self._counts: dict[str, int] = {}

    def hit(self, key: str, window: int) -> int:
        if window != self._window:
            self._window, self._counts = window, {}
        counts = self._counts
        counts[key] = count = counts.pop(key, 0) + 1
        if len(counts) > MOST_KEYS:
            del counts[next(iter(counts))]
        return count

    def count(self, key: str, window: int) -> int:
        return self._counts.get(key, 0) if window == self._window else 0


class Limiter:
    """`up`: whether Redis answered when it was asked last. `clock`: seconds since 1970."""

    def __init__(self, settings: Settings, up: Callable[[], bool], clock: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._up = up
        self._clock = clock
        self._local = LocalCounts()
        self._shared: dict[str, _Shared] = {}
        self._telling: set[asyncio.Task[None]] = set()
        self._failed = -DISTRUST_SECONDS
        self._client: Redis | None = None
        self._storage: RedisStorage | None = None
        if settings.redis_url is not None:
            url = settings.redis_url.get_secret_value()
            self._client = open_redis(url, timeout=REDIS_SECONDS, connect_timeout=REDIS_SECONDS)
            self._storage = RedisStorage(
                "async+redis://",
                implementation="redispy",
                key_prefix=PREFIX,
                connection_pool=self._client.connection_pool,  # type: ignore[arg-type]
            )

    async def close(self) -> None:
        await asyncio.gather(*self._telling)
        if self._client is not None:
            await self._client.aclose()

    def is_spent(self, client: Client) -> bool:
        """Whether the address has nothing left, as far as this process knows. Nothing is counted."""
        window = int(self._clock() // self._settings.rate_window)
        return self._local.count(_of_address(client), window) >= self._settings.rate_anonymous

    async def check(
        self, request: web.Request, identity: Identity | None, client: Client, *, faces: bool = False
    ) -> None:
        """Count this request; one for a face (`faces`) by itself, as a rush at the doors shows many on a screen, whose
        other requests go on. Raises TooManyRequests. What is left goes into the answer's headers."""
        if identity is not None and faces:
            key, most = f"faces:{identity.user_id}", self._settings.rate_faces
        elif identity is not None:
            key, most = f"user:{identity.user_id}", self._settings.rate_signed_in
        else:
            key, most = _of_address(client), self._settings.rate_anonymous
        length = self._settings.rate_window
        now = self._clock()
        window, into = divmod(now, length)
        count = self._local.hit(key, int(window))
        if count <= most:
            named = f"{key}:{int(window)}"
            others = self._told(named) if identity is not None else await self._count(named)
            count = max(count, others)
        reset = max(1, int(length - into))
        request[HEADERS] = {
            "RateLimit-Limit": str(most),
            "RateLimit-Remaining": str(max(0, most - count)),
            "RateLimit-Reset": str(reset),
            "RateLimit-Policy": f"{most};w={length}",
        }
        if count > most:
            raise TooManyRequests(f"too many requests; try again in {reset} s", reset)

    def _told(self, key: str) -> int:
        """What all workers have counted, as of a second ago: nobody who is known waits for Redis. A task tells it."""
        shared = self._shared.get(key)
        if shared is None:
            if len(self._shared) >= MOST_KEYS:
                self._shared.clear()
            shared = self._shared[key] = _Shared()
        shared.pending += 1
        now = time.monotonic()
        if now - shared.told >= TELL_SECONDS and self._storage is not None:
            shared.told = now
            task = asyncio.create_task(self._tell(key, shared))
            self._telling.add(task)
            task.add_done_callback(self._telling.discard)
        return shared.known + shared.pending

    async def _tell(self, key: str, shared: _Shared) -> None:
        pending = shared.pending
        known = await self._count(key, pending)
        if known:
            shared.known = known
            shared.pending -= pending

    async def _count(self, key: str, amount: int = 1) -> int:
        """What all workers have counted, this included; 0 when Redis cannot say."""
        if self._storage is None or not self._up() or time.monotonic() - self._failed < DISTRUST_SECONDS:
            return 0
        try:
            return await self._storage.incr(key, self._settings.rate_window, amount)
        except (RedisError, OSError) as error:
            self._failed = time.monotonic()
            log.warning("rate limits are counted in this process alone: Redis is away", fault=type(error).__name__)
            return 0


def _of_address(client: Client) -> str:
    return f"address:{_network(client.address)}"


def _network(address: str | None) -> str:
    if address is None or ":" not in address:
        return address or "unknown"
    return str(ipaddress.ip_network((address, 64), strict=False))
