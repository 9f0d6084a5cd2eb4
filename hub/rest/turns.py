"""Whose turn it is among requests that may wait: fifty that come at once are begun one by one, and what they send is
taken a piece at a time, so that doors are answered between."""

from __future__ import annotations

import asyncio

from aiohttp import web


class Turns:
    """One for all requests of a worker but those of readers."""

    def __init__(self) -> None:
        self._line = asyncio.Lock()

    async def next(self) -> None:
        """In the order of asking, one in a turn of the event loop."""
        async with self._line:
            await asyncio.sleep(0)


#: Where the resources find it: `call.part(TURNS)`.
TURNS = web.AppKey("turns", Turns)
