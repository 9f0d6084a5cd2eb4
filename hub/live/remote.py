"""Events of other hosts: one channel a school on Redis or Valkey, subscribed to while a screen here watches it.

What is lost while Redis is away is found in PostgreSQL: `on_gap` says that something may have been.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec
import structlog
from pydantic import SecretStr

from hub.recorder.wire import ToScreens
from hub.store.redis import PubSub, RedisError, live_channel, open_redis, watch_channel

log = structlog.get_logger(__name__)

PATIENCE_SECONDS = 1.0
PING_SECONDS = 2.0
BACKOFF_SECONDS = 0.5
_decoder = msgspec.msgpack.Decoder(ToScreens)


class Remote:
    """`run()` until cancelled. `subscribed` is false while events of other hosts may be missed."""

    def __init__(self, url: SecretStr | None, hear: Callable[[ToScreens], None], on_gap: Callable[[], None]) -> None:
        self._url = url
        self._hear = hear
        self._on_gap = on_gap
        self._schools: set[bytes] = set()
        self._changed = asyncio.Event()
        self.own = b""
        self.subscribed = False

    def know_own(self, recorder: bytes) -> None:
        """The recorder of this host: its events come another way."""
        self.own = recorder
        self._changed.set()

    def watch(self, school: bytes) -> None:
        self._schools.add(school)
        self._changed.set()

    def unwatch(self, school: bytes) -> None:
        self._schools.discard(school)
        self._changed.set()

    async def run(self) -> None:
        if self._url is None:
            await asyncio.Event().wait()
            return
        away = False
        while True:
            try:
                await self._listen(self._url.get_secret_value())
            except (RedisError, OSError, TimeoutError) as error:
                if not away:
                    log.warning("Redis is away; events of other hosts are read from PostgreSQL", error=str(error))
                away = not self.subscribed
                self.subscribed = False
                await asyncio.sleep(BACKOFF_SECONDS)

    async def _listen(self, url: str) -> None:
        """One life of the connection."""
        client = open_redis(url, timeout=None)
        try:
            async with client.pubsub() as pubsub:
                await pubsub.subscribe("hub:live")  # nobody publishes there: it keeps the connection open
                channels: set[str] = set()
                heard = asyncio.get_running_loop().time()
                self._changed.set()
                while True:
                    if self._changed.is_set():
                        self._changed.clear()
                        channels = await self._follow(pubsub, channels)
                    async with asyncio.timeout(PATIENCE_SECONDS + PING_SECONDS):
                        message = await pubsub.get_message(ignore_subscribe_messages=False, timeout=PATIENCE_SECONDS)
                    now = asyncio.get_running_loop().time()
                    if message is not None:
                        heard = now
                        self._take(message)
                    elif now - heard > PING_SECONDS * 2:
                        raise TimeoutError("no answer to a ping")
                    elif now - heard > PING_SECONDS:
                        await pubsub.ping()
        finally:
            await client.aclose()

    async def _follow(self, pubsub: PubSub, channels: set[str]) -> set[str]:
        wanted = {live_channel(school) for school in self._schools}
        wanted |= {watch_channel(school, self.own) for school in self._schools}
        if gone := channels - wanted:
            await pubsub.unsubscribe(*gone)
        if new := wanted - channels:
            await pubsub.subscribe(*sorted(new))  # hub:live before hub:watch: nothing is sent that is not heard
        return wanted

    def _take(self, message: dict[str, object]) -> None:
        data = message["data"]
        if message["type"] == "subscribe":
            # From here on nothing is lost; what was before is looked for.
            self.subscribed = True
            self._on_gap()
        elif message["type"] == "message" and isinstance(data, bytes) and data[:16] != self.own:
            try:
                self._hear(_decoder.decode(memoryview(data)[16:]))
            except (msgspec.MsgspecError, LookupError) as error:  # of a newer release: a reason that is not known here
                log.warning("another host sent what cannot be read", error=str(error))
