"""The second factor: set up, asked for, used once; recovery codes; required by a school of a role."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pyotp
import pytest

from hub.accounts.roster import queries
from hub.accounts.signing_in import Attempt, SecondFactorNeeded
from hub.accounts.throttle import FREE_CODES
from hub.config import Settings
from hub.store.pg import Pg, Role
from tests.integration.accounts.conftest import SECRET
from tests.integration.accounts.office import NOW, PASSWORD, Office, office_running
from tests.integration.accounts.test_cookies import cookies, sent
from tests.integration.feed_world import until

ADMIN = "school_admin@near.example"


def at(app: pyotp.TOTP, steps: int = 0) -> str:
    """The code so many steps from now."""
    return app.at(int(NOW) + 30 * steps)


async def enrol(office: Office, email: str = ADMIN) -> tuple[pyotp.TOTP, list[str]]:
    """What the app has afterwards, and the recovery codes."""
    token = await office.one.token(email)
    offered = await office.one.ask("POST", "/auth/second-factor", token, {"password": PASSWORD})
    assert offered.status == 201, offered.text
    app = pyotp.TOTP(offered.json["secret"])
    assert pyotp.parse_uri(offered.json["uri"]).secret == app.secret
    # The step before this one, so that this one is still good for signing in.
    code = at(app, -1)
    confirmed = await office.one.ask("POST", "/auth/second-factor/confirm", token, {"totp": code})
    assert confirmed.status == 200, confirmed.text
    return app, confirmed.json["recoveryCodes"]


async def login(office: Office, totp: str | None = None, email: str = ADMIN, **more: Any) -> int:
    body = {"email": email, "password": PASSWORD} | ({} if totp is None else {"totp": totp}) | more
    return (await office.two.ask("POST", "/auth/login", body=body)).status


async def test_it_is_asked_for_once_it_is_confirmed(office: Office) -> None:
    app, _ = await enrol(office)
    needed = await office.two.ask("POST", "/auth/login", body={"email": ADMIN, "password": PASSWORD})
    assert needed.status == 401
    assert "totp" in needed.json["message"]
    assert await login(office, "000000" if at(app) != "000000" else "000001") == 401
    assert await login(office, at(app)) == 200
    # Who has not the password learns nothing of it.
    wrong = await office.two.ask("POST", "/auth/login", body={"email": ADMIN, "password": "not the password"})
    assert "totp" not in wrong.json["message"]


async def test_a_code_is_good_once_and_an_older_one_is_not(office: Office) -> None:
    app, _ = await enrol(office)
    code, older = at(app), at(app, -1)
    assert await login(office, code) == 200
    assert await login(office, code) == 401
    assert await login(office, older) == 401


async def test_of_many_who_use_a_code_at_once_one_gets_in(office: Office) -> None:
    app, _ = await enrol(office)
    code = at(app)
    answers = await asyncio.gather(*(login(office, code) for _ in range(4)))
    assert sorted(answers) == [200, 401, 401, 401]


@pytest.mark.parametrize("steps", [-3, 3, 100])
async def test_a_code_of_another_time_is_refused(office: Office, steps: int) -> None:
    app, _ = await enrol(office)
    assert await login(office, at(app, steps)) == 401


async def test_each_recovery_code_stands_in_once(office: Office) -> None:
    _, codes = await enrol(office)
    assert len(set(codes)) == 10
    assert await login(office, codes[0]) == 200
    assert await login(office, codes[0]) == 401
    assert await login(office, codes[1].upper().replace("-", " ")) == 200
    kept = await office.fetch("SELECT hash, secret FROM recovery_codes JOIN second_factors USING (user_id)")
    assert len(kept) == 10
    assert not any(codes[2].encode() in row["hash"] + row["secret"] for row in kept)


async def test_who_guesses_codes_is_stopped_and_the_right_one_does_not_help_meanwhile(office: Office) -> None:
    app, codes = await enrol(office)
    wrong = "000000" if at(app) != "000000" else "000001"
    statuses = [await login(office, wrong) for _ in range(FREE_CODES + 1)]
    assert 429 in statuses or await login(office, wrong) == 429
    assert await login(office, codes[0]) == 429
    # Who has not the password does not get so far as to be told.
    assert (await office.two.ask("POST", "/auth/login", body={"email": ADMIN, "password": "wrong one"})).status == 401


async def test_setting_it_up_takes_the_password_and_a_code(office: Office) -> None:
    token = await office.one.token(ADMIN)
    refused = await office.one.ask("POST", "/auth/second-factor", token, {"password": "stolen session"})
    assert (refused.status, refused.json["details"][0]["field"]) == (422, "password")
    assert (await office.one.ask("POST", "/auth/second-factor/confirm", token, {"totp": "123456"})).status == 409
    offered = await office.one.ask("POST", "/auth/second-factor", token, {"password": PASSWORD})
    app = pyotp.TOTP(offered.json["secret"])
    wrong = "000000" if at(app) != "000000" else "000001"
    assert (await office.one.ask("POST", "/auth/second-factor/confirm", token, {"totp": wrong})).status == 422
    assert await login(office) == 200  # not confirmed: not asked for
    good = {"totp": at(app)}
    assert (await office.one.ask("POST", "/auth/second-factor/confirm", token, good)).status == 200
    assert (await office.one.ask("POST", "/auth/second-factor", token, {"password": PASSWORD})).status == 409


async def test_it_is_taken_away_with_the_password_and_a_code(office: Office) -> None:
    app, codes = await enrol(office)
    token = str((await office.one.sign_in(ADMIN, totp=at(app)))["accessToken"])
    for body in ({"password": "wrong one here", "totp": codes[0]}, {"password": PASSWORD, "totp": "abcdef"}):
        assert (await office.one.ask("POST", "/auth/second-factor/remove", token, body)).status == 422
    body = {"password": PASSWORD, "totp": codes[0]}
    assert (await office.one.ask("POST", "/auth/second-factor/remove", token, body)).status == 204
    assert await login(office) == 200
    assert await office.fetch("SELECT 1 FROM recovery_codes") == []


async def test_who_guesses_at_taking_it_away_is_held_up_though_the_password_is_right(office: Office) -> None:
    app, codes = await enrol(office)
    token = str((await office.one.sign_in(ADMIN, totp=at(app)))["accessToken"])
    path = "/auth/second-factor"
    for _ in range(FREE_CODES):
        guess = {"password": PASSWORD, "totp": "abcdef"}
        assert (await office.one.ask("POST", f"{path}/remove", token, guess)).status == 422
        # Nor does the right password elsewhere make it forgotten.
        assert (await office.one.ask("POST", path, token, {"password": PASSWORD})).status == 409
    right = {"password": PASSWORD, "totp": codes[0]}
    assert (await office.one.ask("POST", f"{path}/remove", token, right)).status == 429


async def test_a_sign_in_that_began_before_it_was_set_up_has_to_have_a_code_too(office: Office) -> None:
    """The password was right before; the session would begin after the others were ended."""
    signing_in = office.one.accounts.signing_in
    attempt = Attempt(ADMIN, PASSWORD, None, remember=False, delivery="body", address=None, user_agent=None)
    verified = await signing_in.verify(attempt)
    await enrol(office)
    pg = await Pg.open(office.settings, Role)
    try:
        with pytest.raises(SecondFactorNeeded):
            async with pg.admin() as tx:
                await signing_in.enter(tx, attempt, verified)
    finally:
        await pg.close()


async def test_a_sign_in_waits_for_one_that_is_being_set_up(office: Office) -> None:
    user, pg = office.users[ADMIN], await Pg.open(office.settings, Role)
    factors = office.one.accounts.factors
    try:
        async with pg.admin() as setting_up:
            await setting_up.execute(queries["hold_user"], user)
            sign_in = asyncio.create_task(login(office))
            await office.until_somebody_waits()
            await setting_up.execute(
                "INSERT INTO second_factors (user_id, secret, confirmed_at) VALUES ($1, 'x', now())", user
            )
        assert await sign_in == 401
        async with pg.admin() as tx:
            assert await factors.is_asked_for(tx, user)
    finally:
        await pg.close()


async def test_the_same_person_signs_in_at_many_places_at_once(office: Office) -> None:
    assert await asyncio.gather(*(login(office) for _ in range(8))) == [200] * 8


async def test_a_school_that_asks_for_it_lets_nobody_of_the_role_do_anything_without(office: Office) -> None:
    token, guard = await office.one.token(ADMIN), await office.one.token("security@near.example")
    assert (await office.one.ask("GET", "/admin/users", token)).status == 200
    await office.set("near", '{"secondFactor": ["school_admin"]}')
    school = office.schools["near"]
    await until(lambda: office.one.roster.schools[school].second_factor, "the setting is heard of")
    assert (await office.one.ask("GET", "/admin/users", token)).status == 403
    me = (await office.one.ask("GET", "/auth/me", token)).json
    assert (me["permissions"], me["secondFactor"]) == ([], {"required": True, "enrolled": False})
    assert (await office.one.ask("GET", "/auth/me", guard)).json["permissions"] != []
    other = await office.one.token("school_admin@far.example")
    assert (await office.one.ask("GET", "/admin/users", other)).status == 200

    app, codes = await enrol(office)
    user = office.users[ADMIN]
    await until(lambda: office.one.roster.people[user].second_factor, "the second factor is heard of")
    # A session that began with the password alone is not the better for it.
    await office.one.refuses(token)
    token = str((await office.one.sign_in(ADMIN, totp=at(app, 1)))["accessToken"])
    assert (await office.one.ask("GET", "/admin/users", token)).status == 200
    body = {"password": PASSWORD, "totp": codes[0]}
    assert (await office.one.ask("POST", "/auth/second-factor/remove", token, body)).status == 409
    assert await login(office, codes[1]) == 200


async def test_an_administrator_takes_a_lost_one_away(office: Office) -> None:
    _, codes = await enrol(office, "staff@near.example")
    token, path = await office.one.token(ADMIN), f"/admin/users/{office.users['staff@near.example']}"
    assert (await office.one.ask("GET", path, token)).json["secondFactor"]
    theirs = (await office.one.sign_in("staff@near.example", totp=codes[0]))["accessToken"]
    changed = await office.one.ask("PUT", path, token, {"secondFactor": False})
    assert (changed.status, changed.json["secondFactor"]) == (200, False)
    await office.two.refuses(str(theirs))
    assert await login(office, email="staff@near.example") == 200
    assert (await office.one.ask("PUT", path, token, {"secondFactor": True})).status == 400


ROOT = "root@all.example"


@pytest.fixture
async def strict(settings: Callable[..., Settings]) -> AsyncIterator[Office]:
    own = settings(rate_anonymous=10_000, secret_key=SECRET, super_admin_second_factor=True)
    async with office_running(own) as running:
        yield running


@pytest.mark.parametrize("who", [ROOT, ADMIN])
async def test_on_no_way_does_a_session_without_it_do_anything(strict: Office, who: str) -> None:
    """By bearer, by cookie, after a refresh, with a school named; of a super admin by the operator's setting."""
    await strict.set("near", '{"secondFactor": ["school_admin"]}')
    school = strict.schools["near"]
    await until(lambda: strict.two.roster.schools[school].second_factor, "the setting is heard of")
    first = await strict.one.sign_in(who)
    assert (first["user"]["permissions"], first["user"]["secondFactor"]["required"]) == ([], True)
    refreshed = await strict.two.ask("POST", "/auth/refresh", body={"refreshToken": first["refreshToken"]})
    page = await strict.one.ask("POST", "/auth/login", body={"email": who, "password": PASSWORD, "delivery": "cookie"})
    jar = cookies(page)
    again = await strict.one.ask("POST", "/auth/refresh", body={}, headers=sent(jar, Origin=strict.one.url))
    ways: list[dict[str, Any]] = [
        {"token": first["accessToken"]},
        {"token": refreshed.json["accessToken"]},
        {"headers": sent(jar)},
        {"headers": sent(cookies(again))},
    ]
    for way in ways:
        for path in ("/admin/users", f"/students?schoolId={school}", "/schools", "/admin/audit-logs"):
            assert (await strict.two.ask("GET", path, **way)).status == 403
        for path in ("/auth/me", "/auth/sessions"):
            assert (await strict.two.ask("GET", path, **way)).status == 200


async def test_a_super_admin_who_has_set_it_up_may_everything_and_keeps_it(strict: Office) -> None:
    waiting = await strict.one.token(ROOT)  # by somebody who has the password, and waits
    app, codes = await enrol(strict, ROOT)
    await strict.one.refuses(waiting)
    assert await login(strict, email=ROOT) == 401
    token = str((await strict.one.sign_in(ROOT, totp=at(app)))["accessToken"])
    assert (await strict.one.ask("GET", "/admin/users", token)).status == 200
    body = {"password": PASSWORD, "totp": codes[0]}
    assert (await strict.one.ask("POST", "/auth/second-factor/remove", token, body)).status == 409


async def test_without_the_setting_a_super_admin_needs_none(office: Office) -> None:
    me = await office.one.sign_in(ROOT)
    assert (me["user"]["secondFactor"]["required"], me["user"]["permissions"] != []) == (False, True)
