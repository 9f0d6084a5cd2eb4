"""Passes for a whole filter, and passes by mail: once each, whatever is cut, and what bounced is shown."""

from __future__ import annotations

import email
import email.policy
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from hub.config import Settings
from hub.domain.ids import new_id
from hub.integrations.mail.sending import send
from hub.resources.passes import sending
from tests.integration.accounts.mailbox import Mailbox
from tests.integration.jobs.world import ended, forget_heartbeat, jobs_process, jobs_running
from tests.integration.rest.site import Site, site_running

PASSES = "/api/v1/passes"
LAST = "2099-07-31"


@pytest.fixture
async def site(settings: Callable[..., Settings]) -> AsyncIterator[Site]:
    async with site_running(settings(rate_anonymous=10_000)) as running:
        yield running


async def students(site: Site, count: int, school: str = "near", **more: Any) -> list[str]:
    values = {"status": "active", "program": "Physics"} | more
    made = []
    for number in range(count):
        rows = await site.fetch(
            "INSERT INTO students (id, student_id, first_name, last_name, email, school_id, status, program)"
            " VALUES ($1, $2, 'Ada', $3, $4, $5, $6, $7) RETURNING id",
            *(new_id(), str(uuid4()), f"Lovelace {number}", f"{new_id()}@example.org", site.schools[school]),
            *(values["status"], values["program"]),
        )
        made.append(str(rows[0]["id"]))
    return made


async def ask(site: Site, what: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = await site.ask("POST", f"{PASSES}/{what}", site.token(), body)
    assert answer.status == 202, answer.text
    job: dict[str, Any] = answer.json
    assert answer.headers["Location"] == f"/api/v1/jobs/{job['id']}"
    return job


async def test_everybody_of_a_filter_gets_one_pass(site: Site, settings: Callable[..., Settings]) -> None:
    here = await students(site, 5)
    await students(site, 2, status="graduated")
    await students(site, 2, program="Law")
    await students(site, 2, "far")
    one = {"studentId": here[0], "expiryDate": LAST}
    assert (await site.ask("POST", PASSES, site.token(), one)).status == 201
    async with jobs_running(settings()):
        wanted = {"students": {"program": "Physics"}, "expiryDate": LAST}
        job = await ended(site, (await ask(site, "issue", wanted))["id"])
        assert (job["status"], job["result"]) == ("finished", {"made": 4, "holders": 1, "graduates": 2})
        again = await ended(site, (await ask(site, "issue", wanted))["id"])
        assert again["result"] == {"made": 0, "holders": 5, "graduates": 2}
        rest = await ended(site, (await ask(site, "issue", {"everybody": True, "expiryDate": LAST}))["id"])
        assert rest["result"] == {"made": 2, "holders": 5, "graduates": 2}
    rows = await site.fetch("SELECT DISTINCT student_id, school_id FROM passes")
    assert len(rows) == 7
    assert {row["school_id"] for row in rows} == {site.schools["near"]}


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"expiryDate": LAST}, 400, "students"),
        ({"everybody": True, "students": {"program": "Law"}, "expiryDate": LAST}, 400, "students"),
        ({"students": {"program": "Nothing"}, "expiryDate": LAST}, 422, "students"),
        ({"students": {"height": 2}, "expiryDate": LAST}, 400, "students.height"),
        ({"everybody": True}, 400, "expiryDate"),
        ({"everybody": True, "expiryDate": "1990-01-01"}, 400, "expiryDate"),
        ({"everybody": True, "expiryDate": LAST, "templateId": str(new_id())}, 422, "templateId"),
        ({"everybody": True, "expiryDate": LAST, "passType": "visitor"}, 400, "passType"),
    ],
)
async def test_what_cannot_be_issued_is_refused_at_once(
    site: Site, body: dict[str, Any], status: int, field: str
) -> None:
    await students(site, 1)
    answer = await site.ask("POST", f"{PASSES}/issue", site.token(), body)
    assert (answer.status, answer.json["details"][0]["field"]) == (status, field), answer.text
    assert await site.fetch("SELECT FROM job_runs") == []


