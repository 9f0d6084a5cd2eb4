"""Cookies and who may send them: a browser adds them whatever page asks, so an unsafe request says where it is from."""

from __future__ import annotations

from collections.abc import Container
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from hub.errors import Forbidden
from hub.rest.client import Client

#: The session's cookie: on TLS with a prefix that binds it to this host and to TLS, on plain HTTP without.
SECURE_COOKIE = "__Host-passhub"
PLAIN_COOKIE = "passhub"

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def session_cookie(client: Client) -> str:
    return SECURE_COOKIE if client.secure else PLAIN_COOKIE


def check_origin(request: web.BaseRequest, client: Client, allowed: Container[str], *, always: bool = False) -> None:
    """Raises Forbidden when an unsafe request that a cookie vouches for comes from another site's page.

    `always`: safe methods too, as for the handshake of a WebSocket. A browser sends Origin with what is unsafe, or at
    least says in Sec-Fetch-Site what it knows.
    """
    if request.method in _SAFE and not always:
        return
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is None:
        if request.headers.get("Sec-Fetch-Site") != "same-origin":
            raise Forbidden("a request with a session's cookie says where it comes from: send Origin")
        return
    if not same_origin(origin, client) and origin not in allowed:
        raise Forbidden("this page may not use a session of this site")


def same_origin(origin: str, client: Client) -> bool:
    """Case and a default port make no difference."""
    return _parts(origin) is not None and _parts(origin) == _parts(client.origin)


def _parts(origin: str) -> tuple[str, str, int | None] | None:
    try:
        parts = urlsplit(origin)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return None
    return None if not parts.hostname else (parts.scheme, parts.hostname, port)
