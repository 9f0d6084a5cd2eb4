"""Tokens as cookies: HttpOnly, Secure, SameSite=Strict, bound to this host by their name's prefix.

On plain HTTP a browser takes no such cookie; there, and only on this very machine, they go without prefix and Secure.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from aiohttp import hdrs

from hub.accounts.sessions import Granted
from hub.errors import BadRequest
from hub.rest.call import Call
from hub.rest.client import Client
from hub.rest.origin import check_origin, session_cookie

_REFRESH = "-refresh"
_LOCAL = {"localhost", "127.0.0.1", "::1"}


def refresh_cookie(client: Client) -> str:
    return session_cookie(client) + _REFRESH


def require_safe(call: Call[Any, Any]) -> None:
    """Before tokens are put into cookies. Raises BadRequest where a cookie would travel in the clear, Forbidden when
    another site's page asks."""
    client = call.client
    if not client.secure and _name(client.host) not in _LOCAL:
        message = "cookie: only over TLS, or on localhost"
        raise BadRequest(f"delivery: {message}", [{"field": "delivery", "message": message}])
    if hdrs.ORIGIN in call.request.headers:
        check_origin(call.request, client, call.settings.allowed_origins)


def _name(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:  # a host that cannot be
        return None


def presented_refresh(call: Call[Any, Any]) -> str | None:
    """The refresh token of the cookie, if a page of this site sends it. Raises Forbidden."""
    token = call.request.cookies.get(refresh_cookie(call.client))
    if token is not None:
        check_origin(call.request, call.client, call.settings.allowed_origins)
    return token


def cookies(client: Client, granted: Granted) -> dict[str, dict[str, Any]]:
    """What sets both, by name."""
    return {
        session_cookie(client): _cookie(client, granted.access_token, granted.expires_in),
        refresh_cookie(client): _cookie(client, granted.refresh_token, granted.refresh_seconds),
    }


def forgotten(client: Client) -> dict[str, dict[str, Any]]:
    """What takes both away."""
    options = {"path": "/", "secure": client.secure, "httponly": True, "samesite": "Strict"}
    return {session_cookie(client): options, refresh_cookie(client): dict(options)}


def wall_cookie(client: Client, token: str, expires: datetime) -> dict[str, dict[str, Any]]:
    """A wall screen's one token, in the place of a session's."""
    left = int((expires - datetime.now(UTC)).total_seconds())
    return {session_cookie(client): _cookie(client, token, left)}


def forgotten_refresh(client: Client) -> dict[str, dict[str, Any]]:
    return {refresh_cookie(client): forgotten(client)[refresh_cookie(client)]}


def _cookie(client: Client, value: str, seconds: int) -> dict[str, Any]:
    return {
        "value": value,
        "max_age": seconds,
        "path": "/",
        "secure": client.secure,
        "httponly": True,
        "samesite": "Strict",
    }
