"""Headers of every answer that a browser may show: what a page of ours may load, and who may frame it."""

from __future__ import annotations

from aiohttp import web

from hub.rest.client import Client
from hub.rest.limiter import HEADERS as RATE
from hub.rest.request_id import HEADER, request_id

#: No 'unsafe-inline': styles and scripts of ours are files. Pictures may come from a file store.
POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: https:; connect-src 'self'; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
#: A year, subdomains too, as the source document has it.
TRANSPORT = "max-age=31536000; includeSubDomains; preload"
FIXED = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
#: Where the router leaves what its route's answers say of themselves.
ROUTE = web.RequestKey("route_headers", dict[str, str])


def add_headers(request: web.BaseRequest, response: web.StreamResponse, client: Client) -> None:
    """Headers that the handler has set itself stay."""
    headers = response.headers
    for name, value in FIXED.items():
        headers.setdefault(name, value)
    if client.secure:
        headers.setdefault("Strict-Transport-Security", TRANSPORT)
    headers[HEADER] = request_id(request)
    for source in (ROUTE, RATE):
        headers.update(request.get(source, {}))
