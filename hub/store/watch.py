"""Whether Redis is there, for /health: asked every two seconds by a task, so that nobody waits for an answer."""

from __future__ import annotations

import asyncio
from typing import Any

from hub.config import Settings
from hub.store.redis import open_redis, ping

PING_SECONDS = 2.0


class RedisWatch:
    """`run()` until cancelled; `state()` is the last answer. Without HUB_REDIS_URL it is off."""

    def __init__(self, settings: Settings) -> None:
        self._url = settings.redis_url
        self._answered: bool | None = None

    async def run(self) -> None:
        if self._url is None:
            await asyncio.Event().wait()
            return
        client = open_redis(self._url.get_secret_value())
        try:
            while True:
                self._answered = await ping(client)
                await asyncio.sleep(PING_SECONDS)
        finally:
            await client.aclose()

    def state(self) -> dict[str, Any]:
        if self._url is None:
            return {"status": "off"}
        if self._answered:
            return {"status": "ok"}
        return {"status": "down", "why": "no answer" if self._answered is False else "not asked yet"}
