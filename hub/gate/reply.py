"""The answer to a verify, head and body in one write.

aiohttp's own response builds a dictionary of headers and writes it out again for each answer: a fifth of the time of a
scan. An HTTP/1.1 answer always has the same head, but for its length and the second (docs/benchmarks.md).
"""

from __future__ import annotations

import time
from email.utils import formatdate

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.abc import AbstractStreamWriter
from multidict import CIMultiDict

from hub.rest.express import send_whole

_HEADERS = CIMultiDict({hdrs.CONTENT_TYPE: "application/json; charset=utf-8", hdrs.CACHE_CONTROL: "no-store"})
_HEAD = (
    b"HTTP/1.1 200 OK\r\n"
    b"Content-Type: application/json; charset=utf-8\r\n"
    b"Cache-Control: no-store\r\n"
    b"Date: %b\r\n"
    b"Content-Length: %d\r\n"
)


class _Date:
    """The Date header, made once a second."""

    __slots__ = ("_second", "_text")

    def __init__(self) -> None:
        self._second = 0
        self._text = b""

    def __call__(self) -> bytes:
        second = int(time.time())
        if second != self._second:
            self._second, self._text = second, formatdate(second, usegmt=True).encode()
        return self._text


_date = _Date()


def whole_answer(body: bytes, *, keep_alive: bool = True) -> bytes:
    """Head and body of an HTTP/1.1 answer with status 200; `body` is JSON."""
    return _HEAD % (_date(), len(body)) + (b"\r\n" if keep_alive else b"Connection: close\r\n\r\n") + body


class _WholeReply(web.StreamResponse):
    """200 with a JSON body. `StreamResponse.__init__` is left out on purpose: it makes what this class replaces."""

    _status = 200
    _reason = "OK"

    def __init__(self, body: bytes) -> None:
        self._whole = body

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        transport = request.transport
        if transport is None:
            raise ConnectionResetError("the client is gone")
        if self._keep_alive is None:
            self._keep_alive = request.keep_alive
        send_whole(transport, whole_answer(self._whole, keep_alive=self._keep_alive))
        self._eof_sent = True
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """Everything is written."""


def json_reply(request: web.Request, body: bytes) -> web.StreamResponse:
    """200 with `body`, JSON."""
    if request.version == HttpVersion11:
        return _WholeReply(body)
    return web.Response(body=body, headers=_HEADERS)
