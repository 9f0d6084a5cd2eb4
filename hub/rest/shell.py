"""What every request passes through: errors become JSON, and each request is counted by route and status.

A wrapper around each handler, not an aiohttp middleware: that one resolves the application anew for each request,
which a scan would pay for with a tenth of its time (docs/benchmarks.md).
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterable
from typing import Any

from aiohttp import web

from hub.rest.errors import error_response
from hub.rest.handler import Handler
from hub.rest.stack import Stack
from hub.rest.streams import STREAMS, Streams
from hub.rest.turns import TURNS
from hub.telemetry import Family, Histogram

_ID = re.compile(r"\{(id|\w+Id)\}")
_BOUNDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Shell:
    """Builds the application out of routes. `retiring` makes each response the last of its connection.

    `stack` is around all routes but the `bare` ones, (method, path): those that readers ask. A bare route that comes a
    second time is for people: `is_persons` tells whose a request is.
    """

    def __init__(
        self,
        body_max_bytes: int,
        stack: Stack,
        bare: Collection[tuple[str, str]],
        is_persons: Callable[[web.Request], bool] = lambda request: True,
    ) -> None:
        self._body_max_bytes = body_max_bytes
        self._stack = stack
        self._bare = bare
        self._is_persons = is_persons
        self.retiring = False
        self.active = 0
        #: (method, path) → what answers it, errors and counting included.
        self.handlers: dict[tuple[str, str], Handler] = {}
        self._by_status: dict[tuple[str, str], dict[int, Histogram]] = {}

    def application(self, routes: Iterable[web.RouteDef]) -> web.Application:
        """An application of these routes; every other address answers 404 or 405, in JSON too."""
        app = web.Application(client_max_size=self._body_max_bytes)
        app[STREAMS] = Streams()
        app[TURNS] = self._stack.turns
        kwargs: dict[tuple[str, str], dict[str, Any]] = {}
        for route in routes:
            way = (route.method, route.path)
            readers = self.handlers.get(way)
            wrapped = self.apart(route) if readers is not None else self._wrap(route.handler, *way)
            if way not in self._bare:
                wrapped = self._stack.dress(wrapped, route.path)
            elif readers is not None:
                wrapped = self._either(readers, wrapped)
            self.handlers[way], kwargs[way] = wrapped, route.kwargs
        for (method, path), more in kwargs.items():
            web.RouteDef(method, _with_ids(path), self.handlers[method, path], more).register(app.router)
        nothing = self._wrap(_nothing_here, "", "unknown")
        app.router.add_route("*", "/{anything:(?s:.*)}", self._stack.dress(nothing, "unknown"))
        return app

    def _either(self, readers: Handler, people: Handler) -> Handler:
        async def chosen(request: web.Request) -> web.StreamResponse:
            return await (people if self._is_persons(request) else readers)(request)

        return chosen

    def apart(self, route: web.RouteDef) -> Handler:
        """A route that shares its address with a bare one."""
        return self._stack.dress(self._wrap(route.handler, route.method, f"{route.path} by people"), route.path)

    def counter(self, method: str, route: str) -> Callable[[int, float], None]:
        """What counts an answer of this route: its status and seconds."""
        by_status = self._by_status.setdefault((method, route), {})

        def count(status: int, seconds: float) -> None:
            histogram = by_status.get(status)
            if histogram is None:
                histogram = by_status[status] = Histogram(_BOUNDS)
            histogram.observe(seconds)

        return count

    def _wrap(self, handler: Handler, method: str, route: str) -> Handler:
        count = self.counter(method, route)

        async def passed(request: web.Request) -> web.StreamResponse:
            started = time.perf_counter()
            self.active += 1
            try:
                response = await handler(request)
            except web.HTTPException as error:
                response = error_response(request, error) if error.status >= 400 else error
            except Exception as error:  # the last resort: it is logged, and answered with 500
                if isinstance(error, ConnectionError) and request.transport is None:
                    raise  # the client went away in the middle of its request: aiohttp ends the connection quietly
                response = error_response(request, error)
            finally:
                self.active -= 1
            if self.retiring:
                response.force_close()
            count(response.status, time.perf_counter() - started)
            return response

        return passed

    def families(self) -> list[Family]:
        samples = [
            histogram.sample({"method": method, "route": route, "status_code": str(status)})
            for (method, route), by_status in self._by_status.items()
            for status, histogram in by_status.items()
        ]
        help_ = "Requests by route and status; a WebSocket counts once, with its whole life"
        return [Family("http_request_duration_seconds", help_, "histogram", samples, _BOUNDS)]


def _with_ids(path: str) -> str:
    """An id is 36 characters: what is none is another address, as /passes/verify is beside /passes/{id}."""
    return _ID.sub(r"{\1:[0-9a-fA-F-]{36}}", path)


async def _nothing_here(request: web.Request) -> web.StreamResponse:
    """No route is at this address, or none for this method."""
    allowed: set[str] = set()
    for resource in request.app.router.resources():
        if resource is not request.match_info.route.resource:
            allowed |= (await resource.resolve(request))[1]
    if allowed:
        raise web.HTTPMethodNotAllowed(request.method, sorted(allowed))
    raise web.HTTPNotFound
