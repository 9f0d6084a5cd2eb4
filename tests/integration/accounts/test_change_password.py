"""A password that is changed by who is signed in: what it takes, what ends, who is told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from hub.config import Settings
from tests.integration.accounts.mailbox import Mailbox, jobs_running
from tests.integration.accounts.office import PASSWORD, Office, office_running
from tests.integration.accounts.test_mail import BETTER, login, mailing
from tests.integration.rest.site import Answer

ADMIN, ROOT = "school_admin@near.example", "root@all.example"


async def change(office: Office, token: str, old: str = PASSWORD, new: str = BETTER) -> Answer:
    body = {"currentPassword": old, "newPassword": new}
    return await office.one.ask("POST", "/auth/change-password", token, body)


@pytest.mark.parametrize("who", [ADMIN, ROOT])
async def test_this_session_goes_on_and_the_others_end(office: Office, who: str) -> None:
    here, there = await office.one.sign_in(who), await office.two.token(who)
    other = await office.one.token("staff@near.example")
    assert (await change(office, here["accessToken"])).status == 204
    await office.one.refuses(there)
    await office.two.refuses(there)
    for token in (here["accessToken"], other):
        assert (await office.two.ask("GET", "/auth/me", token)).status == 200
    assert (await office.two.ask("POST", "/auth/refresh", body={"refreshToken": here["refreshToken"]})).status == 200
    assert [await login(office, who, PASSWORD), await login(office, who, BETTER)] == [401, 200]
    (row,) = [row for row in await office.audited("update") if row["resource_type"] == "user"]
    assert (row["user_id"], row["resource_id"]) == (office.users[who], office.users[who])
    assert not any(secret in str(dict(row)) for secret in (PASSWORD, BETTER))


async def test_without_the_current_one_nothing_changes_and_it_is_counted(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []

    async def pause(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(office.one.accounts.throttle, "_pause", pause)
    token = await office.one.token(ADMIN)
    for _ in range(5):
        refused = await change(office, token, old="not the password")
        assert (refused.status, refused.json["details"][0]["field"]) == (422, "currentPassword")
    assert waited == sorted(waited)
    assert len(waited) == 2
    refusals = [entry for entry in office.one.trail.kept if entry.action == "refuse"]
    assert len(refusals) == 5
    assert await login(office, ADMIN, PASSWORD) == 200


@pytest.mark.parametrize("new", ["short", "password1234", PASSWORD, "x" * 129, "aaaaaaaaaaaaaaaa"])
async def test_a_bad_new_one_is_refused(office: Office, new: str) -> None:
    token, there = await office.one.token(ADMIN), await office.one.token(ADMIN)
    refused = await change(office, token, new=new)
    assert (refused.status, refused.json["details"][0]["field"]) == (400, "newPassword")
    assert (await office.two.ask("GET", "/auth/me", there)).status == 200
    assert await login(office, ADMIN, PASSWORD) == 200


async def test_a_school_may_ask_for_more(office: Office) -> None:
    await office.set("near", '{"passwords": {"minLength": 40}}')
    refused = await change(office, await office.one.token(ADMIN))
    assert (refused.status, refused.json["details"][0]["field"]) == (400, "newPassword")


async def test_letters_that_offer_a_new_one_are_void(office: Office) -> None:
    token = await office.one.token(ADMIN)
    await office.fetch(
        "INSERT INTO mailed_tokens (hash, user_id, purpose, email, expires_at)"
        " VALUES (sha256('x'), $1, 'reset', $2, now() + interval '1 h')",
        *(office.users[ADMIN], ADMIN),
    )
    assert (await change(office, token)).status == 204
    assert await office.fetch("SELECT 1 FROM mailed_tokens WHERE used_at IS NULL") == []


@pytest.fixture
async def mailbox() -> AsyncIterator[Mailbox]:
    async with Mailbox().open() as box:
        yield box


@pytest.fixture
async def posted(settings: Callable[..., Settings], mailbox: Mailbox) -> AsyncIterator[Office]:
    own = mailing(settings, mailbox.port)
    async with office_running(own) as running, jobs_running(own):
        yield running


async def test_its_owner_is_told_and_the_letter_opens_nothing(posted: Office, mailbox: Mailbox) -> None:
    assert (await change(posted, await posted.one.token(ADMIN))).status == 204
    letter = await mailbox.letter()
    assert letter["To"].addresses[0].addr_spec == ADMIN
    text: Any = letter.get_body(("plain",))
    assert "password of your account has been changed" in text.get_content()
    assert "token" not in text.get_content()
    assert await posted.fetch("SELECT 1 FROM mailed_tokens") == []


async def test_who_had_the_address_is_told_that_it_is_gone(posted: Office, mailbox: Mailbox) -> None:
    path = f"/admin/users/{posted.users['staff@near.example']}"
    moved = {"email": "moved@near.example"}
    assert (await posted.one.ask("PUT", path, await posted.one.token(ADMIN), moved)).status == 200
    letters = {letter["To"].addresses[0].addr_spec: letter for letter in [await mailbox.letter() for _ in range(2)]}
    assert set(letters) == {"staff@near.example", "moved@near.example"}
    text: Any = letters["staff@near.example"].get_body(("plain",))
    assert "another e-mail address" in text.get_content()
