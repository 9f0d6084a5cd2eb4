"""Below the routes: a request that aiohttp itself cannot read is answered in JSON like every other refusal.

aiohttp would answer it in plain text and log it with a traceback that quotes the offending bytes; these can be a header
with a device's key. Here the answer says what is wrong in general, and the log says that it happened.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Any, cast

import structlog
from aiohttp import hdrs, web

from hub.rest.errors import error_response
from hub.rest.express import Express, ExpressConnection
from hub.rest.handler import Handler

log = structlog.get_logger(__name__)


class _Connection(ExpressConnection):
    """One client's connection."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Called for what cannot be parsed, and for what a handler lets through. The connection ends with it."""
        if self.transport is None or request.writer.output_size > 0:
            raise ConnectionError("nobody is there any more, or has a part of an answer already")
        if status == 400:
            log.debug("a request could not be read", fault=type(exc).__name__, remote=request.remote)
            refusal: Exception = web.HTTPBadRequest(text="this is not a request that HTTP/1.1 allows")
        else:
            refusal = exc if isinstance(exc, Exception) else web.HTTPInternalServerError(text="no answer in time")
        response = error_response(request, refusal)
        response.force_close()
        return response


class _Server(web.Server):
    express: Express | None

    def __call__(self) -> _Connection:
        return _Connection(self.express, self, loop=self._loop, **self._kwargs)


class Runner(web.AppRunner):
    """aiohttp's runner with these connections.

    `express`: a request that may be answered without a handler. `doors`: (method, path) → handler, asked before the
    router; resolving a route costs a tenth of a scan (docs/benchmarks.md). These may use nothing of a request that the
    router fills in.
    """

    __slots__ = ("_doors", "_express")

    def __init__(
        self,
        app: web.Application,
        doors: Mapping[tuple[str, str], Handler] | None = None,
        express: Express | None = None,
        **options: Any,
    ) -> None:
        super().__init__(app, **options)
        self._doors = doors or {}
        self._express = express

    async def _make_server(self) -> web.Server:
        server = cast("_Server", await super()._make_server())
        server.__class__ = _Server
        server.express = self._express
        server.request_handler = _dispatcher(self._doors, server.request_handler)
        return server


def _dispatcher(doors: Mapping[tuple[str, str], Handler], application: Any) -> Any:
    def dispatch(request: web.Request) -> Awaitable[web.StreamResponse]:
        handler = doors.get((request.method, request.path))
        if handler is None or hdrs.EXPECT in request.headers:
            way: Awaitable[web.StreamResponse] = application(request)
            return way
        return handler(request)

    return dispatch
