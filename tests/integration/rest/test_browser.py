"""What a browser is told, and what is believed of it: headers, origins, cookies, proxies."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest

from hub.config import Settings
from tests.integration.rest.site import Site, site_running
from tests.integration.rest.small import ROUTES

OTHER = "https://console.example"


@pytest.fixture
async def site(settings: Callable[..., Settings]) -> AsyncIterator[Site]:
    own = settings(rate_anonymous=10_000, allowed_origins=OTHER, trusted_proxies="127.0.0.0/8,10.0.0.0/8")
    async with site_running(own, ROUTES) as running:
        yield running


@pytest.mark.parametrize("path", ["/api/v1/hello", "/api/v1/nothing", "/api/v1/looking", "/api/docs"])
async def test_every_answer_has_the_security_headers(site: Site, path: str) -> None:
    headers = (await site.ask("GET", path)).headers
    assert "unsafe-inline" not in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "camera=()" in headers["Permissions-Policy"]
    assert "Strict-Transport-Security" not in headers
    assert headers["X-Request-ID"]


async def test_tls_at_a_trusted_proxy_counts(site: Site) -> None:
    answer = await site.ask("GET", "/api/v1/hello", headers={"X-Forwarded-Proto": "https"})
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=31536000")
    assert answer.headers["X-Secure"] == "True"


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("6.6.6.6, 203.0.113.7, 10.1.1.1", "203.0.113.7"),
        ("6.6.6.6, nonsense, 10.1.1.1", "10.1.1.1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("", "127.0.0.1"),
    ],
)
async def test_the_last_hop_that_is_not_ours_is_the_client(site: Site, forwarded: str, address: str) -> None:
    answer = await site.ask("GET", "/api/v1/hello", headers={"X-Forwarded-For": forwarded})
    assert answer.json == {"names": [address]}


async def test_pages_of_allowed_origins_may_read_and_no_others(site: Site) -> None:
    ours = await site.ask("GET", "/api/v1/hello", headers={"Origin": OTHER})
    assert ours.headers["Access-Control-Allow-Origin"] == OTHER
    assert ours.headers["Access-Control-Allow-Credentials"] == "true"
    theirs = await site.ask("GET", "/api/v1/hello", headers={"Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in theirs.headers
    assert "Origin" in theirs.headers["Vary"]
    asked = {"Access-Control-Request-Method": "PUT"}
    preflight = await site.ask("OPTIONS", "/api/v1/things", headers={"Origin": OTHER, **asked})
    assert preflight.status == 204
    assert "PUT" in preflight.headers["Access-Control-Allow-Methods"]
    refused = await site.ask("OPTIONS", "/api/v1/things", headers={"Origin": "https://evil.example", **asked})
    assert "Access-Control-Allow-Methods" not in refused.headers


async def test_a_cookie_vouches_for_pages_of_this_site_alone(site: Site) -> None:
    cookie = {"Cookie": f"passhub={site.token()}"}
    own = site.url.removeprefix("http://")
    assert (await site.ask("GET", "/api/v1/looking", headers=cookie)).status == 200
    for headers, status in (
        ({}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": f"https://{own}"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 201),
        ({"Origin": site.url}, 201),
        ({"Origin": OTHER}, 201),
    ):
        name = {"name": f"n{len(str(headers))}"}
        answer = await site.ask("POST", "/api/v1/things", body=name, headers=cookie | headers)
        assert answer.status == status, headers


async def test_on_tls_only_the_prefixed_cookie_counts(site: Site) -> None:
    token, tls = site.token(), {"X-Forwarded-Proto": "https"}
    plain = await site.ask("GET", "/api/v1/looking", headers=tls | {"Cookie": f"passhub={token}"})
    prefixed = await site.ask("GET", "/api/v1/looking", headers=tls | {"Cookie": f"__Host-passhub={token}"})
    assert (plain.status, prefixed.status) == (401, 200)


async def test_the_reference_page_and_its_files_are_served_from_here(site: Site) -> None:
    page = await site.ask("GET", "/api/docs")
    assert page.status == 200
    assert "://" not in page.text
    assert "style=" not in page.text
    for path in ("/api/docs/start.js", "/api/docs/swagger-ui.css", "/api/docs/swagger-ui-bundle.js"):
        assert path.rpartition("/")[2] in page.text
        assert (await site.ask("GET", path)).status == 200
    for version in ("v1", "v2"):
        document = await site.ask("GET", f"/api/{version}/openapi.json")
        assert document.json["openapi"].startswith("3.1")
        tag = {"If-None-Match": document.headers["ETag"]}
        assert (await site.ask("GET", f"/api/{version}/openapi.json", headers=tag)).status == 304