async def test_issuing_that_is_killed_goes_on_and_gives_nobody_two(
    site: Site, settings: Callable[..., Settings]
) -> None:
    await site.fetch(
        "INSERT INTO students (student_id, first_name, last_name, school_id)"
        " SELECT 's' || i, 'F', 'L', $1 FROM generate_series(1, 3000) AS i",
        site.schools["near"],
    )
    job = await ask(site, "issue", {"everybody": True, "expiryDate": LAST})
    async with jobs_process(settings()) as process:
        while not (await site.fetch("SELECT count(*) AS made FROM passes"))[0]["made"]:
            assert process.returncode is None
    await forget_heartbeat(site)
    async with jobs_running(settings()):
        done = await ended(site, job["id"], hurry=True)
    assert (done["status"], done["result"]["made"]) == ("finished", 3000)
    (row,) = await site.fetch("SELECT count(*) AS passes, count(DISTINCT student_id) AS students FROM passes")
    assert (row["passes"], row["students"]) == (3000, 3000)


def letters(directory: Path) -> list[Any]:
    return [
        email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        for path in sorted(directory.glob("*.eml"))
    ]


async def issued(site: Site, count: int) -> list[str]:
    """Students with passes."""
    made = await students(site, count)
    for one in made:
        await site.ask("POST", PASSES, site.token(), {"studentId": one, "expiryDate": LAST})
    return made


async def test_a_pass_is_mailed_with_its_code_and_not_twice(
    site: Site, settings: Callable[..., Settings], tmp_path: Path
) -> None:
    await issued(site, 3)
    await site.fetch("UPDATE students SET email = NULL WHERE last_name = 'Lovelace 0'")
    await site.fetch("UPDATE students SET last_name = $1 WHERE last_name = 'Lovelace 1'", "<b>\nBcc: x@example.org")
    box = tmp_path / "mail"
    async with jobs_running(settings(mail_dir=box, smtp_from="office@example.org")):
        wanted = {"students": {"program": "Physics"}}
        job = await ended(site, (await ask(site, "send", wanted))["id"])
        assert job["result"] == {"sent": 2, "refused": 0, "unknown": 0}, job
        assert (await ended(site, (await ask(site, "send", wanted))["id"]))["result"]["sent"] == 0
        found = letters(box)
        assert len(found) == 2
        again = await ended(site, (await ask(site, "send", wanted | {"again": True}))["id"])
        assert again["result"]["sent"] == 2
    rows = await site.fetch("SELECT p.pass_number, s.email FROM passes p JOIN students s ON s.id = p.student_id")
    numbers = {row["email"]: row["pass_number"] for row in rows}
    for letter in found:
        number = numbers[letter["To"].addresses[0].addr_spec]
        assert letter["Bcc"] is None
        assert number in letter.get_body(("plain",)).get_content()
        html = letter.get_body(("html",)).get_content()
        assert "cid:pass" in html
        assert "<b>" not in html
        (picture,) = [part for part in letter.walk() if part.get_content_type() == "image/png"]
        assert picture.get_content().startswith(b"\x89PNG")
        assert "SP1:" not in letter.as_string()
    page = await site.ask("GET", f"{PASSES}/mails?jobId={job['id']}", site.token())
    assert [item["state"] for item in page.json["data"]] == ["sent", "sent"]


@pytest.fixture
async def mailbox() -> AsyncIterator[Mailbox]:
    async with Mailbox().open() as running:
        yield running


def mailing(settings: Callable[..., Settings], mailbox: Mailbox) -> Settings:
    return settings(smtp_host="127.0.0.1", smtp_port=mailbox.port, smtp_tls="none", smtp_from="office@example.org")


