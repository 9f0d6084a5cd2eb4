"""Sessions as their owners and administrators see them, and their end one by one; logging out when it is late."""

from __future__ import annotations

import time
from typing import Any
from uuid import UUID

import jwt
import pytest

from hub.accounts.keys import Signer
from hub.accounts.tokens import ACCESS_SECONDS, issue
from hub.domain.ids import new_id
from hub.domain.keyring import KeyRing
from hub.store.pg import Pg, Role
from tests.integration.accounts.office import Office
from tests.integration.accounts.test_cookies import LOGIN, cookies, sent

ADMIN, STAFF, ROOT, FAR = "school_admin@near.example", "staff@near.example", "root@all.example", "staff@far.example"


def session_of(token: str) -> str:
    return str(jwt.decode(token, options={"verify_signature": False})["sid"])


async def listed(office: Office, token: str, path: str = "/auth/sessions") -> list[dict[str, Any]]:
    answer = await office.one.ask("GET", path, token)
    assert answer.status == 200, answer.text
    data: list[dict[str, Any]] = answer.json["data"]
    return data


@pytest.mark.parametrize("who", [ADMIN, ROOT])
async def test_where_one_is_signed_in_and_with_what(office: Office, who: str) -> None:
    phone = await office.one.ask(
        "POST", "/auth/login", body=LOGIN | {"email": who}, headers={"User-Agent": "Phone/1 (\u00e9)"}
    )
    assert phone.status == 200
    here = await office.one.token(who)
    await office.one.token(FAR)
    newest, older = await listed(office, here)
    assert (newest["id"], newest["current"], newest["delivery"]) == (session_of(here), True, "body")
    assert (older["current"], older["delivery"], older["address"]) == (False, "cookie", "127.0.0.1")
    assert older["userAgent"].startswith("Phone/1")
    assert newest["expiresAt"] > newest["lastUsedAt"] >= newest["createdAt"]


async def test_a_refresh_is_a_use(office: Office) -> None:
    first = await office.one.sign_in(ADMIN)
    before = (await listed(office, first["accessToken"]))[0]
    await office.one.ask("POST", "/auth/refresh", body={"refreshToken": first["refreshToken"]})
    after = (await listed(office, first["accessToken"]))[0]
    assert after["lastUsedAt"] > before["lastUsedAt"]
    assert after["expiresAt"] == before["expiresAt"]


async def test_one_that_is_ended_is_refused_everywhere_and_no_other(office: Office) -> None:
    ended: list[UUID] = []
    office.two.accounts.sessions.on_ended(ended.append)  # what live sockets go by
    here, lost = await office.one.token(ADMIN), await office.one.sign_in(ADMIN)
    assert (await office.two.ask("GET", "/auth/me", lost["accessToken"])).status == 200
    path = f"/auth/sessions/{session_of(lost['accessToken'])}"
    assert (await office.one.ask("DELETE", path, here)).status == 204
    await office.one.refuses(lost["accessToken"])
    await office.two.refuses(lost["accessToken"])
    assert ended == [UUID(session_of(lost["accessToken"]))]
    refreshed = await office.two.ask("POST", "/auth/refresh", body={"refreshToken": lost["refreshToken"]})
    assert refreshed.status == 401
    assert [one["id"] for one in await listed(office, here)] == [session_of(here)]
    assert (await office.one.ask("DELETE", path, here)).status == 404
    (row,) = await office.audited("delete")
    assert (row["user_id"], row["resource_type"]) == (office.users[ADMIN], "session")
    assert row["school_id"] == office.schools["near"]


async def test_ones_own_can_be_ended_too(office: Office) -> None:
    here = await office.one.token(ROOT)
    assert (await office.one.ask("DELETE", f"/auth/sessions/{session_of(here)}", here)).status == 204
    await office.two.refuses(here)


async def test_nobody_ends_somebody_elses(office: Office) -> None:
    mine, theirs = await office.one.token(STAFF), await office.one.token(ADMIN)
    for token in (theirs, await office.one.token(FAR)):
        assert (await office.one.ask("DELETE", f"/auth/sessions/{session_of(token)}", mine)).status == 404
    assert (await office.one.ask("DELETE", f"/auth/sessions/{session_of(mine)}", theirs)).status == 404
    assert (await office.one.ask("GET", "/auth/me", theirs)).status == 200


