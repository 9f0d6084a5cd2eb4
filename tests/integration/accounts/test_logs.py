"""Nothing that tells who somebody is, or opens anything, is in a line of the log: markers are looked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import structlog

from hub.config import Settings
from tests.integration.accounts.mailbox import Mailbox, jobs_running
from tests.integration.accounts.office import PASSWORD, ROLE_IDS, office_running
from tests.integration.accounts.test_cookies import cookies, sent
from tests.integration.accounts.test_mail import mailing

ADMIN = "school_admin@near.example"
MARKER = "Quillfeather"


async def test_no_line_holds_a_secret_or_a_person(
    settings: Callable[..., Settings], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    mailbox, new = Mailbox(), f"{MARKER} on a long pier"
    secrets: list[str] = [PASSWORD, new]
    with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as records:
        async with mailbox.open():
            own = mailing(settings, mailbox.port)
            async with office_running(own) as office, jobs_running(own):
                ask = office.one.ask
                session = await office.one.sign_in(ADMIN)
                token = session["accessToken"]
                secrets += [token, session["refreshToken"]]
                wrong: list[dict[str, Any]] = [
                    {"email": ADMIN, "password": MARKER},
                    {"email": f"{MARKER}@near.example", "password": MARKER},
                    {"email": ADMIN, "password": MARKER, "totp": MARKER, MARKER: MARKER},
                ]
                for body in wrong:
                    await ask("POST", "/auth/login", body=body)
                for path in ("/auth/refresh", "/auth/logout", "/auth/verify-email"):
                    await ask("POST", path, f"a.{MARKER}.c", {"refreshToken": MARKER, "token": MARKER})
                    await ask("POST", path, body={"refreshToken": MARKER})
                await ask("POST", "/auth/forgot-password", body={"email": ADMIN})
                person = {"email": f"{MARKER}@near.example", "firstName": MARKER, "lastName": MARKER}
                await ask("POST", "/admin/users", token, person | {"roleId": str(ROLE_IDS["staff"])})
                await ask("POST", "/admin/users", token, person | {"roleId": str(ROLE_IDS["super_admin"])})
                letters = [await mailbox.letter() for _ in range(2)]
                secrets += [str(letter.get_body(("plain",))).partition("#token=")[2][:43] for letter in letters]
                mailbox.refusals = [f"550 <{MARKER}> is not here"]
                await ask("POST", "/auth/forgot-password", body={"email": person["email"]})
                await mailbox.refused.wait()
                change = {"currentPassword": PASSWORD, "newPassword": new}
                assert (await ask("POST", "/auth/change-password", token, change)).status == 204
                page = {"email": ADMIN, "password": new, "delivery": "cookie"}
                jar = cookies(await ask("POST", "/auth/login", body=page))
                secrets += [morsel.value for morsel in jar.values()]
                await ask("GET", f"/auth/sessions?{MARKER}={MARKER}", headers=sent(jar) | {"User-Agent": MARKER})
                await ask("POST", "/auth/logout", headers=sent(jar, Origin=f"https://{MARKER}.example"))
                await mailbox.letter()
    assert all(secrets)
    lines = [repr(record) for record in records]
    # The server of the test tells what it takes; it is not ours.
    lines += [record.getMessage() for record in caplog.records if not record.name.startswith("mail.")]
    assert len(lines) > 20
    for hidden in (MARKER, *secrets, "@near.example", "Lovelace"):
        assert not [line for line in lines if hidden.lower() in line.lower()], hidden
