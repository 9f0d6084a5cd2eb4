"""The OpenAPI documents, and a page at /api/docs that shows them; its files come from a package, no other host."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import cache
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import get_args

import msgspec
from aiohttp import hdrs, web

from hub.errors import StartError
from hub.rest.described import Described
from hub.rest.openapi import document
from hub.rest.route import Api, Route

_JSON, _HTML = "application/json", "text/html"
_OURS = {"": ("index.html", _HTML), "/start.js": ("start.js", "text/javascript")}
_THEIRS = {
    "/swagger-ui.css": ("swagger-ui.css", "text/css"),
    "/swagger-ui-bundle.js": ("swagger-ui-bundle.js", "text/javascript"),
}
PAGE = "/api/docs"


def reference_routes(declared: Iterable[Route], described: Sequence[Described] = ()) -> list[web.RouteDef]:
    """The documents are made once, here; the page's files are read when they are first asked for."""
    routes = list(declared)
    found = []
    for api in get_args(Api):
        body = msgspec.json.encode(document(api, routes, described))
        found.append(web.get(f"/api/{api}/openapi.json", _file(lambda body=body: body, _JSON)))  # type: ignore[misc]
    for address, (name, kind) in _OURS.items():
        found.append(web.get(PAGE + address, _file(lambda name=name: _our(name), kind)))  # type: ignore[misc]
    for address, (name, kind) in _THEIRS.items():
        found.append(web.get(PAGE + address, _file(lambda name=name: _their(name), kind)))  # type: ignore[misc]
    return found


def _file(read: Callable[[], bytes], kind: str) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def answer(request: web.Request) -> web.StreamResponse:
        body = read()
        tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        headers = {hdrs.ETAG: tag, hdrs.CACHE_CONTROL: "public, max-age=300"}
        if request.headers.get(hdrs.IF_NONE_MATCH) == tag:
            return web.Response(status=304, headers=headers)
        return web.Response(body=body, headers=headers, content_type=kind, charset=None if kind == _JSON else "utf-8")

    return answer


@cache
def _our(name: str) -> bytes:
    return resources.files(__package__).joinpath("page", name).read_bytes()


@cache
def _their(name: str) -> bytes:
    """A file of swagger-ui-py, found without importing it: its code is for serving pages that we do not need."""
    spec = find_spec("swagger_ui")
    if spec is None or not spec.submodule_search_locations:
        raise StartError("the package swagger-ui-py is not installed")
    return Path(spec.submodule_search_locations[0], "static", name).read_bytes()
