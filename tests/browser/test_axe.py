"""Every page, in both themes, as axe-core judges it by WCAG 2.2 AA: no violation."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from tests.browser.scripted_hub import Screen, ScriptedHub, door, event, stats
from tests.browser.test_wall import paired_by
from tests.browser.window import Window

pytestmark = pytest.mark.asyncio(loop_scope="session")
ROOT = Path(__file__).resolve().parents[2]
AXE = ROOT / "dashboards/guard/node_modules/axe-core/axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
DENIED = {"decision": "denied", "reason": "revoked_pass"}
THEMES = pytest.mark.parametrize("theme", ["light", "dark"])
PAGES = {
    "live": "Denied",
    "doors": "Not connected",
    "today": "Busiest doors",
    "look-up": "Name or number",
    "hand-over": "Seen to",
    "scan": "North gate",
    "wall": "Denied",
}


async def violations(window: Window) -> list[str]:
    """What axe finds, one line each."""
    await window.page.evaluate(AXE.read_text())
    found: dict[str, Any] = await window.page.evaluate(f"axe.run({{ runOnly: {TAGS} }})")
    return [
        f"{one['id']}: {node['html'][:200]} ({node['failureSummary']})"
        for one in found["violations"]
        for node in one["nodes"]
    ]


async def opened(window: Window, hub: ScriptedHub, theme: str) -> Screen:
    await window.page.emulate_media(color_scheme="light" if theme == "light" else "dark", reduced_motion="reduce")
    await window.open(hub.url)
    return await hub.screen()


async def tell(screen: Screen) -> None:
    await screen.send("reset", {"reason": "too_far_behind", "cursor": "1"})
    feed = {"ageSeconds": 9, "stale": True}
    await screen.send("stats", stats(door(), door("B", reader="offline"), feed=feed))
    await screen.events("2", [event(1), event(2, **DENIED)])


async def test_every_page_is_among_them() -> None:
    """But the account, and those of letters, which are below."""
    declared = set(re.findall(r'path: "/([a-z-]+)"', (ROOT / "dashboards/guard/src/pages.ts").read_text()))
    assert declared == PAGES.keys() | {"account"}


@THEMES
@pytest.mark.parametrize("page", PAGES)
async def test_a_page_has_no_violation(window: Window, hub: ScriptedHub, page: str, theme: str) -> None:
    await opened(window, hub, theme)
    await window.page.goto(f"{hub.url}/{page}")
    await tell(await hub.screen())
    await expect(window.page.locator("#page")).to_contain_text(PAGES[page])
    if page == "look-up":
        await window.page.get_by_label("Name or number").fill("ad")
        await expect(window.page.locator("#page")).to_contain_text("Last entries")
    assert await violations(window) == []


@THEMES
async def test_a_card_and_an_old_page_have_no_violation(window: Window, hub: ScriptedHub, theme: str) -> None:
    screen = await opened(window, hub, theme)
    await tell(screen)
    await window.page.locator("#scans button").last.click()
    await expect(window.page.get_by_role("dialog")).to_contain_text("Last entries")
    assert await violations(window) == []
    await window.page.keyboard.press("Escape")
    screen.cut()
    await window.says("Reconnecting")
    assert await violations(window) == []


@THEMES
async def test_signing_in_and_the_account_have_no_violation(window: Window, hub: ScriptedHub, theme: str) -> None:
    await window.page.emulate_media(color_scheme="light" if theme == "light" else "dark", reduced_motion="reduce")
    for view in ("reset-password#token=x", "verify-email", ""):
        await window.page.goto(f"{hub.url}/{view}")
        await expect(window.page.locator("h1")).to_be_visible()
        assert await violations(window) == []
    await window.sign_in(password="wrong")
    await expect(window.page.locator("#refusal")).not_to_be_empty()
    assert await violations(window) == []
    await window.sign_in()
    await window.page.get_by_role("link", name="Gil Guard").click()
    await expect(window.page.locator("#page")).to_contain_text("Second factor")
    assert await violations(window) == []


@THEMES
async def test_a_screen_that_waits_to_be_paired_has_no_violation(window: Window, hub: ScriptedHub, theme: str) -> None:
    await window.page.emulate_media(color_scheme="light" if theme == "light" else "dark", reduced_motion="reduce")
    await paired_by(window, "K7XM2QRT")
    await window.page.goto(f"{hub.url}/wall")
    await expect(window.page.locator("#code")).to_have_text("K7XM 2QRT")
    assert await violations(window) == []
