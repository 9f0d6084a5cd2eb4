"""A school's office in front of the real program: its administrator, and the pages in their words."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import Locator, expect

from hub.config import load_settings
from hub.jobs.counting import count_scans, refresh_summary
from hub.store.pg import Pg, Role
from tests.acceptance.hub import Hub
from tests.acceptance.school import PASSWORD, School, guard
from tests.browser.window import Window

ADMIN = "admin@north.example"
CHIEF = "chief@installation.example"
AXE = Path(__file__).resolve().parents[2] / "dashboards/guard/node_modules/axe-core/axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def appoint(school: School) -> None:
    """An administrator beside the guard of North and a super admin, with the same password; and two departments."""
    school.execute(
        "INSERT INTO users (email, password_hash, first_name, last_name, role_id, school_id, email_verified_at)"
        " SELECT $1, u.password_hash, 'Ada', 'Admin', r.id, u.school_id, now() FROM users u, roles r"
        " WHERE u.email = $2 AND r.name = 'school_admin' AND r.school_id IS NULL",
        *(ADMIN, guard("North")),
    )
    school.execute(
        "INSERT INTO users (email, password_hash, first_name, last_name, role_id, email_verified_at)"
        " SELECT $1, u.password_hash, 'Carol', 'Chief', r.id, now() FROM users u, roles r"
        " WHERE u.email = $2 AND r.name = 'super_admin' AND r.school_id IS NULL",
        *(CHIEF, guard("North")),
    )
    school.execute(
        "INSERT INTO departments (school_id, name, code) SELECT school_id, unnest(ARRAY['Physics', 'Law']),"
        " unnest(ARRAY['PHY', 'LAW']) FROM users WHERE email = $1",
        ADMIN,
    )


def count(school: School) -> None:
    """What analytics shows, up to now: the job would in a minute."""
    asyncio.run(_count(school.url))


async def _count(url: str) -> None:
    secret = base64.urlsafe_b64encode(bytes(32)).decode()
    pg = await Pg.open(load_settings(database_url=url, secret_key=secret), [Role.hub_system])
    try:
        await count_scans(pg)
        await refresh_summary(pg)
    finally:
        await pg.close()


@dataclass
class Office:
    """`go`, `press`, `type`: what an administrator does, in the words on the page."""

    window: Window
    program: Hub
    school: School

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.program.port}"

    async def sign_in(self, email: str = ADMIN) -> None:
        await self.window.open(self.url, email, PASSWORD)
        await expect(self.window.page.get_by_role("button", name="Sign out")).to_be_visible()

    async def go(self, path: str, title: str) -> None:
        await self.window.page.goto(self.url + path)
        await self.sees(title)

    async def sees(self, title: str) -> None:
        """Until the page's heading is this one."""
        await expect(self.window.page.get_by_role("heading", level=1)).to_have_text(title)

    async def reads(self, text: str) -> None:
        """Until the page says so."""
        await expect(self.window.page.locator("#page")).to_contain_text(text)

    @property
    async def top(self) -> Locator:
        """The dialog when there is one, else the page."""
        page = self.window.page
        return page.get_by_role("dialog") if await page.get_by_role("dialog").count() else page.locator("#page")

    async def press(self, name: str) -> None:
        await (await self.top).get_by_role("button", name=name, exact=True).click()

    async def type(self, **fields: str) -> None:
        """By label, `First_name="Ada"`."""
        top = await self.top
        for label, text in fields.items():
            await top.get_by_label(label.replace("_", " "), exact=True).fill(text)

    def refused_once(self) -> None:
        """The hub has refused a form, which a browser reports too."""
        assert [one[-17:] for one in self.window.complaints] == ["400 (Bad Request)"]
        self.window.complaints.clear()

    async def one(self, statement: str, *values: object) -> object:
        """The first column of a row in the database."""
        rows = await asyncio.to_thread(self.school.fetch, statement, *values)
        return rows[0][0] if rows else None

    async def violations(self) -> list[str]:
        """What axe-core finds on the page, a line each."""
        await self.window.page.evaluate(AXE.read_text())
        found: dict[str, Any] = await self.window.page.evaluate(f"axe.run({{ runOnly: {TAGS} }})")
        return [f"{one['id']}: {node['html'][:200]}" for one in found["violations"] for node in one["nodes"]]
