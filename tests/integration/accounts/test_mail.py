"""Letters, from the transaction that causes them to a real SMTP server, and what is done with the token in them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest

from hub.config import Settings
from hub.domain.ids import new_id
from hub.jobs import process
from tests.integration.accounts.conftest import SECRET
from tests.integration.accounts.mailbox import Mailbox, jobs_running, token_in
from tests.integration.accounts.office import ROLE_IDS, Office, office_running
from tests.integration.feed_world import until

ADMIN, STAFF = "school_admin@near.example", "staff@near.example"
BETTER = "three herons on a pier"
NEW = {"email": "new@near.example", "firstName": "Grace", "lastName": "Hopper", "roleId": str(ROLE_IDS["staff"])}


def mailing(settings: Callable[..., Settings], port: int, **more: Any) -> Settings:
    own: dict[str, Any] = {"smtp_host": "127.0.0.1", "smtp_port": port, "smtp_tls": "none", "secret_key": SECRET}
    return settings(**own | {"rate_anonymous": 10_000, "public_url": "https://pass.example/"} | more)


@pytest.fixture
async def mailbox() -> AsyncIterator[Mailbox]:
    async with Mailbox().open() as box:
        yield box


@pytest.fixture
async def office(settings: Callable[..., Settings], mailbox: Mailbox) -> AsyncIterator[Office]:
    own = mailing(settings, mailbox.port)
    async with office_running(own) as running, jobs_running(own):
        yield running


async def login(office: Office, email: str, password: str) -> int:
    return (await office.one.ask("POST", "/auth/login", body={"email": email, "password": password})).status


async def reset(office: Office, token: str, password: str = BETTER) -> int:
    body = {"token": token, "password": password}
    return (await office.two.ask("POST", "/auth/reset-password", body=body)).status


async def test_who_is_invited_chooses_a_password_and_has_shown_the_address(office: Office, mailbox: Mailbox) -> None:
    made = await office.one.ask("POST", "/admin/users", await office.one.token(ADMIN), NEW)
    letter = await mailbox.letter()
    assert letter["To"].addresses[0].addr_spec == NEW["email"]
    assert letter["Subject"] == "Your account at near"
    assert "https://pass.example/accept-invitation#token=" in letter.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert await login(office, NEW["email"], BETTER) == 401
    assert await reset(office, token_in(letter), "password1234") == 400  # and the token is still good
    assert await reset(office, token_in(letter)) == 204
    assert await login(office, NEW["email"], BETTER) == 200
    user = await office.one.ask("GET", f"/admin/users/{made.json['id']}", await office.one.token(ADMIN))
    assert user.json["emailVerifiedAt"] is not None
    assert await reset(office, token_in(letter), "another long password") == 422
    assert await login(office, NEW["email"], BETTER) == 200


async def test_a_forgotten_password_is_replaced_and_all_sessions_end(office: Office, mailbox: Mailbox) -> None:
    theirs = await office.two.token(STAFF)
    answer = await office.one.ask("POST", "/auth/forgot-password", body={"email": STAFF.upper()})
    assert (answer.status, answer.text) == (202, "")
    assert await reset(office, await mailbox.token()) == 204
    await office.one.refuses(theirs)
    await office.two.refuses(theirs)
    assert await login(office, STAFF, BETTER) == 200
    assert "has been changed" in (await mailbox.letter())["Subject"]
    rows = await office.fetch("SELECT * FROM audit_logs WHERE resource_type = 'user'")
    assert [(row["action"], row["user_id"]) for row in rows] == [("update", office.users[STAFF])]
    assert BETTER not in str(rows)


async def test_who_has_no_account_is_answered_alike_and_gets_no_letter(office: Office, mailbox: Mailbox) -> None:
    await office.fetch("UPDATE users SET is_active = false WHERE email = 'security@near.example'")
    answers = [
        await office.one.ask("POST", "/auth/forgot-password", body={"email": email})
        for email in ("nobody@near.example", "security@near.example", STAFF)
    ]
    assert {(answer.status, answer.text) for answer in answers} == {(202, "")}
    assert (await mailbox.letter())["To"].addresses[0].addr_spec == STAFF
    assert await office.fetch("SELECT user_id FROM mailed_tokens") == [(office.users[STAFF],)]
    assert mailbox.letters.empty()


async def test_a_mailbox_is_not_filled(office: Office, mailbox: Mailbox) -> None:
    for _ in range(6):
        assert (await office.one.ask("POST", "/auth/forgot-password", body={"email": STAFF})).status == 202
    await office.one.ask("POST", "/auth/forgot-password", body={"email": ADMIN})
    seen = [(await mailbox.letter())["To"].addresses[0].addr_spec for _ in range(4)]
    assert sorted(seen) == [ADMIN] + 3 * [STAFF]
    assert mailbox.letters.empty()


async def test_only_the_last_of_several_letters_is_good(office: Office, mailbox: Mailbox) -> None:
    tokens = []
    for _ in range(2):
        await office.one.ask("POST", "/auth/forgot-password", body={"email": STAFF})
        tokens.append(await mailbox.token())
    assert [await reset(office, token) for token in tokens] == [422, 204]


SPOILT = {
    "expired": "UPDATE mailed_tokens SET expires_at = now()",
    "another address": "UPDATE users SET email = 'moved@near.example' WHERE email = 'staff@near.example'",
    "deactivated": "UPDATE users SET is_active = false WHERE email = 'staff@near.example'",
    "another purpose": "UPDATE mailed_tokens SET purpose = 'verify'",
}


@pytest.mark.parametrize("statement", SPOILT.values(), ids=SPOILT.keys())
async def test_a_token_that_is_not_good_any_more(office: Office, mailbox: Mailbox, statement: str) -> None:
    await office.one.ask("POST", "/auth/forgot-password", body={"email": STAFF})
    token = await mailbox.token()
    await office.fetch(statement)
    assert await reset(office, token) == 422
    assert await reset(office, "A" * 43) == 422


async def test_of_many_who_use_a_token_at_once_one_sets_the_password(office: Office, mailbox: Mailbox) -> None:
    await office.one.ask("POST", "/auth/forgot-password", body={"email": STAFF})
    token = await mailbox.token()
    answers = await asyncio.gather(*(reset(office, token, f"a long password {n}") for n in range(5)))
    assert sorted(answers) == [204, 422, 422, 422, 422]


async def test_another_address_is_to_be_confirmed(office: Office, mailbox: Mailbox) -> None:
    token, path = await office.one.token(ADMIN), f"/admin/users/{office.users[STAFF]}"
    await office.fetch("UPDATE users SET email_verified_at = now()")
    changed = await office.one.ask("PUT", path, token, {"email": "moved@near.example"})
    assert changed.json["emailVerifiedAt"] is None
    letters = [await mailbox.letter(), await mailbox.letter()]  # the other one tells who had the address before
    (letter,) = [one for one in letters if one["To"].addresses[0].addr_spec == "moved@near.example"]
    assert await reset(office, token_in(letter)) == 422  # it proves an address, and opens nothing
    for status in (204, 422):
        body = {"token": token_in(letter)}
        assert (await office.two.ask("POST", "/auth/verify-email", body=body)).status == status
    assert (await office.one.ask("GET", path, token)).json["emailVerifiedAt"] is not None


async def test_names_do_not_become_markup_or_headers(office: Office, mailbox: Mailbox) -> None:
    name = "<b onclick=x>Ada</b>\r\nBcc: all@near.example"
    await office.fetch("UPDATE users SET first_name = $1 WHERE email = $2", name, STAFF)
    await office.fetch("UPDATE schools SET name = 'A & B <School> ${link}' WHERE code = 'near'")
    await office.one.ask("POST", "/auth/forgot-password", body={"email": STAFF})
    letter = await mailbox.letter()
    assert letter["Bcc"] is None
    assert letter["Subject"] == "A new password for A & B <School> ${link}"
    html = letter.get_body(("html",)).get_content()  # type: ignore[union-attr]
    assert "&lt;b onclick=x&gt;Ada&lt;/b&gt;" in html
    assert "A &amp; B &lt;School&gt; ${link}" in html
    assert "<b onclick" not in html


async def test_the_token_is_in_the_letter_and_nowhere_else(office: Office, mailbox: Mailbox) -> None:
    await office.one.ask("POST", "/auth/forgot-password", body={"email": STAFF})
    token = await mailbox.token()
    for table in ("mailed_tokens", "pgqueuer", "pgqueuer_log", "audit_logs"):
        rows = await office.fetch(f"SELECT t::text AS row FROM {table} t")
        assert not any(token in row["row"] or token.encode().hex() in row["row"] for row in rows)


async def test_a_letter_that_is_refused_for_now_comes_later(office: Office, mailbox: Mailbox) -> None:
    mailbox.refusals = ["451 try again later"]
    await office.one.ask("POST", "/auth/forgot-password", body={"email": STAFF})
    await mailbox.refused.wait()
    assert await reset(office, await mailbox.token()) == 204


async def test_a_letter_that_is_refused_for_good_is_given_up(office: Office, mailbox: Mailbox) -> None:
    mailbox.refusals = ["550 no such mailbox here"]
    await office.one.ask("POST", "/auth/forgot-password", body={"email": STAFF})
    await mailbox.refused.wait()
    await office.one.ask("POST", "/auth/forgot-password", body={"email": ADMIN})
    assert (await mailbox.letter())["To"].addresses[0].addr_spec == ADMIN


async def letters_audited(office: Office, count: int) -> list[tuple[Any, ...]]:
    """What the audit says of letters, once it says so much."""
    rows: list[Any] = []
    async with asyncio.timeout(120):
        while len(rows) < count:
            rows = await office.fetch("SELECT * FROM audit_logs WHERE resource_type = 'letter' ORDER BY created_at")
    return [(row["action"], row["resource_id"], row["school_id"], json.loads(row["new_values"])) for row in rows]


async def test_what_became_of_a_letter_is_in_the_audit(office: Office, mailbox: Mailbox) -> None:
    await office.one.ask("POST", "/auth/forgot-password", body={"email": STAFF})
    token = await mailbox.token()
    mailbox.refusals = ["550 no such mailbox here"]
    await office.one.ask("POST", "/auth/forgot-password", body={"email": ADMIN})
    near, refused = office.schools["near"], {"outcome": "refused", "fault": "the mail server refuses it (550)"}
    told = await letters_audited(office, 2)
    assert told == [
        ("create", office.users[STAFF], near, {"purpose": "reset", "outcome": "sent"}),
        ("create", office.users[ADMIN], near, {"purpose": "reset"} | refused),
    ]
    assert token not in str(await office.fetch("SELECT * FROM audit_logs"))


async def test_a_letter_that_is_given_up_is_in_the_audit(
    office: Office, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "MAIL_TRIES", 0)
    mailbox.refusals = ["451 try again later"]
    await office.one.ask("POST", "/auth/forgot-password", body={"email": STAFF})
    ((_, user, _, new),) = await letters_audited(office, 1)
    assert (user, new["outcome"]) == (office.users[STAFF], "given up")


async def test_letters_wait_for_a_server_that_is_away(settings: Callable[..., Settings]) -> None:
    """The port is found out and closed again; what was asked for meanwhile arrives once it listens."""
    mailbox = Mailbox()
    async with mailbox.open():
        pass
    own = mailing(settings, mailbox.port)
    async with office_running(own) as office, jobs_running(own):
        await office.one.ask("POST", "/auth/forgot-password", body={"email": STAFF})
        async with mailbox.open():
            assert await reset(office, await mailbox.token()) == 204


async def test_a_request_that_fails_mails_nothing(office: Office) -> None:
    token = await office.one.token(ADMIN)
    assert (await office.one.ask("POST", "/admin/users", token, NEW | {"email": STAFF})).status == 409
    assert await office.fetch("SELECT 1 FROM pgqueuer WHERE entrypoint = 'mail'") == []


async def test_the_server_may_ask_who_we_are(settings: Callable[..., Settings]) -> None:
    mailbox = Mailbox()
    options = {"authenticator": mailbox.sign_in, "auth_required": True, "auth_require_tls": False}
    async with mailbox.open(**options):
        own = mailing(settings, mailbox.port, smtp_user="hub", smtp_password="smtp secret")
        async with office_running(own) as office, jobs_running(own):
            await office.one.ask("POST", "/auth/forgot-password", body={"email": STAFF})
            await mailbox.letter()
    assert mailbox.signed_in == [b"smtp secret"]


async def test_without_a_server_letters_are_files_that_nobody_else_reads(
    settings: Callable[..., Settings], tmp_path: Path
) -> None:
    own = settings(mail_dir=tmp_path / "mail", secret_key=SECRET, rate_anonymous=10_000)
    async with office_running(own) as office, jobs_running(own):
        await office.one.ask("POST", "/auth/forgot-password", body={"email": STAFF})
        await until(lambda: list((tmp_path / "mail").glob("*.eml")), "the letter is there")
        (path,) = (tmp_path / "mail").glob("*.eml")
        assert path.stat().st_mode & 0o777 == 0o600
        letter = message_from_bytes(path.read_bytes(), policy=default)
        assert await reset(office, token_in(letter)) == 204


async def test_a_second_invitation_replaces_the_first(office: Office, mailbox: Mailbox) -> None:
    token = await office.one.token(ADMIN)
    made = await office.one.ask("POST", "/admin/users", token, NEW)
    first = await mailbox.token()
    assert (await office.one.ask("POST", f"/admin/users/{made.json['id']}/invite", token)).status == 202
    second = await mailbox.token()
    assert [await reset(office, first), await reset(office, second)] == [422, 204]
    assert (await office.one.ask("POST", f"/admin/users/{new_id()}/invite", token)).status == 404
