"""Answers that take as long as their readers take: few at once, each on a transaction of its own."""

from __future__ import annotations

import weakref
from collections.abc import AsyncGenerator

from aiohttp import web

from hub.errors import TooManyRequests

MOST = 2
RETRY_SECONDS = 30


class Streams:
    """Counts a worker's. One is over when nobody holds it any more, begun or not."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._open = 0

    def add(self, parts: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
        """The same, counted. Raises TooManyRequests."""
        if self._open >= self._most:
            raise TooManyRequests("other large answers are under way here; try again later", RETRY_SECONDS)
        self._open += 1
        weakref.finalize(parts, self._over)
        return parts

    def _over(self) -> None:
        self._open -= 1


STREAMS = web.AppKey("streams", Streams)
