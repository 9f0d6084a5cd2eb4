"""Requests that are answered from the connection itself: what is asked at doors while people wait.

For each request aiohttp makes a task, a request and a writer, and is woken twice: half of what a scan costs
(docs/benchmarks.md). A question that came whole and is answered with 200 needs none of that. aiohttp's parser reads it,
`ask` takes it, and the answer goes out when it is there. Whatever else comes (what is refused, a body in pieces, an odd
header) goes the ordinary way, and there the same question has the same answer.

Order: one question at a time is out on a connection. What comes behind it waits, unparsed, until it is answered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import perf_counter
from typing import Any, NamedTuple, cast

from aiohttp import HttpVersion11, hdrs
from aiohttp.http_parser import RawRequestMessage
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader
from aiohttp.web_protocol import RequestHandler
from multidict import CIMultiDictProxy

#: What a client may leave unread; beyond that it asks and does not listen.
_UNREAD_MAX_BYTES = 1 << 20
#: A longer body may have made aiohttp pause the connection, which reading it there would end.
_BODY_MAX_BYTES = 1 << 14

#: Takes the headers, the body, and what sends a whole answer, head and body; that is called once, now or later. False:
#: nothing was done, the handler has to answer.
Ask = Callable[[CIMultiDictProxy[str], bytes, Callable[[bytes], None]], bool]


def send_whole(transport: asyncio.Transport, whole: bytes) -> None:
    """An answer in one write. Who leaves too much unread is cut off."""
    transport.write(whole)
    if transport.get_write_buffer_size() > _UNREAD_MAX_BYTES:
        transport.abort()


class Express(NamedTuple):
    """`is_open`: whether this way may be taken now. `answered(status, seconds)` counts it with all requests."""

    method: str
    path: str
    body_max_bytes: int
    ask: Ask
    is_open: Callable[[], bool]
    answered: Callable[[int, float], None]


class ExpressConnection(RequestHandler):
    """A client's connection; some of its questions take the short way."""

    __slots__ = ("_asked_at", "_express", "_held")

    def __init__(self, express: Express | None, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._express = express
        #: When the question that is out was asked; 0.0 when none is.
        self._asked_at = 0.0
        self._held = b""
        if express is not None:
            self._parser = cast("Any", _Sieve(self._take, self._parser))

    def data_received(self, data: bytes) -> None:
        if not self._asked_at:
            super().data_received(data)
        elif self.transport is not None:
            if not self._held:
                self.transport.pause_reading()
            self._held += data

    def _take(self, message: RawRequestMessage, payload: StreamReader) -> bool:
        """Whether this request goes the short way: one that is here to its end, with none before it."""
        express = self._express
        assert express is not None
        if (
            message.path != express.path
            or message.method != express.method
            or message.version != HttpVersion11
            or message.should_close
            or message.upgrade
            or message.compression is not None
            or hdrs.EXPECT in message.headers
            or payload is EMPTY_PAYLOAD
            or not payload.is_eof()
            or payload.total_bytes > min(express.body_max_bytes, _BODY_MAX_BYTES)
            or not self._is_idle()
            or not express.is_open()
        ):
            return False
        # Looked at, not taken out: the handler may have to read it yet.
        body = b"".join(payload._buffer)
        self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        self._asked_at = perf_counter()
        try:
            taken = express.ask(message.headers, body, self._answer)
        except Exception:
            if not self._asked_at:
                raise  # it is answered already
            taken = False  # the handler fails as well, and that is logged and answered
        if not taken:
            self._asked_at = 0.0
        return taken

    def _is_idle(self) -> bool:
        """Whether aiohttp waits for the next request of this connection."""
        waiter = self._waiter
        return waiter is not None and not waiter.done() and not self._messages and not self._close

    def _answer(self, whole: bytes) -> None:
        started, self._asked_at = self._asked_at, 0.0
        assert self._express is not None
        self._express.answered(200, perf_counter() - started)
        transport = self.transport
        if transport is None:
            return
        send_whole(transport, whole)
        if self._held and not transport.is_closing():
            held, self._held = self._held, b""
            transport.resume_reading()
            self.data_received(held)


class _Sieve:
    """aiohttp's parser; what goes the short way is not among what it has read."""

    __slots__ = ("_feed", "_take", "message_consumed", "pause_reading", "set_upgraded")

    def __init__(self, take: Callable[[RawRequestMessage, StreamReader], bool], parser: Any) -> None:
        self._take = take
        self._feed = parser.feed_data
        self.message_consumed = parser.message_consumed
        self.pause_reading = parser.pause_reading
        self.set_upgraded = parser.set_upgraded

    def feed_data(self, data: bytes) -> tuple[Any, bool, bytes]:
        """As the parser's."""
        read: tuple[Any, bool, bytes] = self._feed(data)
        messages = read[0]
        if len(messages) == 1 and self._take(*messages[0]):
            self.message_consumed()
            return (), False, b""
        return read
