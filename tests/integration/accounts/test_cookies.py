"""Tokens as cookies: which attributes they have, who may send them, and what a forged one is worth."""

from __future__ import annotations

from http.cookies import SimpleCookie
from typing import Any

import pytest

from tests.integration.accounts.office import PASSWORD, Office
from tests.integration.rest.site import Answer

ADMIN = "school_admin@near.example"
LOGIN = {"email": ADMIN, "password": PASSWORD, "delivery": "cookie"}


def cookies(answer: Answer) -> SimpleCookie:
    jar = SimpleCookie()
    for header in answer.headers.getall("Set-Cookie", []):
        jar.load(header)
    return jar


def sent(jar: SimpleCookie, **more: str) -> dict[str, str]:
    """The headers of a page that has these cookies."""
    return {"Cookie": "; ".join(f"{name}={morsel.value}" for name, morsel in jar.items())} | more


async def test_on_plain_http_at_localhost_they_go_without_prefix(office: Office) -> None:
    answer = await office.one.ask("POST", "/auth/login", body=LOGIN)
    assert answer.status == 200
    assert set(answer.json) == {"expiresIn", "user"}
    jar = cookies(answer)
    assert set(jar) == {"passhub", "passhub-refresh"}
    for morsel in jar.values():
        assert (morsel["httponly"], morsel["samesite"], morsel["path"]) == (True, "Strict", "/")
        assert not morsel["secure"]
        assert not morsel["domain"]
    assert (jar["passhub"]["max-age"], jar["passhub-refresh"]["max-age"]) == ("900", str(7 * 86400))
    assert (await office.two.ask("GET", "/auth/me", headers=sent(jar))).status == 200


async def behind_tls(office: Office, body: dict[str, Any], **headers: str) -> Answer:
    """As a proxy that ends TLS passes it on."""
    headers = {"Host": "hub.example", "X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.1"} | headers
    return await office.one.ask("POST", "/auth/login", body=body, headers=headers)


@pytest.mark.parametrize("host", ["10.0.0.5:8080", "[", "a]", "[::1"])
async def test_elsewhere_they_need_tls(office: Office, host: str) -> None:
    refused = await office.one.ask("POST", "/auth/login", body=LOGIN, headers={"Host": host})
    assert (refused.status, refused.json["details"][0]["field"]) == (400, "delivery")
    assert "Set-Cookie" not in refused.headers
    # A client that says it came over TLS, and is no proxy of ours, is not believed.
    assert (await behind_tls(office, LOGIN)).status == 400


@pytest.mark.parametrize("trusted_proxies", [["127.0.0.0/8"]])
async def test_over_tls_they_are_bound_to_the_host(settings: Any, trusted_proxies: list[str]) -> None:
    from tests.integration.accounts.conftest import SECRET
    from tests.integration.accounts.office import office_running

    own = settings(rate_anonymous=10_000, secret_key=SECRET, trusted_proxies=",".join(trusted_proxies))
    async with office_running(own) as office:
        answer = await behind_tls(office, LOGIN)
        assert answer.status == 200, answer.text
        jar = cookies(answer)
        assert set(jar) == {"__Host-passhub", "__Host-passhub-refresh"}
        for morsel in jar.values():
            assert (morsel["secure"], morsel["httponly"], morsel["samesite"]) == (True, True, "Strict")
            assert (morsel["path"], morsel["domain"]) == ("/", "")
        # A cookie that anybody on the network could have set is not looked at over TLS.
        plain = SimpleCookie({"passhub": jar["__Host-passhub"].value})
        tls = {"Host": "hub.example", "X-Forwarded-Proto": "https"}
        assert (await office.one.ask("GET", "/auth/me", headers=sent(jar, **tls))).status == 200
        assert (await office.one.ask("GET", "/auth/me", headers=sent(plain, **tls))).status == 401


async def test_a_page_refreshes_and_logs_out_with_nothing_in_its_hands(office: Office) -> None:
    jar = cookies(await office.one.ask("POST", "/auth/login", body=LOGIN))
    here = {"Origin": office.one.url}
    refreshed = await office.one.ask("POST", "/auth/refresh", body={}, headers=sent(jar, **here))
    assert refreshed.status == 200
    assert set(refreshed.json) == {"expiresIn", "user"}
    new = cookies(refreshed)
    assert new["passhub-refresh"].value != jar["passhub-refresh"].value
    assert int(new["passhub-refresh"]["max-age"]) <= 7 * 86400
    gone = await office.one.ask("POST", "/auth/logout", headers=sent(new, **here))
    assert gone.status == 204
    assert {name: morsel["max-age"] for name, morsel in cookies(gone).items()} == {
        "passhub": "0",
        "passhub-refresh": "0",
    }
    await office.one.refuses(new["passhub"].value)


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1", "http://localhost", ""])
@pytest.mark.parametrize("path", ["/auth/refresh", "/auth/logout"])
async def test_another_sites_page_uses_none_of_them(office: Office, origin: str, path: str) -> None:
    jar = cookies(await office.one.ask("POST", "/auth/login", body=LOGIN))
    for headers in ({"Origin": origin}, {"Sec-Fetch-Site": "cross-site"}, {}):
        body: Any = {} if path == "/auth/refresh" else None
        refused = await office.one.ask("POST", path, body=body, headers=sent(jar, **headers))
        assert refused.status == 403
    assert (await office.one.ask("GET", "/auth/me", headers=sent(jar))).status == 200
    assert [row["n"] for row in await office.fetch("SELECT count(*) AS n FROM refresh_tokens")] == [1]


async def test_another_sites_page_sets_none_either(office: Office) -> None:
    refused = await office.one.ask("POST", "/auth/login", body=LOGIN, headers={"Origin": "https://evil.example"})
    assert refused.status == 403
    assert "Set-Cookie" not in refused.headers


@pytest.mark.parametrize("value", ["x", "eyJhbGciOiJub25lIn0.e30.", '"quoted"', "a" * 5000])
async def test_a_forged_cookie_is_nobodys(office: Office, value: str) -> None:
    assert (await office.one.ask("GET", "/auth/me", headers={"Cookie": f"passhub={value}"})).status == 401
    headers = {"Cookie": f"passhub-refresh={value}", "Origin": office.one.url}
    assert (await office.one.ask("POST", "/auth/refresh", body={}, headers=headers)).status == 401
