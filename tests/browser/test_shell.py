"""What stands around every page: the menu and its bar on phones, the strip, what is said in passing."""

from __future__ import annotations

import asyncio
import json

import pytest
from playwright.async_api import ViewportSize, expect

from tests.browser.scripted_api import SCHOOL
from tests.browser.scripted_hub import PHOTO, ScriptedHub, event, stats
from tests.browser.window import Window

pytestmark = pytest.mark.asyncio(loop_scope="session")
PHONE = ViewportSize(width=390, height=844)


async def test_who_holds_a_phone_can_sign_out(window: Window, hub: ScriptedHub) -> None:
    await window.page.set_viewport_size(PHONE)
    await window.open(hub.url)
    await window.page.get_by_role("link", name="Account").click()
    await window.page.get_by_role("button", name="Sign out").click()
    await window.is_signed_out()
    await asyncio.wait_for(hub.signed_out.wait(), 30)


async def test_the_zone_of_the_school_that_is_worked_in_outlives_the_access_cookie(
    window: Window, hub: ScriptedHub
) -> None:
    hub.user |= {"role": "super_admin", "schoolId": None, "school": None}
    school = {"id": SCHOOL, "name": "Far School", "timezone": "Pacific/Auckland"}
    schools = json.dumps({"data": [school], "page": {"hasMore": False}})
    await window.page.route("**/api/v1/schools?*", lambda route: route.fulfill(body=schools))
    await window.open(hub.url)
    await hub.screen()
    hub.access = None
    async with window.page.expect_response("**/auth/refresh"):
        await window.page.get_by_role("link", name="Today").click()
    await window.page.get_by_role("link", name="Gil Guard").click()
    await expect(window.page.locator("#page")).to_contain_text("All schools · Pacific/Auckland")


async def test_at_a_quiet_door_the_first_face_is_shown_too(window: Window, hub: ScriptedHub) -> None:
    """The access cookie lives for a quarter of an hour, and no picture renews it."""
    await window.open(hub.url)
    screen = await hub.screen()
    hub.access = None
    await screen.events("1", [event(1, student={"id": "s", "name": "Student 1", "photoUrl": PHOTO})])
    # A refused picture is in the page too, until it is heard of: only its size tells it from one that is seen.
    await expect(window.page.locator("#newest img")).not_to_have_js_property("naturalWidth", 0)
    assert [what for what, _ in hub.asked] == ["refresh", "login", "refresh"]  # the first: nobody was signed in


async def test_on_a_phone_that_it_is_old_stays_in_sight_and_covers_no_focus(window: Window, hub: ScriptedHub) -> None:
    await window.page.set_viewport_size(PHONE)
    await window.open(hub.url)
    screen = await hub.screen()
    await screen.events("1", [event(number, decision="denied", reason="revoked_pass") for number in range(30)])
    await screen.send("stats", stats())
    await window.counts(30)
    hub.open = False
    screen.cut()
    await window.says("Reconnecting")
    await window.page.evaluate("scrollTo(0, document.body.scrollHeight)")
    await expect(window.page.locator("#bar-text")).to_be_in_viewport(ratio=1)
    for above in (window.page.locator("#newest .name button"), window.page.get_by_label("Decision")):
        await window.page.evaluate("scrollTo(0, document.body.scrollHeight)")
        await above.focus()
        place, strip = await above.bounding_box(), await window.page.get_by_role("banner").bounding_box()
        assert place is not None is not strip
        assert place["y"] >= strip["y"] + strip["height"]
