"""A browser on a wall that nobody has let in: what it shows, and that it gets on by itself."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.async_api import Route, ViewportSize, expect

from tests.browser.scripted_hub import ACCESS, ScriptedHub
from tests.browser.window import Window

pytestmark = pytest.mark.asyncio(loop_scope="session")
AUTH = "**/api/v1/auth"
SCREEN = {
    "id": "00000000-0000-0000-0000-0000000000e0",
    "name": "Lodge",
    "schoolId": "00000000-0000-0000-0000-0000000000a0",
    "schoolName": "North School",
    "timezone": "Europe/Berlin",
    "expiresAt": "2030-01-01T00:00:00Z",
}


async def answers(window: Window, path: str, *told: tuple[int, Any]) -> list[str]:
    """What is posted there is answered so, one after another, the last one ever again; the bodies that were posted."""
    asked: list[str] = []

    async def answer(route: Route) -> None:
        status, body = told[min(len(asked), len(told) - 1)]
        asked.append(route.request.post_data or "")
        await route.fulfill(status=status, body=json.dumps(body), content_type="application/json")

    await window.page.route(AUTH + path, answer)
    return asked


def pairing(code: str) -> tuple[int, Any]:
    return 201, {"code": code, "secret": f"of {code}", "expiresIn": 600}


async def paired_by(window: Window, *codes: str) -> list[str]:
    """The codes that it is given; the secrets that it comes with. All have run out when it does."""
    await answers(window, "/pairings", *[pairing(code) for code in codes])
    return await answers(window, "/pairings/claim", (401, {"message": "this pairing is over; begin another"}))


async def test_a_code_that_ran_out_is_replaced_by_itself(window: Window, hub: ScriptedHub) -> None:
    asked = await paired_by(window, "AAAA2222", "BBBB3333")
    await window.page.clock.install()
    await window.page.goto(f"{hub.url}/wall")
    code = window.page.locator("#code")
    await expect(code).to_have_text("AAAA 2222")
    assert asked == []
    await window.page.clock.fast_forward(11_000)
    await expect(code).to_have_text("BBBB 3333")
    assert asked == ['{"secret":"of AAAA2222"}']


async def test_why_it_gets_no_code_is_said_and_it_tries_again(window: Window, hub: ScriptedHub) -> None:
    refused = 400, {"message": "delivery: cookie: only over TLS, or on localhost"}
    await answers(window, "/pairings", refused, pairing("AAAA2222"))
    await window.page.clock.install()
    await window.page.goto(f"{hub.url}/wall")
    said = window.page.get_by_role("alert")
    await expect(said).to_contain_text("Delivery: cookie: only over TLS, or on localhost.")
    window.complaints.clear()  # a browser reports what is refused
    await window.page.clock.fast_forward(11_000)
    await expect(window.page.locator("#code")).to_have_text("AAAA 2222")
    await expect(said).to_have_count(0)


async def test_it_says_every_day_that_it_is_there(window: Window, hub: ScriptedHub) -> None:
    renewed = await answers(window, "/wall-screen", (200, SCREEN))
    await answers(window, "/pairings", pairing("AAAA2222"))
    await answers(window, "/pairings/claim", (202, {"screen": None}), (200, {"screen": SCREEN}))
    await window.page.clock.install()
    await window.page.goto(f"{hub.url}/wall")
    await expect(window.page.locator("#code")).to_be_visible()
    async with window.page.expect_response(AUTH + "/pairings/claim"):
        await window.page.clock.fast_forward(11_000)  # nobody has confirmed
    hub.access = "wall"
    await window.page.context.add_cookies([{"name": ACCESS, "value": "wall", "url": hub.url}])
    await window.page.clock.fast_forward(11_000)
    await expect(window.page.locator(".school")).to_contain_text("North School")
    assert renewed == []
    async with window.page.expect_response(AUTH + "/wall-screen"):
        await window.page.clock.fast_forward(86_400_000)
    assert len(renewed) == 1


async def test_who_signed_in_and_was_signed_out_may_still_do_so(window: Window, hub: ScriptedHub) -> None:
    await paired_by(window, "AAAA2222")
    await window.page.goto(f"{hub.url}/wall")
    await window.page.get_by_role("link", name="Sign in as a person").click()
    await window.sign_in()
    await hub.screen()
    await window.page.goto(f"{hub.url}/wall")
    await expect(window.page.get_by_role("link", name="Leave this view")).to_be_visible()


@pytest.mark.parametrize("width", [320, 1920])
async def test_the_code_is_not_wider_than_the_window(window: Window, hub: ScriptedHub, width: int) -> None:
    await paired_by(window, "WWWWMMMM")
    await window.page.set_viewport_size(ViewportSize(width=width, height=900))
    await window.page.goto(f"{hub.url}/wall")
    await expect(window.page.locator("#code")).to_have_text("WWWW MMMM")
    assert await window.page.evaluate("document.documentElement.scrollWidth") <= width