async def test_what_bounces_is_shown_and_may_be_sent_again(
    site: Site, settings: Callable[..., Settings], mailbox: Mailbox
) -> None:
    await issued(site, 3)
    mailbox.refusals = ["550 no such mailbox", "451 come back later"]
    async with jobs_running(mailing(settings, mailbox)):
        job = await ended(site, (await ask(site, "send", {"everybody": True}))["id"], hurry=True)
        assert (job["status"], job["result"]) == ("finished", {"sent": 2, "refused": 1, "unknown": 0})
        page = await site.ask("GET", f"{PASSES}/mails?state=refused", site.token())
        (bounced,) = page.json["data"]
        assert "550" in bounced["fault"]
        assert bounced["jobId"] == job["id"]
        again = await ended(site, (await ask(site, "send", {"everybody": True}))["id"])
        assert again["result"] == {"sent": 1, "refused": 0, "unknown": 0}
    told = [mailbox.letters.get_nowait()["To"].addresses[0].addr_spec for _ in range(mailbox.letters.qsize())]
    assert len(told) == len(set(told)) == 3


async def test_who_left_or_changed_since_the_batch_was_read_is_not_written_to_as_before(
    site: Site, settings: Callable[..., Settings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, erased, deleted, revoked, changed = await issued(site, 5)
    rows = await site.fetch("SELECT p.id, p.student_id, s.email FROM passes p JOIN students s ON s.id = p.student_id")
    passes = {str(row["student_id"]): row["id"] for row in rows}
    emails = {str(row["student_id"]): row["email"] for row in rows}
    sent = list[str]()

    async def send_slowly(*letter: Any) -> None:
        """While the first letter is on its way, this happens to those who come after it."""
        if not sent:
            for method, path, body in (
                ("DELETE", f"/api/v1/students/{erased}?erase=true", None),
                ("DELETE", f"/api/v1/students/{deleted}", None),
                ("POST", f"{PASSES}/{passes[revoked]}/revoke", {"reason": "lost"}),
                ("PUT", f"/api/v1/students/{changed}", {"email": "another@example.org"}),
                ("PUT", f"{PASSES}/{passes[changed]}", {"expiryDate": "2098-07-31"}),
            ):
                answer = await site.ask(method, path, site.token(), body)
                assert answer.status < 300, answer.text
        sent.append(letter[1]["To"].addresses[0].addr_spec)
        await send(*letter)

    monkeypatch.setattr(sending, "send", send_slowly)
    box = tmp_path / "mail"
    async with jobs_running(settings(mail_dir=box, smtp_from="office@example.org")):
        job = await ended(site, (await ask(site, "send", {"everybody": True}))["id"])
    assert job["result"] == {"sent": 2, "refused": 0, "unknown": 0}
    assert sent == [emails[first], "another@example.org"]
    (letter,) = [one for one in letters(box) if "another@example.org" in one["To"]]
    assert "2098-07-31" in letter.get_body(("plain",)).get_content()
    (row,) = await site.fetch("SELECT new_values FROM audit_logs WHERE action = 'export'")
    assert set(json.loads(row["new_values"])["mailed"]) == {str(passes[first]), str(passes[changed])}
    (kept,) = await site.fetch(
        "SELECT m.lookup_key = p.lookup_key AS same FROM pass_mails m JOIN passes p ON p.id = m.pass_id"
        " WHERE p.id = $1",
        passes[changed],
    )
    assert kept["same"]


async def test_what_a_killed_run_was_sending_is_not_sent_again(
    site: Site, settings: Callable[..., Settings], mailbox: Mailbox
) -> None:
    await issued(site, 2)
    job = await ask(site, "send", {"everybody": True})
    await site.fetch(
        "INSERT INTO pass_mails (id, school_id, pass_id, job_id, lookup_key)"
        " SELECT gen_random_uuid(), school_id, id, $1, lookup_key FROM passes ORDER BY id LIMIT 1",
        UUID(job["id"]),
    )
    async with jobs_running(mailing(settings, mailbox)):
        done = await ended(site, job["id"])
    assert done["result"] == {"sent": 1, "refused": 0, "unknown": 1}
    assert mailbox.letters.qsize() == 1
