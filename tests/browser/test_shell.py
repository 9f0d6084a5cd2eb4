"""What stands around every page, whichever it is: the menu and its bar on phones, the strip, what is said in passing."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import ViewportSize, expect

from tests.browser.scripted_hub import ScriptedHub
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
