"""Sessions from the outside: signing in, going on, ending at one worker and being refused at the other, stealing."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import jwt
import pytest
from argon2 import PasswordHasher

from hub.accounts.keys import rotate
from hub.domain.keyring import KeyRing
from hub.store.pg import Pg, Role
from tests.integration.accounts.office import PASSWORD, Office
from tests.integration.feed_world import until

ADMIN = "school_admin@near.example"


async def test_who_signs_in_is_told_who_they_are(office: Office) -> None:
    answer = await office.one.sign_in(ADMIN.upper())
    assert answer["expiresIn"] == 900
    assert answer["user"]["email"] == ADMIN
    assert answer["user"]["schoolId"] == str(office.schools["near"])
    me = await office.one.ask("GET", "/auth/me", answer["accessToken"])
    assert me.json == answer["user"]
    assert "users:create" in me.json["permissions"]
    assert "schools:create" not in me.json["permissions"]
    rows = await office.audited("login")
    assert [(row["user_id"], row["school_id"]) for row in rows] == [(office.users[ADMIN], office.schools["near"])]
    row = (await office.fetch("SELECT * FROM users WHERE email = $1", ADMIN))[0]
    assert row["last_login_at"] is not None


async def test_a_session_made_on_one_worker_is_good_on_the_other_at_once(office: Office) -> None:
    for _ in range(20):
        token = await office.one.token(ADMIN)
        assert (await office.two.ask("GET", "/auth/me", token)).status == 200


@pytest.mark.parametrize("body", [{"password": "not the password"}, {"email": "nobody@near.example"}])
async def test_a_wrong_password_and_a_wrong_address_are_answered_alike(office: Office, body: dict[str, Any]) -> None:
    refused = await office.one.ask("POST", "/auth/login", body={"email": ADMIN, "password": PASSWORD} | body)
    assert (refused.status, refused.json["message"]) == (401, "e-mail address or password is wrong")
    assert refused.headers["WWW-Authenticate"] == "Bearer"
    assert len(await office.audited("refuse")) == 1
    assert await office.fetch("SELECT 1 FROM sessions") == []


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE users SET is_active = false WHERE id = $1",
        "UPDATE users SET deleted_at = now() WHERE id = $1",
        "UPDATE users SET password_hash = '' WHERE id = $1",
        "UPDATE schools SET is_active = false FROM users u WHERE u.school_id = schools.id AND u.id = $1",
    ],
)
async def test_who_may_not_be_here_does_not_sign_in(office: Office, change: str) -> None:
    await office.fetch(change, office.users[ADMIN])
    refused = await office.one.ask("POST", "/auth/login", body={"email": ADMIN, "password": PASSWORD})
    assert (refused.status, refused.json["message"]) == (401, "e-mail address or password is wrong")


async def test_a_refresh_token_gives_the_next_and_the_sessions_end_stays(office: Office) -> None:
    first = await office.one.sign_in(ADMIN)
    ends = await office.fetch("SELECT expires_at FROM sessions")
    second = await office.two.ask("POST", "/auth/refresh", body={"refreshToken": first["refreshToken"]})
    assert second.status == 200
    assert second.json["refreshToken"] != first["refreshToken"]
    third = await office.one.ask("POST", "/auth/refresh", body={"refreshToken": second.json["refreshToken"]})
    assert third.json["user"] == first["user"]
    assert await office.fetch("SELECT expires_at FROM sessions") == ends
    # The first access token has not expired, and its session lives.
    assert (await office.one.ask("GET", "/auth/me", first["accessToken"])).status == 200


@pytest.mark.parametrize(("remember", "days"), [(False, 7), (True, 30)])
async def test_a_session_lives_for_a_week_or_a_month(office: Office, remember: bool, days: int) -> None:
    await office.one.sign_in(ADMIN, rememberMe=remember)
    rows = await office.fetch(
        "SELECT expires_at - created_at = make_interval(secs => $1) AS same FROM sessions", days * 86400
    )
    assert [row["same"] for row in rows] == [True]


async def test_a_stolen_family_ends_with_whoever_holds_it(office: Office) -> None:
    """The thief refreshes first, then the owner; it does not matter who comes second."""
    stolen = await office.one.sign_in(ADMIN)
    thief = await office.one.ask("POST", "/auth/refresh", body={"refreshToken": stolen["refreshToken"]})
    owner = await office.two.ask("POST", "/auth/refresh", body={"refreshToken": stolen["refreshToken"]})
    assert owner.status == 401
    again = await office.one.ask("POST", "/auth/refresh", body={"refreshToken": thief.json["refreshToken"]})
    assert again.status == 401
    for token in (stolen["accessToken"], thief.json["accessToken"]):
        await office.one.refuses(token)
        await office.two.refuses(token)
    rows = await office.audited("refuse")
    assert [row["user_id"] for row in rows] == [office.users[ADMIN]]
    assert '"sessionEnded": true' in rows[0]["new_values"]
    ended = await office.fetch("SELECT end_reason FROM sessions")
    assert [row["end_reason"] for row in ended] == ["token_reuse"]


async def test_one_of_many_who_refresh_at_once_gets_the_next_and_the_session_ends(office: Office) -> None:
    session = await office.one.sign_in(ADMIN)
    body = {"refreshToken": session["refreshToken"]}
    workers = (office.one, office.two)
    answers = await asyncio.gather(*(workers[n % 2].ask("POST", "/auth/refresh", body=body) for n in range(8)))
    assert sorted(answer.status for answer in answers) == [200] + 7 * [401]
    assert [row["end_reason"] for row in await office.fetch("SELECT end_reason FROM sessions")] == ["token_reuse"]


@pytest.mark.parametrize("token", ["", "x", "A" * 43, "A" * 200, "ß" * 43, "' OR true --"])
async def test_what_is_no_refresh_token_is_refused(office: Office, token: str) -> None:
    answer = await office.one.ask("POST", "/auth/refresh", body={"refreshToken": token})
    assert answer.status in {400, 401}
    assert (await office.one.ask("POST", "/auth/refresh", body={})).status == 401


async def test_a_session_past_its_end_gives_nothing(office: Office) -> None:
    session = await office.one.sign_in(ADMIN)
    await office.fetch("UPDATE sessions SET expires_at = now()")
    await office.two.refuses(session["accessToken"])
    answer = await office.one.ask("POST", "/auth/refresh", body={"refreshToken": session["refreshToken"]})
    assert answer.status == 401


ENDS = {
    "password": "UPDATE users SET password_hash = 'another' WHERE id = $1",
    "role": "UPDATE users SET role_id = '018bcfe5-6800-7000-8000-000000000003' WHERE id = $1",
    "deactivation": "UPDATE users SET is_active = false WHERE id = $1",
    "deletion": "UPDATE users SET deleted_at = now() WHERE id = $1",
}


@pytest.mark.parametrize("statement", ENDS.values(), ids=ENDS.keys())
async def test_what_changes_an_account_ends_its_sessions_everywhere(office: Office, statement: str) -> None:
    ended: dict[int, list[UUID]] = {1: [], 2: []}
    office.one.accounts.sessions.on_ended(ended[1].append)
    office.two.accounts.sessions.on_ended(ended[2].append)
    token, other = await office.one.token(ADMIN), await office.one.token("staff@near.example")
    for worker in (office.one, office.two):
        assert (await worker.ask("GET", "/auth/me", token)).status == 200
    session = (await office.fetch("SELECT id FROM sessions WHERE user_id = $1", office.users[ADMIN]))[0]["id"]
    await office.fetch(statement, office.users[ADMIN])
    await office.one.refuses(token)
    await office.two.refuses(token)
    assert ended == {1: [session], 2: [session]}
    assert (await office.two.ask("GET", "/auth/me", other)).status == 200


async def test_logging_out_ends_this_session_and_no_other(office: Office) -> None:
    here, there = await office.one.sign_in(ADMIN), await office.one.sign_in(ADMIN)
    assert (await office.one.ask("POST", "/auth/logout", here["accessToken"])).status == 204
    await office.two.refuses(here["accessToken"])
    await office.one.refuses(here["accessToken"])
    assert (await office.one.ask("POST", "/auth/refresh", body={"refreshToken": here["refreshToken"]})).status == 401
    assert (await office.two.ask("GET", "/auth/me", there["accessToken"])).status == 200
    assert [row["user_id"] for row in await office.audited("logout")] == [office.users[ADMIN]]


async def test_while_the_feed_is_cut_the_tables_are_asked(office: Office) -> None:
    """Memory that may have missed an end is not believed."""
    token = await office.one.token(ADMIN)
    assert (await office.two.ask("GET", "/auth/me", token)).status == 200
    office.two.accounts.sessions._fresh = lambda: False
    office.two.roster.reread, kept = _missed, office.two.roster.reread  # type: ignore[method-assign, assignment]
    await office.fetch("UPDATE sessions SET ended_at = now()")
    await office.one.refuses(token)
    assert (await office.two.ask("GET", "/auth/me", token)).status == 200  # what the feed would have told is missed
    office.two.roster.reread = kept  # type: ignore[method-assign]
    assert (await office.two.ask("GET", "/auth/me", token)).status == 401


async def _missed(*_: object) -> None:
    """A feed that tells nothing."""


async def test_hashing_a_password_anew_signs_nobody_out(office: Office) -> None:
    old = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)
    await office.person("old@near.example", "staff", "near", old)
    first = await office.one.token("old@near.example")
    rows = await office.fetch("SELECT password_hash FROM users WHERE email = 'old@near.example'")
    assert "m=19456,t=2,p=1" in rows[0]["password_hash"]
    await office.one.token("old@near.example")
    assert (await office.two.ask("GET", "/auth/me", first)).status == 200


async def test_a_new_signing_key_signs_nobody_out(office: Office) -> None:
    before = await office.one.sign_in(ADMIN)
    pg = await Pg.open(office.settings, [Role.hub_system])
    try:
        assert await rotate(pg, KeyRing([bytes(range(32))]), older_than=-1.0)
        await office.fetch("UPDATE token_keys SET active_from = now() WHERE active_from > now()")
        assert not await rotate(pg, KeyRing([bytes(range(32))]))
    finally:
        await pg.close()
    kids = await office.fetch("SELECT id, retired_at IS NOT NULL AS retired FROM token_keys ORDER BY active_from")
    assert [row["retired"] for row in kids] == [True, False]
    keys = office.one.roster.keys
    await until(lambda: sorted(key.retired for key in keys.values()) == [False, True], "the new key is heard of")
    after = await office.one.sign_in(ADMIN)
    for tokens in (before, after):
        assert (await office.two.ask("GET", "/auth/me", tokens["accessToken"])).status == 200
    assert _kid(after["accessToken"]) == str(kids[1]["id"]) != _kid(before["accessToken"])
    assert (await office.two.ask("POST", "/auth/refresh", body={"refreshToken": before["refreshToken"]})).status == 200
    told = await office.fetch("SELECT * FROM audit_logs WHERE resource_type = 'token_key' ORDER BY created_at")
    old, new = (row["id"] for row in kids)
    assert [(row["action"], row["resource_id"]) for row in told] == [("create", old), ("create", new), ("update", old)]
    assert {row["user_id"] for row in told} == {None}


def _kid(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])
