"""How the console's files are served: what a browser may do with them, what it keeps, and when it asks again."""

from __future__ import annotations

import gzip
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from hub.config import load_settings
from hub.integrations.mail.writing import PAGES
from hub.live.page import VIEWS, page_routes
from hub.rest.client import Clients
from hub.rest.shell import Shell
from hub.rest.stack import Stack

POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "connect-src": "'self'",
    "img-src": "'self' blob:",
    "font-src": "'self'",
    "manifest-src": "'self'",
    "worker-src": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "require-trusted-types-for": "'script'",
    "trusted-types": "svelte-trusted-html passhub-worker",
}
#: Only there may WebAssembly be compiled.
WORKER_POLICY = {
    "default-src": "'none'",
    "script-src": "'self' 'wasm-unsafe-eval'",
    "connect-src": "'self'",
    "require-trusted-types-for": "'script'",
    "trusted-types": "'none'",
}
HTML, SCRIPT = b"<!doctype html><title>passhub</title>", b"export const answer = 42;"
WASM = b"\0asm\1\0\0\0"
Client = TestClient[web.Request, web.Application]
Start = Callable[[web.Application], Awaitable[Client]]


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """As the console's build leaves it."""
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_bytes(HTML)
    (tmp_path / "icon.svg").write_bytes(b"<svg/>")
    (tmp_path / "site.webmanifest").write_bytes(b"{}")
    (tmp_path / ".built-from").write_bytes(b"0" * 64)
    (tmp_path / "assets/main-1a2b.js").write_bytes(SCRIPT)
    (tmp_path / "assets/worker-reading-3c4d.js").write_bytes(SCRIPT)
    (tmp_path / "assets/reader-5e6f.wasm").write_bytes(WASM)
    (tmp_path / "assets/main-1a2b.js.gz").write_bytes(gzip.compress(SCRIPT))
    (tmp_path / "assets/main-1a2b.js.br").write_bytes(b"as brotli has it")
    return tmp_path


def application(files: Path) -> web.Application:
    return Shell(4096, Stack(load_settings(), Clients([])), ()).application(page_routes(files))


@pytest.fixture
async def client(aiohttp_client: Start, built: Path) -> Client:
    client = await aiohttp_client(application(built))
    client.session.headers.update({"Accept-Encoding": "identity"})
    return client


def policy(headers: Mapping[str, str]) -> dict[str, str]:
    return dict(rule.strip().split(" ", 1) for rule in headers["Content-Security-Policy"].split(";"))


@pytest.mark.parametrize("address", ["/", "/icon.svg", "/site.webmanifest", "/assets/main-1a2b.js"])
async def test_every_file_is_served_with_its_rules(client: Client, address: str) -> None:
    async with client.get(address) as answer:
        assert answer.status == 200
        headers, body = answer.headers, await answer.read()
    assert policy(headers) == POLICY
    assert headers["Permissions-Policy"].startswith("camera=(self), microphone=()")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Vary"] == "Accept-Encoding"
    for_ever = "public, max-age=31536000, immutable"
    assert headers["Cache-Control"] == (for_ever if address.startswith("/assets/") else "no-cache")
    async with client.head(address) as answer:
        assert (answer.status, await answer.read()) == (200, b"")
        assert answer.headers["ETag"] == headers["ETag"]
        assert answer.headers["Content-Length"] == str(len(body))


async def test_a_worker_alone_may_compile_webassembly(client: Client) -> None:
    async with client.get("/assets/worker-reading-3c4d.js") as answer:
        assert policy(answer.headers) == WORKER_POLICY
    async with client.get("/assets/reader-5e6f.wasm") as answer:
        assert (answer.headers["Content-Type"], await answer.read()) == ("application/wasm", WASM)
        assert "wasm-unsafe-eval" not in answer.headers["Content-Security-Policy"]


async def test_what_the_browser_has_is_not_sent_again(client: Client) -> None:
    async with client.get("/") as answer:
        tag = answer.headers["ETag"]
    for known in (tag, f'"other", {tag}', f"W/{tag}", "*"):
        async with client.get("/", headers={"If-None-Match": known}) as answer:
            assert (answer.status, await answer.read()) == (304, b"")
            assert answer.headers["ETag"] == tag
            assert answer.headers["Cache-Control"] == "no-cache"
    async with client.get("/", headers={"If-None-Match": '"other"'}) as answer:
        assert answer.status == 200


@pytest.mark.parametrize(
    ("accepted", "sent"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip;q=1.0, br;q=0", "gzip"),
        ("gzip", "gzip"),
        ("deflate", None),
        ("br;q=0.0, gzip;q=0", None),
        ("", None),
    ],
)
async def test_a_file_is_sent_as_it_was_packed(
    aiohttp_client: Start, built: Path, accepted: str, sent: str | None
) -> None:
    client = await aiohttp_client(application(built))
    async with client.get(
        "/assets/main-1a2b.js", headers={"Accept-Encoding": accepted}, auto_decompress=False
    ) as answer:
        packed = {"br": b"as brotli has it", "gzip": gzip.compress(SCRIPT), None: SCRIPT}[sent]
        assert answer.headers.get("Content-Encoding") == sent
        assert (await answer.read())[10:] == packed[10:]  # gzip's header has a time
        tag = answer.headers["ETag"]
    async with client.get(
        "/assets/main-1a2b.js", headers={"Accept-Encoding": "identity", "If-None-Match": tag}
    ) as answer:
        assert answer.status == (304 if sent is None else 200)  # other bytes, another tag


async def test_every_view_is_the_one_page(client: Client) -> None:
    for view in [*VIEWS, "admin", "admin/students", "admin/students/0190"]:
        async with client.get(f"/{view}") as answer:
            assert (answer.status, await answer.read()) == (200, HTML)
    for nothing in ("/nothing", "/assets/other.js", "/assets", "/.built-from", "/assets/main-1a2b.js.br", "/page.py"):
        async with client.get(nothing) as answer:
            assert answer.status == 404
            assert answer.content_type == "application/json"


def test_letters_lead_to_views() -> None:
    assert set(PAGES.values()) <= set(VIEWS)


async def test_it_is_only_read(client: Client) -> None:
    async with client.post("/") as answer:
        assert answer.status == 405
        assert set(answer.headers["Allow"].split(",")) == {"GET", "HEAD"}


async def test_a_hub_without_a_console_says_so(aiohttp_client: Start, tmp_path: Path) -> None:
    client = await aiohttp_client(application(tmp_path / "nothing"))
    async with client.get("/live") as answer:
        assert answer.status == 503
        assert "make console" in await answer.text()
