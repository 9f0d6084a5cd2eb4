"""From what a person types for a hub's address to the address of its WebSocket."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit, urlunsplit

PATH = "/api/v1/readers/connect"
_SCHEMES = {"ws": "ws", "wss": "wss", "http": "ws", "https": "wss"}


def hub_url(text: str) -> str:
    """`wss://host[:port]/api/v1/readers/connect` from a URL (ws, wss, http, https), or from a bare host[:port].

    A bare host is spoken to with TLS, because the device key goes with the first request; one on this machine is not.
    A path before the hub's own is kept (`https://example.org/hub`). Raises ValueError that says what is wrong.
    """
    text = text.strip()
    bare = "://" not in text
    try:
        parts = urlsplit(f"wss://{text}" if bare else text)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"not an address: {error}") from None
    if parts.scheme not in _SCHEMES:
        raise ValueError(f"{parts.scheme}:// is no hub's address; give ws://, wss://, http://, https:// or a host")
    if not host or " " in text:
        raise ValueError("the address has no host")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("the address may have a host, a port and a path, nothing else")
    scheme = "ws" if bare and _is_this_machine(host) else _SCHEMES[parts.scheme]
    path = parts.path.rstrip("/")
    return urlunsplit((scheme, parts.netloc, path if path.endswith(PATH) else path + PATH, "", ""))


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
