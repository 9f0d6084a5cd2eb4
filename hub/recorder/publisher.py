"""Events → other hosts: one channel a school on Redis or Valkey, published to while another host's screen watches it.

What cannot be published is dropped: a host that missed it reads it from PostgreSQL. Nothing here is waited for.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

import structlog
from pydantic import SecretStr

from hub.store.redis import Redis, RedisError, live_channel, open_redis, watches

log = structlog.get_logger(__name__)

QUEUE_BYTES = 8 * 2**20
PIPELINE = 64
BACKOFF_SECONDS = 0.5
LOOK_SECONDS = 0.5


class Publisher:
    """`run()` until cancelled. Without a URL it is off. `own()`: the recorder of this host; `on_wanted` is called with
    each school that another host has begun to watch."""

    def __init__(self, url: SecretStr | None, own: Callable[[], bytes]) -> None:
        self._url = url
        self._own = own
        self.on_wanted: Callable[[bytes], None] = lambda school: None
        #: Schools that other hosts watch. Publishing for nobody would cost each scan a tenth of its time.
        self.wanted: frozenset[bytes] = frozenset()
        self.published = 0
        self.dropped = 0
        self._queue: deque[tuple[str, bytes]] = deque()
        self._bytes = 0
        self._wake = asyncio.Event()

    def offer(self, school: bytes, recorder: bytes, body: bytes) -> None:
        """Published soon, or dropped. The recorder's id comes first, so that its own host need not read further."""
        if school not in self.wanted:
            return
        if self._bytes > QUEUE_BYTES:
            self._drop()
        self._queue.append((live_channel(school), recorder + body))
        self._bytes += len(recorder) + len(body)
        self._wake.set()

    def _drop(self) -> None:
        self.dropped += len(self._queue)
        self._queue.clear()
        self._bytes = 0

    async def run(self) -> None:
        if self._url is None:
            await asyncio.Event().wait()
            return
        client = open_redis(self._url.get_secret_value())
        away = False
        looked = 0.0
        try:
            while True:
                try:
                    if time.monotonic() - looked >= LOOK_SECONDS:
                        looked = time.monotonic()
                        await self._look(client)
                    await self._publish(client)
                    if away:
                        log.info("Redis is back; events go to other hosts again")
                    away = False
                except (RedisError, OSError, TimeoutError) as error:
                    if not away:
                        log.warning("Redis is away; other hosts read events from PostgreSQL", error=str(error))
                    away = True
                    self._drop()
                    await asyncio.sleep(BACKOFF_SECONDS)
                with suppress(TimeoutError):
                    async with asyncio.timeout(max(0.0, looked + LOOK_SECONDS - time.monotonic())):
                        await self._wake.wait()
        finally:
            await client.aclose()

    async def _look(self, client: Redis) -> None:
        """Who watches. Where a host begins to, it is told from where events come now, and finds those before."""
        own = self._own()
        wanted = frozenset(school for school, hosts in (await watches(client)).items() if hosts - {own})
        new = wanted - self.wanted
        self.wanted = wanted
        for school in new:
            self.on_wanted(school)

    async def _publish(self, client: Redis) -> None:
        while self._queue:
            async with client.pipeline(transaction=False) as pipeline:
                for _ in range(min(PIPELINE, len(self._queue))):
                    channel, body = self._queue.popleft()
                    self._bytes -= len(body)
                    _ = pipeline.publish(channel, body)  # sent by execute
                    self.published += 1
                await pipeline.execute()
        self._wake.clear()
