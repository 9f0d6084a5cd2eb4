"""How many requests: counted in Redis for all workers and hosts, and in memory for when Redis is away.

Whoever is signed in counts by identity, everybody else by address (IPv6: by /64, which is one customer). Windows begin
at the same moment everywhere, so one command counts a request. A request never waits for a Redis that is away: after a
failure only memory counts, until the watch has seen an answer again.
"""

from __future__ import annotations

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
MOST_KEYS = 100_000
PREFIX = "hub:rate"
#: Where the headers layer finds what to say.
HEADERS = web.RequestKey("rate_headers", dict[str, str])


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


class Limiter:
    """`up`: whether Redis answered when it was asked last. `clock`: seconds since 1970."""

    def __init__(self, settings: Settings, up: Callable[[], bool], clock: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._up = up
        self._clock = clock
        self._local = LocalCounts()
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
        if self._client is not None:
            await self._client.aclose()

    async def check(self, request: web.Request, identity: Identity | None, client: Client) -> None:
        """Count this request. Raises TooManyRequests. What is left goes into the answer's headers."""
        if identity is not None:
            key, most = f"user:{identity.user_id}", self._settings.rate_signed_in
        else:
            key, most = f"address:{_network(client.address)}", self._settings.rate_anonymous
        length = self._settings.rate_window
        now = self._clock()
        window, into = divmod(now, length)
        count = self._local.hit(key, int(window))
        if count <= most:
            count = max(count, await self._count(f"{key}:{int(window)}", length))
        reset = max(1, int(length - into))
        request[HEADERS] = {
            "RateLimit-Limit": str(most),
            "RateLimit-Remaining": str(max(0, most - count)),
            "RateLimit-Reset": str(reset),
            "RateLimit-Policy": f"{most};w={length}",
        }
        if count > most:
            raise TooManyRequests(f"too many requests; try again in {reset} s", reset)

    async def _count(self, key: str, length: int) -> int:
        """What all workers have counted; 0 when Redis cannot say."""
        if self._storage is None or not self._up() or time.monotonic() - self._failed < DISTRUST_SECONDS:
            return 0
        try:
            return await self._storage.incr(key, length)
        except (RedisError, OSError) as error:
            self._failed = time.monotonic()
            log.warning("rate limits are counted in this process alone: Redis is away", fault=type(error).__name__)
            return 0


def _network(address: str | None) -> str:
    if address is None or ":" not in address:
        return address or "unknown"
    return str(ipaddress.ip_network((address, 64), strict=False))
