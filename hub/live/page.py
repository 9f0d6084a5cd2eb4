"""The guard console at `/`: built from dashboards/guard into page/, the names of its files hashed, and read once.

What is below /assets/ never changes under its name, and may be kept for ever. Everything else is to be revalidated, by
a tag that is the hash of what it holds: a page of one version runs with the scripts of that version. Brotli and gzip
were made when it was built. The policy allows this page's own files and socket, and nothing else; the one way from text
to markup is Svelte's, for the templates that it compiled. The camera is this page's own, for scanning.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from aiohttp import ETag, hdrs, web

_FILES = Path(__file__).parent / "page"
_TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".woff2": "font/woff2",
    ".webmanifest": "application/manifest+json",
    ".wasm": "application/wasm",
}
_BYTES = {".png", ".woff2", ".webmanifest", ".wasm"}  # of no charset
_PACKED = {"br": ".br", "gzip": ".gz"}  # the better one first
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' blob:; "
    "font-src 'self'; manifest-src 'self'; worker-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'none'; require-trusted-types-for 'script'; trusted-types svelte-trusted-html passhub-worker"
)
#: Of a worker, which has what its own file says and not what the page's does: it alone may compile WebAssembly.
_WORKER_POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
#: Addresses that the console shows itself: each is answered with its one page. Letters lead to the last three.
VIEWS = (
    *("live", "doors", "today", "look-up", "hand-over", "scan", "wall", "account"),
    *("accept-invitation", "reset-password", "verify-email"),
)
_REFUSING = re.compile(r";\s*q=0(\.0+)?\s*$")


class _File:
    """One file of the console, as it was when the worker began."""

    def __init__(self, path: Path) -> None:
        body = path.read_bytes()
        self._type = _TYPES[path.suffix]
        self._charset = None if path.suffix in _BYTES else "utf-8"
        self._tag = hashlib.sha256(body).hexdigest()[:32]
        for_ever = path.parent.name == "assets"
        kept = "public, max-age=31536000, immutable" if for_ever else "no-cache"
        self._headers = _HEADERS | {hdrs.CACHE_CONTROL: kept, hdrs.VARY: hdrs.ACCEPT_ENCODING}
        if path.name.startswith("worker-"):  # as vite.config.ts calls them
            self._headers["Content-Security-Policy"] = _WORKER_POLICY
        self._bodies = {"": body}
        for encoding, suffix in _PACKED.items():
            packed = path.with_name(path.name + suffix)
            if packed.exists():
                self._bodies[encoding] = packed.read_bytes()

    async def answer(self, request: web.Request) -> web.Response:
        """200, or 304 when the browser has it."""
        encoding = self._encoding(request.headers.get(hdrs.ACCEPT_ENCODING, ""))
        tag = f"{self._tag}-{encoding}" if encoding else self._tag  # other bytes, another tag
        headers = self._headers | ({hdrs.CONTENT_ENCODING: encoding} if encoding else {})
        known = request.if_none_match or ()
        if any(one.value in {tag, "*"} for one in known):
            response = web.Response(status=304, headers=self._headers)
        else:
            body = self._bodies[encoding]
            response = web.Response(body=body, content_type=self._type, charset=self._charset, headers=headers)
        response.etag = ETag(tag)
        return response

    def _encoding(self, accepted: str) -> str:
        wanted = {part.partition(";")[0].strip() for part in accepted.split(",") if not _REFUSING.search(part)}
        return next((encoding for encoding in _PACKED if encoding in wanted and encoding in self._bodies), "")


async def _not_built(_: web.Request) -> web.Response:
    """Doors are answered without it."""
    return web.Response(status=503, text="The console is not part of this installation: `make console` builds it.\n")


def page_routes(files: Path = _FILES) -> list[web.RouteDef]:
    """The page at `/` and at each of its views, and a route for each of its files. GET, and with it HEAD."""
    views = ["/", *(f"/{name}" for name in VIEWS), "/admin", "/admin/{view:.*}"]
    if not (files / "index.html").exists():
        return [web.get(view, _not_built) for view in views]
    page = _File(files / "index.html")
    found = {
        path.relative_to(files).as_posix(): _File(path)
        for path in sorted(files.rglob("*"))
        if path.suffix in _TYPES and path.name != "index.html"
    }
    return [
        *(web.get(view, page.answer) for view in views),
        *(web.get(f"/{name}", file.answer) for name, file in found.items()),
    ]
