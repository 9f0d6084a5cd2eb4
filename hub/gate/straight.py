"""A WebSocket whose messages are taken where they arrive.

aiohttp puts each message into a queue, out of which a coroutine is woken to read it: that costs more than the decision
about a scan. Here aiohttp reads the frames as ever, and a message goes from its parser to `take` at once. What is about
the connection itself (pings, the close, faults, the end) goes through the queue to `receive()`, as before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from aiohttp import WSMsgType, web
from aiohttp._websocket.reader import WebSocketDataQueue
from aiohttp.http_websocket import WebSocketReader, WebSocketWriter

Take = Callable[[str | bytes], None]
Failed = Callable[[Exception], None]
_QUEUE_BYTES = 1 << 16


class _Queue(WebSocketDataQueue):
    """`take`: None while messages wait to be read. `failed` hears what `take` raises."""

    take: Take | None = None
    failed: Failed | None = None

    def feed_data(self, data: Any, size: int) -> None:
        take = self.take
        if take is None or not (data.type is WSMsgType.TEXT or data.type is WSMsgType.BINARY):
            if data.type is WSMsgType.CLOSE:
                self.take = None  # nothing that comes behind it counts
            super().feed_data(data, size)
            return
        try:
            take(data.data)
        except Exception as error:  # noqa: BLE001 - the parser would tell the client that its frame is at fault
            self.take = None
            if self.failed is not None:
                self.failed(error)


class StraightWebSocket(web.WebSocketResponse):
    """`receive()` gives what is not taken."""

    def _post_start(self, request: web.BaseRequest, protocol: str | None, writer: WebSocketWriter) -> None:
        # As aiohttp's own, which knows no other queue; there is no heartbeat.
        self._ws_protocol = protocol
        self._writer = writer
        self._reader = self._queue = _Queue(request._protocol, _QUEUE_BYTES, loop=asyncio.get_running_loop())
        self._parser = WebSocketReader(self._queue, self._max_msg_size, compress=bool(self._compress), decode_text=True)
        request.protocol.set_parser(self._parser)
        request.protocol.keep_alive(False)

    def begin(self, take: Take, failed: Failed) -> None:
        """Have messages taken from now on, unless some wait to be read before them. Once `take` has raised something,
        which `failed` is told, they wait."""
        self._queue.failed = failed
        self._queue.take = None if self._queue._buffer else take

    def cease(self) -> None:
        """Have messages wait. Nothing that took them is held any longer."""
        self._queue.take = self._queue.failed = None
