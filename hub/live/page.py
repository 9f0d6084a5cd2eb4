"""The plain page at `/`: scans as they happen, in a browser. Its files are in page/, written by hand and read once.

Every answer is to be revalidated, by a tag that is the hash of what it holds: a page of one version never runs with the
scripts of another for longer than a reload. The policy allows this page's own files and socket, and nothing else;
Trusted Types make it impossible to turn text into markup.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from aiohttp import ETag, hdrs, web

_FILES = Path(__file__).parent / "page"
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
_HEADERS = {
    hdrs.CACHE_CONTROL: "no-cache",
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class _File:
    """One file of the page, as it was when the worker began."""

    def __init__(self, path: Path) -> None:
        self._body = path.read_bytes()
        self._type = _TYPES[path.suffix]
        self._tag = ETag(hashlib.sha256(self._body).hexdigest()[:32])

    async def answer(self, request: web.Request) -> web.Response:
        """200, or 304 when the browser has it."""
        known = request.if_none_match or ()
        if any(tag.value in {self._tag.value, "*"} for tag in known):
            response = web.Response(status=304, headers=_HEADERS)
        else:
            response = web.Response(body=self._body, content_type=self._type, charset="utf-8", headers=_HEADERS)
        response.etag = self._tag
        return response


def page_routes() -> list[web.RouteDef]:
    """`/`, and a route for each of the page's files. GET, and with it HEAD."""
    files = {path.name: _File(path) for path in sorted(_FILES.iterdir())}
    return [
        web.get("/", files.pop("index.html").answer),
        *(web.get(f"/page/{name}", file.answer) for name, file in files.items()),
    ]
