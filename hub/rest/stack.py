"""What every request passes through but those of readers: request id → turn → line of log → CORS → headers.

A wrapper around each handler, outside of the one that makes errors into answers, so that a refusal has it all too.
"""

from __future__ import annotations

import time

import structlog
from aiohttp import web

from hub.config import Settings
from hub.rest.client import Clients
from hub.rest.cors import add_cors, preflight
from hub.rest.handler import Handler
from hub.rest.headers import add_headers
from hub.rest.request_id import request_id
from hub.rest.turns import Turns

log = structlog.get_logger(__name__)


class Stack:
    """`dress` a handler. One for all routes."""

    def __init__(self, settings: Settings, clients: Clients) -> None:
        self._origins = frozenset(settings.allowed_origins)
        self._clients = clients
        self.turns = Turns()

    def dress(self, handler: Handler, route: str) -> Handler:
        """`route`: its path with names in braces, which is what the log shows: an address can hold a name."""

        async def dressed(request: web.Request) -> web.StreamResponse:
            started = time.perf_counter()
            # A connection's requests share one context: what is bound must go with the request.
            with structlog.contextvars.bound_contextvars(request_id=request_id(request), user_id=None):
                await self.turns.next()
                response = preflight(request, self._origins) or await handler(request)
                if not response.prepared:
                    add_headers(request, response, self._clients.of(request))
                    add_cors(request, response, self._origins)
                spent = (time.perf_counter() - started) * 1000
                log.info("request", method=_method(request), route=route, status=response.status, ms=round(spent, 2))
            return response

        return dressed


def _method(request: web.BaseRequest) -> str:
    """A client may call a method what it likes."""
    return request.method if request.method.isalpha() and len(request.method) <= 7 else "?"
