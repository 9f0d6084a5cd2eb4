"""How the page's files are served: what a browser may do with them, and when it asks again."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from hub.config import load_settings
from hub.live.page import page_routes
from hub.rest.client import Clients
from hub.rest.shell import Shell
from hub.rest.stack import Stack

FILES = Path(__file__).resolve().parents[2] / "hub/live/page"
ADDRESSES = {"/": "index.html"} | {f"/page/{path.name}": path.name for path in FILES.iterdir()}
del ADDRESSES["/page/index.html"]
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "connect-src": "'self'",
    "img-src": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "require-trusted-types-for": "'script'",
    "trusted-types": "'none'",
}
Client = TestClient[web.Request, web.Application]


@pytest.fixture
async def client(aiohttp_client: Callable[[web.Application], Awaitable[Client]]) -> Client:
    return await aiohttp_client(Shell(4096, Stack(load_settings(), Clients([])), ()).application(page_routes()))


@pytest.mark.parametrize("address", ADDRESSES)
async def test_every_file_is_served_with_its_rules(client: Client, address: str) -> None:
    async with client.get(address) as answer:
        assert answer.status == 200
        assert await answer.read() == (FILES / ADDRESSES[address]).read_bytes()
        headers = answer.headers
    assert dict(rule.strip().split(" ", 1) for rule in headers["Content-Security-Policy"].split(";")) == POLICY
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-cache"
    async with client.head(address) as answer:
        assert (answer.status, await answer.read()) == (200, b"")
        assert answer.headers["ETag"] == headers["ETag"]
        assert answer.headers["Content-Length"] == headers["Content-Length"]


@pytest.mark.parametrize("address", ADDRESSES)
async def test_what_the_browser_has_is_not_sent_again(client: Client, address: str) -> None:
    async with client.get(address) as answer:
        tag = answer.headers["ETag"]
    for known in (tag, f'"other", {tag}', f"W/{tag}", "*"):
        async with client.get(address, headers={"If-None-Match": known}) as answer:
            assert (answer.status, await answer.read()) == (304, b"")
            assert answer.headers["ETag"] == tag
            assert answer.headers["Cache-Control"] == "no-cache"
    async with client.get(address, headers={"If-None-Match": '"other"'}) as answer:
        assert answer.status == 200


async def test_it_is_only_read(client: Client) -> None:
    async with client.post("/") as answer:
        assert answer.status == 405
        assert set(answer.headers["Allow"].split(",")) == {"GET", "HEAD"}
    async with client.get("/page/../page.py") as answer:
        assert answer.status == 404


class _Markup(HTMLParser):
    """Addresses that a document names, and what its policy would forbid."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: set[str] = set()
        self.forbidden: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in {"src", "href"} and value and not value.startswith("#"):
                self.addresses.add(urljoin("/", value))
            if name == "style" or name.startswith("on"):
                self.forbidden.append(f"{tag} {name}")
        if tag == "style" or (tag == "script" and not dict(attrs).get("src")):
            self.forbidden.append(tag)


def test_the_page_names_its_own_files_and_no_others() -> None:
    markup = _Markup()
    markup.feed((FILES / "index.html").read_text())
    scripts = {name for path in FILES.glob("*.js") for name in re.findall(r'from "\./([\w.]+)"', path.read_text())}
    assert markup.forbidden == []
    assert markup.addresses | {f"/page/{name}" for name in scripts} | {"/"} == set(ADDRESSES)
    written: dict[str, Any] = {path.name: path.read_text() for path in FILES.iterdir()}
    outside = [
        name for name, text in written.items() for url in re.findall(r"https?://[\w.]+", text) if "w3.org" not in url
    ]
    assert outside == []


def test_no_script_makes_markup_of_text() -> None:
    makers = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function")
    assert [path.name for path in FILES.glob("*.js") if makers.search(path.read_text())] == []
