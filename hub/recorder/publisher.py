"""Events → other hosts: one channel a school on Redis or Valkey.

What cannot be published is dropped: a host that missed it reads it from PostgreSQL. Nothing here is waited for.
"""

from __future__ import annotations

import asyncio
from collections import deque

import structlog
from pydantic import SecretStr

from hub.store.redis import Redis, RedisError, live_channel, open_redis

log = structlog.get_logger(__name__)

QUEUE_BYTES = 8 * 2**20
PIPELINE = 64
BACKOFF_SECONDS = 0.5


class Publisher:
    """`run()` until cancelled. Without a URL it is off."""

    def __init__(self, url: SecretStr | None) -> None:
        self._url = url
        self.on = url is not None
        self.published = 0
        self.dropped = 0
        self._queue: deque[tuple[str, bytes]] = deque()
        self._bytes = 0
        self._wake = asyncio.Event()

    def offer(self, school: bytes, recorder: bytes, body: bytes) -> None:
        """Published soon, or dropped. The recorder's id comes first, so that its own host need not read further."""
        if not self.on:
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
        try:
            while True:
                await self._wake.wait()
                try:
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
        finally:
            await client.aclose()

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
