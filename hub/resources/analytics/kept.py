"""Analytics that were asked for a moment ago, kept so that a wall of dashboards costs what one does.

The numbers move once a minute, when the log is counted, and say of when they are; kept for SECONDS, they are never much
older than that. What they show of doors and schools is forgotten when one changes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any
from uuid import UUID

import msgspec
from aiohttp import web

from hub.config import Settings
from hub.resources.analytics.model import Analytics
from hub.store.cache import Cache
from hub.store.pg import Connection
from hub.store.shared_cache import SharedCache
from hub.telemetry import Family

SECONDS = 20.0

_pack = msgspec.json.Encoder().encode  # and not msgpack, whose times have lost the school's offset
_unpack = msgspec.json.Decoder(Analytics).decode


class KeptAnalytics:
    """One a worker. The feed tells it of changes, as a follower."""

    kinds = ("school", "access_point")

    def __init__(self, settings: Settings, fresh: Callable[[], bool]) -> None:
        shared = SharedCache.of(settings, "analytics", SECONDS)
        entries, size = settings.cache_entries, settings.cache_bytes
        self._cache = Cache("analytics", ttl=SECONDS, entries=entries, size=size, fresh=fresh, shared=shared)

    async def get(
        self, school: UUID | None, asked: tuple[Any, ...], read: Callable[[], Awaitable[Analytics]]
    ) -> Analytics:
        """Of one school, or of all (None). `asked`: whatever else the numbers depend on. Raises what `read` raises."""

        async def load() -> bytes:
            return _pack(await read())

        whose = "all" if school is None else school.hex
        return _unpack(await self._cache.get(":".join([whose, *(str(one) for one in asked)]), load))

    async def load(self, _: Connection) -> None:
        """The feed begins anew: anything may have changed."""
        self._cache.forget_all()

    async def reread(self, _: Connection, __: str, ___: Iterable[bytes]) -> None:
        self._cache.forget_all()

    async def run(self) -> None:
        """Until cancelled: what Redis is told."""
        await self._cache.run()

    async def close(self) -> None:
        await self._cache.close()

    def families(self) -> list[Family]:
        return self._cache.families()


KEPT = web.AppKey("kept_analytics", KeptAnalytics)
