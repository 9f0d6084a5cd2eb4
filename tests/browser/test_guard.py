"""What a guard hands over and looks up: nothing that is open is missing, and no answer is about another door."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from playwright.async_api import Page, Route, expect

from tests.browser.scripted_api import OPEN
from tests.browser.scripted_hub import ScriptedHub
from tests.browser.window import Window

pytestmark = pytest.mark.asyncio(loop_scope="session")
DENIAL, DOOR, _, NOTE = OPEN


def note(number: int) -> dict[str, Any]:
    """Later than what is open, and than the note before it."""
    at = f"2026-11-25T{9 + number // 60:02}:{number % 60:02}:00Z"
    return NOTE | {"id": str(UUID(int=number)), "at": at, "note": f"note {number}"}


async def serve(page: Page, items: list[dict[str, Any]], ready: asyncio.Event) -> None:
    """The hub's hand-over: pages of a list, newest first, once it is `ready`."""

    async def answer(route: Route) -> None:
        await ready.wait()
        query = {name: values[0] for name, values in parse_qs(urlsplit(route.request.url).query).items()}
        found = [one for one in items if one["kind"] == query.get("kind", one["kind"])]
        found.sort(key=lambda one: str(one["at"]), reverse=True)
        first, size = int(query.get("cursor", 0)), int(query["limit"])
        more = first + size < len(found)
        info = {"hasMore": more, **({"nextCursor": str(first + size)} if more else {})}
        await route.fulfill(json={"data": found[first : first + size], "page": info})

    await page.route("**/api/v1/hand-over?*", answer)


async def test_what_is_open_is_there_however_much_happened(window: Window, hub: ScriptedHub) -> None:
    page, ready = window.page, asyncio.Event()
    items = [DENIAL, DOOR, *(note(number) for number in range(150))]
    ready.set()
    await serve(page, items, ready)
    await window.open(hub.url)
    await hub.screen()
    await page.goto(f"{hub.url}/hand-over")
    screen = await hub.screen()
    opened, happened = page.get_by_role("region", name="Open"), page.get_by_role("region", name="What happened")
    await expect(opened.locator("li")).to_have_count(2, timeout=30_000)
    await expect(happened.locator("li")).to_have_count(100)

    more = page.get_by_role("button", name="Show more")
    ready.clear()
    await more.click()
    await expect(more).to_be_disabled()  # else the same page might come twice
    ready.set()
    await expect(happened.locator("li")).to_have_count(150)
    await expect(more).to_have_count(0)
    items += [DENIAL | {"id": str(UUID(int=9))}, note(150)]
    await screen.send("acknowledged", {"acknowledgements": []})
    await expect(happened.locator("li")).to_have_count(151)  # as far back as it was
    await expect(opened.locator("li")).to_have_count(3)
