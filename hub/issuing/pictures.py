"""Pictures of codes: drawn by a process beside the worker, and kept for whoever asks again.

What is kept is found by the code itself: a pass that gets another code gets another picture. Memory: KEEP_BYTES.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict

from aiohttp import web

from hub.control.hand import Hand, HandLost
from hub.errors import StoreUnavailable, TooManyRequests
from hub.issuing.drawing import Drawing, Picture

KEEP_BYTES = 8 * 2**20
#: How many may wait for the process.
WAITING = 64


class Pictures:
    """One a worker. `close` ends the process."""

    def __init__(self) -> None:
        self._hand = Hand("hub.issuing.drawing", Picture)
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._kept: OrderedDict[Drawing, bytes] = OrderedDict()
        self._bytes = 0

    async def of(self, drawing: Drawing) -> bytes:
        """The picture. Raises TooManyRequests, StoreUnavailable."""
        known = self._kept.get(drawing)
        if known is not None:
            self._kept.move_to_end(drawing)
            return known
        if self._waiting >= WAITING:
            raise TooManyRequests("too many codes are being drawn at this moment; try again in a second", 1)
        self._waiting += 1
        try:
            async with self._turn:
                # Somebody else may have waited for the same one.
                return self._kept.get(drawing) or await self._draw(drawing)
        finally:
            self._waiting -= 1

    async def _draw(self, drawing: Drawing) -> bytes:
        try:
            body = (await self._hand.do(drawing)).body
        except HandLost as error:
            raise StoreUnavailable("no code can be drawn at this moment") from error
        self._kept[drawing] = body
        self._bytes += len(body)
        while self._bytes > KEEP_BYTES:
            self._bytes -= len(self._kept.popitem(last=False)[1])
        return body

    async def close(self) -> None:
        await self._hand.close()


#: Where the resources find it: `call.part(PICTURES)`.
PICTURES = web.AppKey("pictures", Pictures)
