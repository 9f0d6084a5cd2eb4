"""What a guard hands over and looks up: nothing that is open is missing, and no answer is about another door."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from playwright.async_api import Page, Route, expect

from tests.browser.scripted_api import OPEN
from tests.browser.scripted_hub import Screen, ScriptedHub, door, stats
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
    await expect(opened.locator("li")).to_have_count(2)
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


async def looked_up(window: Window, hub: ScriptedHub) -> Screen:
    """Ada, at the first of two doors."""
    await window.open(hub.url)
    await hub.screen()
    await window.page.goto(f"{hub.url}/look-up")
    screen = await hub.screen()
    await screen.send("stats", stats(door("A"), door("B")))
    await window.page.get_by_label("Name or number").fill("ad")
    return screen


async def test_a_verdict_is_of_the_door_that_is_named(window: Window, hub: ScriptedHub) -> None:
    page, held, late = window.page, asyncio.Event(), asyncio.Event()
    denied = {"decision": "denied", "reason": "wrong_direction", "checks": []}
    answers: dict[str, dict[str, Any] | None] = {"A": denied | {"decision": "granted", "reason": None}, "B": denied}

    async def explain(route: Route) -> None:
        at = parse_qs(urlsplit(route.request.url).query)["accessPointId"][0]
        if at == "B":
            await held.wait()
        answer = answers[at]
        try:
            await (route.abort("internetdisconnected") if answer is None else route.fulfill(json=answer))
        finally:
            if at == "B":
                late.set()

    await page.route("**/api/v1/passes/*/explain?*", explain)
    await looked_up(window, hub)
    works, works_not = page.get_by_text("The pass works here and now"), page.get_by_text("The pass does not work here")
    await expect(works).to_be_visible()
    async with page.expect_request("**/explain?*accessPointId=B*"):
        await page.get_by_label("At which door").select_option("B")
    await expect(works).to_have_count(0)  # of B nothing is known yet
    await page.get_by_label("At which door").select_option("A")
    await expect(works).to_be_visible()
    held.set()
    await asyncio.wait_for(late.wait(), 30)  # B's answer comes when A's is shown
    await page.get_by_label("Name or number").press("ArrowDown")
    await expect(works).to_be_visible()
    await expect(works_not).to_have_count(0)

    answers["B"] = None
    await page.get_by_label("At which door").select_option("B")
    await expect(page.locator(".person").get_by_role("alert")).to_contain_text("cannot be reached")
    answers["B"] = denied
    await page.get_by_role("button", name="Try again").click()
    await expect(works_not).to_be_visible()


async def test_who_is_let_in_by_hand_is_let_in_where_it_was_said(window: Window, hub: ScriptedHub) -> None:
    page, made = window.page, list[Any]()

    async def let_in(route: Route) -> None:
        made.append(route.request.post_data_json)
        await route.fulfill(status=500, json={"message": "not today"})

    await page.route("**/api/v1/access-logs", let_in)
    screen = await looked_up(window, hub)
    await expect(page.get_by_label("At which door")).to_have_value("A")
    await screen.send("stats", stats(door("A", reader="offline"), door("B"), door("C")))
    await expect(page.get_by_role("option", name="C")).to_have_count(1)
    await expect(page.get_by_label("At which door")).to_have_value("A")
    await page.get_by_role("button", name="Let in by hand").click()
    dialog = page.get_by_role("dialog")
    await screen.send("stats", stats(door("B"), door("D")))  # A is deleted
    await expect(page.locator("option", has_text="D")).to_have_count(1)
    await expect(dialog).to_contain_text("is let in at A.")
    await dialog.get_by_label("Why").fill("known to me")
    await dialog.get_by_role("button", name="Let in").click()
    await expect(dialog.get_by_role("alert")).to_be_visible()
    assert [one["accessPointId"] for one in made] == ["A"]
    window.complaints.clear()
