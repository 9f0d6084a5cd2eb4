"""Where a URL leads, in words that hold no password, and whether its host name is known."""

from __future__ import annotations

import socket
from typing import NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from hub.supervisor.doctor.waiting import in_thread

RESOLVE_SECONDS = 3.0
DEFAULT_PORTS = {"postgresql": 5432, "postgres": 5432, "redis": 6379, "rediss": 6379}


class Place(NamedTuple):
    """`text` may be shown to anyone. `host`: a name to look up, None for a unix socket or several hosts."""

    text: str
    host: str | None
    port: int


def read_place(url: str) -> Place | None:
    """None when the URL cannot be read as it was meant: a password with an unescaped `/`, `?` or `#` in it.

    Then no piece of it may be shown: what looks like a host or a port may be part of the password.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or DEFAULT_PORTS.get(parts.scheme, 0)
    except ValueError:
        return None
    if "@" in parts.path or "@" in parts.query or "@" in parts.fragment:
        return None
    if parts.scheme == "unix":
        return Place(unquote(parts.path), None, 0)
    hosts = parse_qs(parts.query).get("host", [""])[0] or parts.hostname or ""
    database = unquote(parts.path.strip("/"))
    if hosts.startswith("/") or not hosts:
        return Place(f"{hosts or 'the local socket'}, database {database or 'of the same name as the user'}", None, 0)
    several = "," in parts.netloc.rpartition("@")[2] or "," in hosts
    text = parts.netloc.rpartition("@")[2] if several else f"{hosts}:{port}"
    return Place(f"{text}/{database}" if database else text, None if several else hosts, port)


async def resolves(place: Place) -> bool:
    """Whether the name of the host is known, asked for at most `RESOLVE_SECONDS`."""
    if place.host is None:
        return True
    host, port = place.host, place.port
    try:
        await in_thread(lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM), RESOLVE_SECONDS)
    except (OSError, TimeoutError, UnicodeError):
        return False
    return True


UNREADABLE = "the address cannot be read"
ESCAPE = "write / ? # : and @ in its password as %2F %3F %23 %3A and %40"
