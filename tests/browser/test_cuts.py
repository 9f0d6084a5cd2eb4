"""The page and connections that do not hold: it says live only when it is, and afterwards nothing is missing."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from tests.browser.scripted_hub import ScriptedHub, event, stats
from tests.browser.window import Window

pytestmark = pytest.mark.asyncio(loop_scope="session")
#: Nothing in the hub's words, which are English and for developers.
OLD = re.compile(r"^No connection since [\d:]{8}\. What is shown is old; trying again\.$")


def ids(first: int, last: int) -> list[str]:
    return [event(number)["id"] for number in range(first, last + 1)]


async def test_it_is_live_when_something_was_heard(window: Window, hub: ScriptedHub) -> None:
    await window.open(hub.url)
    screen = await hub.screen()
    assert await window.text("#state-word") == "Connecting"
    await screen.send("stats", stats())
    await window.says("Live")
    assert await window.page.title() == "Live · Live · passhub"


async def test_after_a_cut_it_resumes_in_order_and_shows_none_twice(window: Window, hub: ScriptedHub) -> None:
    await window.open(hub.url)
    screen = await hub.screen()
    await screen.events("c1", [event(number) for number in range(1, 6)])
    await window.counts(5)
    hub.open = False
    screen.cut()
    await window.says("Reconnecting")
    assert await window.page.locator("#bar").is_visible()
    assert "No connection since" in await window.text("#bar-text")
    assert "since" in await window.text("#state-more")
    assert await window.text("#newest-title") == "Last known scan"
    hub.open = True
    await window.page.get_by_role("button", name="Try now").click()
    screen = await hub.screen()
    assert screen.auth == {"cursor": "c1"}
    assert screen.cookie == hub.access
    await screen.events("c2", [event(number) for number in range(4, 9)])
    await screen.events("c3", [event(9)])
    await window.says("Live")
    await window.counts(9)
    assert await window.ids() == ids(1, 9)
    assert [row.name for row in await window.rows() if row.kind == "note"] == ["Connected again"]
    assert (await window.rows())[5].kind == "note"
    assert not await window.page.locator("#bar").is_visible()


async def test_many_cuts_lose_nothing(window: Window, hub: ScriptedHub) -> None:
    await window.page.clock.install()
    await window.open(hub.url)
    for turn in range(8):
        screen = await hub.screen()
        assert screen.auth.get("cursor") == (f"c{turn * 10}" if turn else None)
        await screen.events(f"c{turn * 10 + 10}", [event(turn * 10 + number) for number in range(1, 11)])
        await window.counts(turn * 10 + 10)
        screen.cut()
        await window.says("Reconnecting")
        await window.page.clock.fast_forward(20_000)  # the pauses grow to this
    assert await window.ids() == ids(1, 80)


async def test_the_same_id_at_two_doors_is_two_scans(window: Window, hub: ScriptedHub) -> None:
    await window.open(hub.url)
    screen = await hub.screen()
    await screen.events("c1", [event(1), event(1, accessPoint={"id": "other", "name": "Other"}), event(1)])
    await window.counts(2)


async def test_what_cannot_be_told_any_more_is_said(window: Window, hub: ScriptedHub) -> None:
    await window.open(hub.url)
    screen = await hub.screen()
    await screen.events("c1", [event(1)])
    await window.counts(1)
    screen.cut()
    screen = await hub.screen()
    await screen.send("reset", {"reason": "too_far_behind", "cursor": "c9"})
    await screen.events("c10", [event(10)])
    await window.counts(2)
    rows = await window.rows()
    assert [row.kind for row in rows] == ["granted", "note", "granted"]
    assert rows[1].name == "Started afresh"
    assert rows[1].why.startswith("Too much happened meanwhile.")
    screen.cut()
    assert (await hub.screen()).auth["cursor"] == "c10"


async def test_the_cursor_of_a_reset_is_kept(window: Window, hub: ScriptedHub) -> None:
    await window.open(hub.url)
    screen = await hub.screen()
    await screen.send("reset", {"reason": "too_far_behind", "cursor": "c9"})
    await window.says("Live")
    screen.cut()
    assert (await hub.screen()).auth["cursor"] == "c9"


async def test_silence_is_late_and_then_live_again(window: Window, hub: ScriptedHub) -> None:
    await window.page.clock.install()
    await window.open(hub.url)
    screen = await hub.screen()
    await screen.send("stats", stats())
    await window.says("Live")
    await window.page.clock.fast_forward(3_500)
    await window.says("Late")
    assert "Nothing was heard from the hub for 3 s" in await window.text("#bar-text")
    await screen.send("stats", stats())
    await window.says("Live")
    assert not await window.page.locator("#bar").is_visible()


async def test_a_hub_that_stops_pinging_is_gone(window: Window, hub: ScriptedHub) -> None:
    hub.ping_interval, hub.ping_timeout = 200, 100
    await window.open(hub.url)
    first = await hub.screen()
    await first.events("c1", [event(1)])
    await first.socket.send_str("2")
    second = await hub.screen()
    assert first.pongs == 1
    assert second.auth["cursor"] == "c1"


async def test_a_hub_that_greets_and_says_no_more_is_left(window: Window, hub: ScriptedHub) -> None:
    await window.page.clock.install()
    await window.open(hub.url)
    await hub.screen()
    assert await window.text("#state-word") == "Connecting"
    await window.page.clock.fast_forward(4_000)
    await window.says("Late")
    await window.page.clock.fast_forward(11_000)
    await window.says("Reconnecting")
    await window.page.clock.fast_forward(2_000)
    assert (await hub.screen()).auth == {}


async def test_a_laptop_that_slept_connects_again(window: Window, hub: ScriptedHub) -> None:
    await window.page.clock.install()
    await window.open(hub.url)
    screen = await hub.screen()
    await screen.events("c1", [event(1)])
    await window.says("Live")
    await window.page.clock.fast_forward("01:00:00")
    await window.page.clock.fast_forward(2_000)
    screen = await hub.screen()
    assert screen.auth["cursor"] == "c1"
    await screen.events("c2", [event(2)])
    await window.says("Live")
    await window.counts(2)
    assert await window.ids() == ids(1, 2)


@pytest.mark.parametrize("packet", ["41/live,", "1", '42/live,["events"', '42/live,["events",{}]'])
async def test_whatever_ends_a_connection_it_comes_back(window: Window, hub: ScriptedHub, packet: str) -> None:
    await window.open(hub.url)
    screen = await hub.screen()
    await screen.events("c1", [event(1)])
    await screen.socket.send_str(packet)
    screen = await hub.screen()
    assert screen.auth["cursor"] == "c1"
    window.complaints.clear()  # a message that cannot be read is reported, as it should be
    await screen.events("c2", [event(2)])
    await window.says("Live")


async def test_a_cursor_that_is_not_understood_is_given_up(window: Window, hub: ScriptedHub) -> None:
    await window.open(hub.url)
    screen = await hub.screen()
    await screen.events("c1", [event(1)])
    await window.counts(1)
    hub.refusal = {"message": "not a cursor of this hub", "data": {"code": "validation"}}
    screen.cut()
    await expect(window.page.locator("#scans .name").first).to_have_text("Started afresh")
    hub.refusal = None
    assert (await hub.screen()).auth == {}


async def test_a_hub_with_no_place_now_is_asked_again(window: Window, hub: ScriptedHub) -> None:
    hub.refusal = {"message": "try again in a moment", "data": {"code": "unavailable"}}
    await window.open(hub.url)
    await window.says("Reconnecting")
    await expect(window.page.locator("#bar-text")).to_have_text(OLD)
    hub.refusal = None
    await (await hub.screen()).events("c1", [event(1)])
    await window.says("Live")


async def test_the_end_of_a_session_is_the_end(window: Window, hub: ScriptedHub) -> None:
    await window.open(hub.url)
    screen = await hub.screen()
    await screen.events("c1", [event(1)])
    await screen.socket.close(code=4001, message=b"the session has ended; sign in again")
    await window.is_signed_out("The session has ended. Sign in again.")
    assert not await window.page.locator("#newest").is_visible()
    await window.sign_in()
    await (await hub.screen()).events("c2", [event(2)])
    await window.counts(1)
    assert await window.ids() == ids(2, 2)


async def test_an_access_token_that_has_run_out_is_renewed_and_nothing_is_missing(
    window: Window, hub: ScriptedHub
) -> None:
    await window.open(hub.url)
    screen = await hub.screen()
    await screen.events("c1", [event(1)])
    await window.counts(1)
    for turn in range(3):
        hub.access = None
        screen.cut()
        screen = await hub.screen()
        assert screen.auth == {"cursor": f"c{turn + 1}"}
        await screen.events(f"c{turn + 2}", [event(turn + 2)])
        await window.counts(turn + 2)
    assert await window.ids() == ids(1, 4)
    assert [what for what, _ in hub.asked if what != "login"] == ["refresh"] * 4  # the first before there was a session


async def test_a_session_that_is_over_says_so(window: Window, hub: ScriptedHub) -> None:
    await window.open(hub.url)
    screen = await hub.screen()
    await screen.events("c1", [event(1)])
    await window.counts(1)
    hub.access = hub.refresh = None
    screen.cut()
    await window.is_signed_out("The session has ended. Sign in again.")
    await window.sign_in()
    assert (await hub.screen()).auth == {}


async def test_a_hub_that_cannot_renew_now_is_asked_again(window: Window, hub: ScriptedHub) -> None:
    await window.open(hub.url)
    screen = await hub.screen()
    await screen.events("c1", [event(1)])
    await window.counts(1)
    hub.access = None
    hub.can_renew = False
    async with window.page.expect_response("**/auth/refresh"):
        screen.cut()
    await expect(window.page.locator("#bar-text")).to_have_text(OLD)
    assert await window.text("#state-word") == "Reconnecting"
    hub.can_renew = True
    screen = await hub.screen()
    assert screen.auth == {"cursor": "c1"}


async def test_two_tabs_renew_one_after_the_other(window: Window, hub: ScriptedHub) -> None:
    """Each use of a refresh token but the first would end the session of both."""
    await window.open(hub.url)
    first = await hub.screen()
    other = Window(await window.page.context.new_page())
    await other.page.goto(hub.url + "/")
    second = await hub.screen()
    assert hub.access is not None
    hub.access = None
    first.cut()
    second.cut()
    for screen in (await hub.screen(), await hub.screen()):
        await screen.send("stats", stats())
    await window.says("Live")
    await other.says("Live")


async def test_a_network_that_is_gone_and_back(window: Window, hub: ScriptedHub) -> None:
    await window.open(hub.url)
    screen = await hub.screen()
    await screen.events("c1", [event(1)])
    await window.counts(1)
    await window.page.context.set_offline(True)  # the browser says so, and the page does not wait for silence
    await window.says("Reconnecting")
    await window.page.context.set_offline(False)
    screen = await hub.screen()
    await screen.events("c2", [event(2), event(3)])
    await window.counts(3)
    assert await window.ids() == ids(1, 3)
    await expect(window.page.locator("#state-word")).to_have_text("Live")
