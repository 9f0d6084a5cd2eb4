"""Where a request comes from: the address, the scheme and the host, believing a proxy only when it is a trusted one."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

import msgspec
from aiohttp import hdrs, web

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

MAX_USER_AGENT = 500


class Client(msgspec.Struct, frozen=True):
    """`secure`: the client's own connection is TLS. `host`: as the client wrote it, with the port."""

    address: str | None
    user_agent: str | None
    secure: bool
    host: str

    @property
    def origin(self) -> str:
        return f"{'https' if self.secure else 'http'}://{self.host}"


_KEY = web.RequestKey("client", Client)


class Clients:
    """`trusted`: networks of the proxies in front (HUB_TRUSTED_PROXIES)."""

    def __init__(self, trusted: Iterable[Network]) -> None:
        self._trusted = tuple(trusted)

    def of(self, request: web.BaseRequest) -> Client:
        """Found once a request."""
        known = request.get(_KEY)
        if known is None:
            known = request[_KEY] = self._find(request)
        return known

    def _find(self, request: web.BaseRequest) -> Client:
        peer = _parse(request.remote)
        by_proxy = peer is not None and self._trusts(peer)
        address = self._forwarded(request, peer) if by_proxy else peer
        secure = request.secure or (by_proxy and request.headers.get("X-Forwarded-Proto", "").strip() == "https")
        agent = request.headers.get(hdrs.USER_AGENT)
        return Client(
            None if address is None else str(address),
            None if agent is None else _printable(agent[:MAX_USER_AGENT]),
            secure,
            request.headers.get(hdrs.HOST, ""),
        )

    def _forwarded(self, request: web.BaseRequest, peer: Address | None) -> Address | None:
        """The right-most hop that is not one of our proxies: whatever stands left of it, a client may have made up."""
        found = peer
        hops = ",".join(request.headers.getall("X-Forwarded-For", [])).split(",")
        for hop in reversed(hops):
            address = _parse(hop.strip())
            if address is None:
                break
            found = address
            if not self._trusts(address):
                break
        return found

    def _trusts(self, address: Address) -> bool:
        return any(address.version == network.version and address in network for network in self._trusted)


def _parse(text: str | None) -> Address | None:
    """Also with a port, as some proxies write it, and IPv4 mapped into IPv6."""
    if not text:
        return None
    bare = text[1:].partition("]")[0] if text.startswith("[") else text
    if bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        address = ipaddress.ip_address(bare.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _printable(text: str) -> str:
    """Without what a database or a terminal chokes on: control characters, and bytes that are no UTF-8."""
    if text.isascii() and text.isprintable():
        return text
    clean = text.encode("utf-8", "replace").decode("utf-8")
    return "".join(c for c in clean if c.isprintable())