async def test_an_administrator_ends_those_of_the_school(office: Office) -> None:
    admin, theirs = await office.one.token(ADMIN), await office.one.token(STAFF)
    path = f"/admin/users/{office.users[STAFF]}/sessions"
    (found,) = await listed(office, admin, path)
    assert (found["id"], found["current"]) == (session_of(theirs), False)
    assert (await office.one.ask("DELETE", f"{path}/{session_of(admin)}", admin)).status == 404
    assert (await office.one.ask("DELETE", f"{path}/{found['id']}", admin)).status == 204
    await office.two.refuses(theirs)
    (row,) = await office.audited("delete")
    assert (row["user_id"], row["school_id"]) == (office.users[ADMIN], office.schools["near"])
    assert str(office.users[STAFF]) in row["new_values"]


async def test_an_administrator_ends_none_of_who_may_more_or_is_elsewhere(office: Office) -> None:
    admin = await office.one.token(ADMIN)
    for who in (ROOT, FAR):
        session = session_of(await office.one.token(who))
        path = f"/admin/users/{office.users[who]}/sessions"
        assert (await office.one.ask("GET", path, admin)).status == 404
        assert (await office.one.ask("DELETE", f"{path}/{session}", admin)).status == 404
    weaker = await office.one.ask(
        "POST", "/admin/roles", admin, {"name": "help desk", "permissions": ["users:read", "users:update"]}
    )
    await office.fetch(
        "UPDATE users SET role_id = $1 WHERE id = $2", UUID(weaker.json["id"]), office.users["security@near.example"]
    )
    desk = await office.one.token("security@near.example")
    path = f"/admin/users/{office.users[ADMIN]}/sessions"
    assert len(await listed(office, desk, path)) == 1
    assert (await office.one.ask("DELETE", f"{path}/{session_of(admin)}", desk)).status == 403


async def late(office: Office, token: str) -> str:
    """The same session's access token, from a time when it was not refreshed."""
    pg = await Pg.open(office.settings, Role)
    try:
        kid, key = await Signer(pg, office.one.roster, KeyRing([bytes(range(32))])).current()
    finally:
        await pg.close()
    user = UUID(jwt.decode(token, options={"verify_signature": False})["sub"])
    return issue(kid, key, user, UUID(session_of(token)), time.time() - ACCESS_SECONDS - 60)


async def test_who_comes_late_logs_out_by_the_refresh_token(office: Office) -> None:
    session = await office.one.sign_in(ADMIN)
    expired = await late(office, session["accessToken"])
    assert (await office.one.ask("GET", "/auth/me", expired)).status == 401
    assert (await office.one.ask("POST", "/auth/logout", expired)).status == 401
    gone = await office.one.ask("POST", "/auth/logout", expired, {"refreshToken": session["refreshToken"]})
    assert gone.status == 204
    await office.two.refuses(session["accessToken"])
    (row,) = await office.audited("logout")
    assert (row["user_id"], row["school_id"]) == (office.users[ADMIN], office.schools["near"])
    assert str(row["resource_id"]) == session_of(session["accessToken"])


async def test_a_page_that_comes_late_logs_out_by_its_cookie(office: Office) -> None:
    jar = cookies(await office.one.ask("POST", "/auth/login", body=LOGIN))
    token = jar["passhub"].value
    jar.pop("passhub")  # a browser forgets it after 15 minutes
    for origin in ("https://evil.example", "null"):
        refused = await office.one.ask("POST", "/auth/logout", headers=sent(jar, Origin=origin))
        assert refused.status == 403
    gone = await office.one.ask("POST", "/auth/logout", headers=sent(jar, Origin=office.one.url))
    assert gone.status == 204
    assert cookies(gone)["passhub-refresh"]["max-age"] == "0"
    await office.two.refuses(token)


@pytest.mark.parametrize("token", ["x", "A" * 43])
async def test_what_is_no_session_cannot_be_logged_out(office: Office, token: str) -> None:
    await office.one.token(ADMIN)
    for body in ({"refreshToken": token}, {}, None):
        refused = await office.one.ask("POST", "/auth/logout", None, body)
        assert (refused.status, refused.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert await office.audited("logout") == []


async def test_a_used_refresh_token_still_ends_its_session(office: Office) -> None:
    session = await office.one.sign_in(ADMIN)
    body = {"refreshToken": session["refreshToken"]}
    await office.one.ask("POST", "/auth/refresh", body=body)
    assert (await office.one.ask("POST", "/auth/logout", None, body)).status == 204
    await office.two.refuses(session["accessToken"])


async def test_a_session_that_is_not_there_is_not_found(office: Office) -> None:
    token = await office.one.token(ADMIN)
    assert (await office.one.ask("DELETE", f"/auth/sessions/{new_id()}", token)).status == 404
