"""CORS: pages of the origins in HUB_ALLOWED_ORIGINS may call the API with a session; nobody else's can read an answer.

docs/decisions/0021-cors.md says why this is not aiohttp-cors.
"""

from __future__ import annotations

from collections.abc import Container

from aiohttp import hdrs, web

METHODS = "GET, POST, PUT, DELETE"
ALLOWED = "Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key, X-Request-ID, api-version"
EXPOSED = (
    "ETag, Location, Retry-After, X-Request-ID, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, "
    "RateLimit-Policy, Idempotency-Replayed, Deprecation, Sunset, api-version"
)
PREFLIGHT_SECONDS = "600"


def preflight(request: web.BaseRequest, origins: Container[str]) -> web.Response | None:
    """The answer to a browser that asks before it sends; None for every other request."""
    if request.method != hdrs.METH_OPTIONS or hdrs.ACCESS_CONTROL_REQUEST_METHOD not in request.headers:
        return None
    response = web.Response(status=204)
    if request.headers.get(hdrs.ORIGIN) in origins:
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_METHODS] = METHODS
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_HEADERS] = ALLOWED
        response.headers[hdrs.ACCESS_CONTROL_MAX_AGE] = PREFLIGHT_SECONDS
    return response


def add_cors(request: web.BaseRequest, response: web.StreamResponse, origins: Container[str]) -> None:
    """Says to a browser whose pages may read this. The origin is repeated, never *: sessions are allowed."""
    response.headers.add(hdrs.VARY, hdrs.ORIGIN)
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is not None and origin in origins:
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = origin
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_CREDENTIALS] = "true"
        response.headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = EXPOSED
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
