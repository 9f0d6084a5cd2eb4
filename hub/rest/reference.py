"""The OpenAPI documents and the page that shows them."""

from __future__ import annotations

from collections.abc import Iterable

from aiohttp import web

from hub.rest.route import Route


def reference_routes(declared: Iterable[Route]) -> list[web.RouteDef]:
    return []
