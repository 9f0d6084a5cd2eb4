"""What the page shows, and how: scans, doors, signing in, thousands of events, every width and both themes."""

from __future__ import annotations

import asyncio
import shutil
import subprocess

import pytest
from playwright.async_api import Route, ViewportSize, expect

from tests.browser.scripted_hub import CODE, EMAIL, PASSWORD, POINT, Screen, ScriptedHub, door, event, stats
from tests.browser.window import Window

pytestmark = pytest.mark.asyncio(loop_scope="session")
DENIED = {"decision": "denied", "reason": "revoked_pass"}


def system_has(language: str) -> bool:
    """Whether a font of this machine has its letters."""
    tool = shutil.which("fc-list")
    return tool is not None and bool(subprocess.check_output([tool, f":lang={language}", "family"]))


async def joined(window: Window, hub: ScriptedHub) -> Screen:
    await window.open(hub.url)
    return await hub.screen()


async def test_a_scan_is_shown_large_and_in_the_list(window: Window, hub: ScriptedHub) -> None:
    screen = await joined(window, hub)
    await screen.events("1", [event(1), event(2, **DENIED)])
    await window.counts(2)
    assert [(row.kind, row.name, row.why, row.door) for row in await window.rows()] == [
        ("granted", "Student 1", "Granted", "North gate · in"),
        ("denied", "Student 2", "Denied: the pass was revoked", "North gate · in"),
    ]
    newest = await window.text("#newest")
    assert all(part in newest for part in ("Denied", "Student 2", "The pass was revoked", "North gate"))
    assert await window.page.locator("#newest polygon").count() == 1  # its shape, an octagon
    await expect(window.page.locator("#announce")).to_have_text(
        "Denied: Student 2, North gate · in. the pass was revoked."
    )


async def test_who_is_not_known_is_not_named(window: Window, hub: ScriptedHub) -> None:
    screen = await joined(window, hub)
    unknown = {"decision": "denied", "reason": "something_new", "student": None, "pass": None, "direction": None}
    await screen.events("1", [event(1, student=None), event(2, **unknown)])
    await window.counts(2)
    assert [(row.name, row.why, row.door) for row in await window.rows()] == [
        ("Pass P-1", "Granted", "North gate · in"),
        ("Unknown", "Denied: something new", "North gate"),
    ]


async def test_what_a_reader_decided_while_offline_is_not_the_newest(window: Window, hub: ScriptedHub) -> None:
    screen = await joined(window, hub)
    await screen.events("1", [event(1, stale=True), event(2, offline=True, at="2026-01-02T11:00:00Z")])
    await window.counts(2)
    assert await window.text("#newest .name") == "Student 1"
    assert [row.why for row in await window.rows()] == [
        "Granted: answered from memory",
        "Granted: decided by the reader while offline",
    ]
    assert await window.text("#scans li:first-child time") == "2 Jan, 12:00:00"  # the browser's zone


async def test_what_a_reader_was_told_instead_is_put_right(window: Window, hub: ScriptedHub) -> None:
    screen = await joined(window, hub)
    await screen.events("1", [event(1), event(2), event(3)])
    await window.counts(3)
    late = {"decision": "denied", "reason": "hub_unavailable"}
    await screen.send("amended", {"events": [event(2, **late), event(3, **late), event(4, **late)]})
    await expect(window.page.locator("#newest .word")).to_have_text("Denied")
    assert [row.kind for row in await window.rows()] == ["granted", "denied", "denied"]
    await window.counts(3)


@pytest.mark.parametrize(
    ("language", "name", "own"),
    [
        ("vi", "Nguyễn Thị Ngọc Ánh", True),
        ("yo", "Ọbásanjọ́ Adéyẹmí", True),
        ("tr", "Şükrü Öztürk-Işık", True),
        ("uk", "Наталія Шевченко", False),
        ("el", "Ελένη Οικονόμου", False),
        ("ar", "فاطمة الحسن", False),
        ("he", "נועה בן־דוד", False),
        ("hi", "दिव्या पटेल", False),
        ("zh", "欧阳小红", False),
    ],
)
async def test_a_name_is_shown_in_a_font_that_has_its_letters(
    window: Window, hub: ScriptedHub, language: str, name: str, own: bool
) -> None:
    """The page's own; for other scripts the system's, where it has one."""
    if not own and not await asyncio.to_thread(system_has, language):
        return
    screen = await joined(window, hub)
    await screen.events("1", [event(1, student={"id": "s", "name": name, "photoUrl": None})])
    shown = window.page.locator("#newest .name")
    await expect(shown).to_have_text(name)
    await window.page.evaluate("document.fonts.ready.then(() => true)")
    tools = await window.page.context.new_cdp_session(window.page)
    await tools.send("DOM.enable")
    await tools.send("CSS.enable")
    root = (await tools.send("DOM.getDocument"))["root"]["nodeId"]
    node = await tools.send("DOM.querySelector", {"nodeId": root, "selector": "#newest .name bdi"})
    used = (await tools.send("CSS.getPlatformFontsForNode", {"nodeId": node["nodeId"]}))["fonts"]
    letters = {font["familyName"]: font["isCustomFont"] for font in used if font["glyphCount"] > name.count(" ")}
    assert letters
    assert set(letters.values()) == {own}, letters


async def test_text_stays_text(window: Window, hub: ScriptedHub) -> None:
    window.expected += ("Failed to load resource: the server responded with a status of 404",)
    unloaded = asyncio.Event()
    window.page.on("response", lambda response: unloaded.set() if response.status == 404 else None)
    screen = await joined(window, hub)
    hostile = "<img src=x onerror=alert(1)>"
    student = {"id": "s", "name": hostile, "photoUrl": hostile}
    await screen.events("1", [event(1, student=student, reason=hostile, decision="denied")])
    await screen.send("stats", stats(door(hostile)))
    await window.counts(1)
    assert await window.text("#newest .name") == hostile
    await asyncio.wait_for(unloaded.wait(), 60)
    await expect(window.page.locator("main img")).to_have_count(0)  # what could not be loaded is initials again
    await window.page.get_by_role("link", name="Doors").click()
    await expect(window.page.locator("#door-list .name")).to_have_text(hostile)


async def test_doors_are_changed_in_place(window: Window, hub: ScriptedHub) -> None:
    screen = await joined(window, hub)
    await window.page.get_by_role("link", name="Doors").click()
    await screen.send("stats", stats(door("A"), door("B", reader="offline", lastScanAt=None, perMinute=0)))
    await expect(window.page.locator("#door-list li")).to_have_count(2)
    second = await window.text("#door-list li:first-child")  # who needs a look comes first
    await window.page.evaluate("document.querySelector('#door-list li:last-child').mark = 1")
    assert all(part in second for part in ("B", "0 a minute", "Not connected", "no scan yet", "34 granted", "2 denied"))
    feed = {"ageSeconds": 70, "stale": True}
    journal = {"waiting": 9, "oldestSeconds": 8, "healthy": False}
    await screen.send("stats", stats(door("A", granted=1_234), feed=feed, journal=journal))
    await expect(window.page.locator("#door-list")).to_contain_text("1,234 granted")
    assert await window.page.evaluate("document.querySelector('#door-list li').mark") == 1
    assert await window.page.locator("#door-list li").count() == 1
    degraded = await window.text("#degraded")
    assert "cut off from its database for 1 min" in degraded
    assert "9 answers are safe" in degraded
    assert "cannot keep scans" in degraded


async def test_a_door_shows_its_last_half_hour_at_once_and_a_clock_that_is_wrong(
    window: Window, hub: ScriptedHub
) -> None:
    screen = await joined(window, hub)
    await window.page.get_by_role("link", name="Doors").click()
    fast = door("A", skewMs=-42_500, firmware="1.4.2", queued=3, series=[0] * 29 + [12])
    await screen.send("stats", stats(door("B", skewMs=120), fast, door("C", reader="silent", skewMs=None)))
    doors = window.page.locator("#door-list li")
    await expect(doors.nth(0)).to_contain_text("Connected, but silent")  # who needs a look comes first
    await expect(doors.nth(1)).to_contain_text("clock 42 s fast")
    await expect(doors.nth(1).locator("[data-clock=fast] svg")).to_have_count(1)  # a shape beside the word
    for said in ("3 scans yet to be told", "firmware 1.4.2"):
        await expect(doors.nth(1)).to_contain_text(said)
    points = await doors.nth(1).locator("polyline").get_attribute("points")
    assert points is not None
    assert len(points.split()) == 30
    await expect(doors.nth(2).locator("[data-clock=right]")).to_have_text("clock right")
    await expect(doors.nth(2).locator("[data-clock=right] svg")).to_have_count(0)
    await expect(doors.nth(0).locator("[data-clock]")).to_have_count(0)


async def test_what_somebody_studies_comes_after_the_scan(window: Window, hub: ScriptedHub) -> None:
    answered = asyncio.Event()
    asked: list[str] = []

    async def late(route: Route) -> None:
        asked.append(route.request.url)
        await answered.wait()
        await route.continue_()

    await window.page.route("**/api/v1/students/*/card", late)
    screen = await joined(window, hub)
    async with window.page.expect_request("**/api/v1/students/*/card"):
        await screen.events("1", [event(1)])
        await expect(window.page.locator("#newest .name")).to_have_text("Student 1")
    answered.set()
    programme = window.page.locator("#newest .programme")
    await expect(programme).to_have_text("Mathematics")
    await screen.events("2", [event(1, id="another")])  # the same person again
    await window.counts(2)
    await expect(programme).to_have_text("Mathematics")
    await screen.events("3", [event(2, student=None)])
    await expect(programme).to_have_count(0)
    assert len(asked) == 1


async def test_thousands_of_events_take_the_same_few_rows(window: Window, hub: ScriptedHub) -> None:
    screen = await joined(window, hub)
    await screen.events("0", [event(number) for number in range(300)])
    await window.counts(300)
    for batch in range(100):
        await screen.events(str(batch), [event(1_000 + batch * 100 + number) for number in range(100)])
    await window.counts(10_300)
    assert await window.page.locator("#scans li").count() < 40
    kept = "document.querySelector('#scans').offsetHeight / document.querySelector('#scans li').offsetHeight"
    assert await window.page.evaluate(kept) <= 5_100  # what could be scrolled to is what is in memory
    newest = window.page.locator("#scans li").first
    await expect(newest.locator(".name")).to_have_text("Student 10999")


async def test_it_stands_still_while_somebody_points_at_it_and_loses_nothing(window: Window, hub: ScriptedHub) -> None:
    screen = await joined(window, hub)
    await screen.events("1", [event(1), event(2)])
    await window.counts(2)
    await window.page.locator("#scans li").first.hover()
    await screen.events("2", [event(3), event(4, **DENIED)])
    await expect(window.page.get_by_role("button", name="Paused · 2 new")).to_be_visible()
    await expect(window.page.locator("#scans .name").first).to_have_text("Student 2")
    await expect(window.page.locator("#newest .name")).to_have_text("Student 4")
    await window.page.mouse.move(5, 5)
    await expect(window.page.locator("#scans .name").first).to_have_text("Student 4")
    assert await window.ids() == [event(number)["id"] for number in range(1, 5)]


async def test_a_filter_shows_what_fits_and_forgets_nothing(window: Window, hub: ScriptedHub) -> None:
    screen = await joined(window, hub)
    other = {"id": "other", "name": "Other"}
    await screen.send("stats", stats(door("other") | {"name": "Other"}, door()))
    await screen.events("1", [event(1), event(2, **DENIED), event(3, accessPoint=other), event(4, **DENIED)])
    await window.counts(4)
    await window.page.get_by_label("Decision").select_option("denied")
    assert [row.name for row in await window.rows()] == ["Student 2", "Student 4"]
    await window.page.get_by_role("button", name="Clear").click()
    await window.page.get_by_label("Door", exact=True).select_option("other")
    assert [row.name for row in await window.rows()] == ["Student 3"]
    await window.page.get_by_role("button", name="Clear").click()
    await window.page.get_by_label("Reason").select_option("expired_pass")
    await expect(window.page.locator("#log")).to_contain_text("Nothing fits this filter yet")
    await window.page.get_by_role("button", name="Clear").click()
    assert len(await window.rows()) == 4


async def test_who_was_denied_stays_in_sight(window: Window, hub: ScriptedHub) -> None:
    screen = await joined(window, hub)
    await screen.events("1", [event(1, **DENIED), *[event(number) for number in range(2, 60)]])
    await window.counts(59)
    lately = window.page.get_by_role("region", name="Denied lately")
    await expect(lately).to_contain_text("Student 1")
    await expect(lately).to_contain_text("The pass was revoked")


async def test_behind_a_scan_is_who_it_was_and_why(window: Window, hub: ScriptedHub) -> None:
    screen = await joined(window, hub)
    await screen.send("stats", stats(door() | {"id": POINT["id"]}))
    await screen.events("1", [event(1, **DENIED)])
    await window.page.locator("#scans button").first.click()
    card = window.page.get_by_role("dialog", name="Student")
    for part in ("Ada Lovelace", "Mathematics", "The pass does not work here", "Last entries", "Nobody passed"):
        await expect(card).to_contain_text(part)
    await card.get_by_text("Every check").click()
    await expect(card.locator(".checks .failed")).to_have_text("The pass was revoked")
    await window.page.keyboard.press("Escape")
    await expect(card).to_have_count(0)


async def test_it_is_the_pass_that_was_shown_which_is_explained(window: Window, hub: ScriptedHub) -> None:
    screen = await joined(window, hub)
    await screen.send("stats", stats(door() | {"id": POINT["id"]}))
    await screen.events("1", [event(7, decision="denied", reason="expired_pass")])
    await window.page.locator("#scans button").first.click()
    card = window.page.get_by_role("dialog", name="Student")
    await card.get_by_text("Every check").click()
    await expect(card.locator(".checks .failed")).to_have_text("The pass has expired")


async def test_who_has_signed_in_stays_signed_in_and_no_script_knows_how(window: Window, hub: ScriptedHub) -> None:
    screen = await joined(window, hub)
    assert screen.auth == {}
    assert screen.cookie == hub.access is not None
    await expect(window.page).to_have_url(hub.url + "/live")
    kept = "document.cookie + JSON.stringify(localStorage) + JSON.stringify(sessionStorage)"
    assert await window.page.evaluate(kept) == "{}{}"
    await window.page.reload()
    assert (await hub.screen()).cookie == hub.access
    await window.page.get_by_role("button", name="Sign out").click()
    await window.is_signed_out()
    await expect(window.page.get_by_label("E-mail address")).to_be_focused()
    await asyncio.wait_for(hub.signed_out.wait(), 30)
    assert hub.asked[-1] == ("logout", None)
    await window.page.reload()
    await window.is_signed_out()


async def test_leaving_after_a_quarter_of_an_hour_ends_the_session_too(window: Window, hub: ScriptedHub) -> None:
    await joined(window, hub)
    hub.access = None
    await window.page.get_by_role("button", name="Sign out").click()
    await window.is_signed_out()
    async with asyncio.timeout(120):
        await hub.signed_out.wait()
    assert [what for what, _ in hub.asked[-3:]] == ["logout", "refresh", "logout"]


async def test_a_wrong_password_is_said_and_may_be_typed_again(window: Window, hub: ScriptedHub) -> None:
    await window.open(hub.url, password="not this one")
    await expect(window.page.locator("#refusal")).to_have_text("E-mail address or password is wrong.")
    await expect(window.page.get_by_label("Password")).to_be_focused()
    assert not await window.page.locator("#code").is_visible()
    await window.page.get_by_label("Stay signed in").check()
    await window.sign_in()
    screen = await hub.screen()
    await screen.send("stats", stats())
    await window.says("Live")
    assert not await window.page.locator("form").is_visible()
    assert hub.asked[-1][1] == {"email": EMAIL, "password": PASSWORD, "rememberMe": True, "delivery": "cookie"}


async def test_a_second_factor_is_asked_for_when_it_is_needed(window: Window, hub: ScriptedHub) -> None:
    hub.second_factor = True
    await window.open(hub.url)
    code = window.page.get_by_label("Code of the second factor")
    await expect(code).to_be_focused()
    await expect(code).to_have_accessible_description("From your authenticator app, or a recovery code.")
    await expect(window.page.locator("#refusal")).to_be_empty()  # the password was right
    await code.fill("000000")
    await window.page.keyboard.press("Enter")
    await expect(window.page.locator("#refusal")).to_contain_text("is wrong, or was used before")
    await code.fill(f" {CODE} ")
    await window.page.keyboard.press("Enter")
    await (await hub.screen()).send("stats", stats())
    await window.says("Live")
    assert hub.asked[-1][1]["totp"] == CODE


async def test_an_account_that_may_not_look_is_told_so(window: Window, hub: ScriptedHub) -> None:
    hub.refusal = {"message": "this needs the permission live:read", "data": {"code": "forbidden"}}
    await window.open(hub.url)
    await window.says("Refused")
    said = "The hub does not show this account the scans (this needs the permission live:read)."
    await expect(window.page.get_by_role("alert")).to_have_text(said)


async def test_a_super_admin_names_the_school_in_the_address(window: Window, hub: ScriptedHub) -> None:
    hub.user |= {"role": "super_admin", "schoolId": None, "school": None}
    await window.open(hub.url)
    await expect(window.page.get_by_role("button", name="Sign out")).to_be_visible()
    await window.page.goto(hub.url + "/?schoolId=00000000-0000-0000-0000-0000000000a0")
    assert (await hub.screen()).auth == {"schoolId": "00000000-0000-0000-0000-0000000000a0"}


async def test_who_has_not_signed_in_is_asked_to(window: Window, hub: ScriptedHub) -> None:
    await window.page.goto(hub.url + "/")
    await window.is_signed_out()
    await expect(window.page.get_by_label("E-mail address")).to_be_focused()


@pytest.mark.parametrize("width", [320, 390, 768, 1280, 1920, 3840])
async def test_nothing_is_wider_than_the_window(window: Window, hub: ScriptedHub, width: int) -> None:
    await window.page.set_viewport_size(ViewportSize(width=width, height=900))
    screen = await joined(window, hub)
    long = {"id": "s", "name": "Bartholomew" * 9, "photoUrl": None}
    await screen.send("stats", stats(*[door(f"Door {number} " + "of the eastern gymnasium") for number in range(12)]))
    await screen.events("1", [event(1, student=long, accessPoint={"id": "d", "name": "Z" * 80}), event(2)])
    await window.counts(2)
    assert await window.page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("height", [600, 800, 1080])
async def test_on_a_desk_only_lists_scroll(window: Window, hub: ScriptedHub, height: int) -> None:
    await window.page.set_viewport_size(ViewportSize(width=1280, height=height))
    screen = await joined(window, hub)
    await screen.events("1", [event(number, **DENIED) for number in range(60)])
    await window.counts(60)
    assert await window.page.evaluate("document.documentElement.scrollHeight") <= height
    main = "document.querySelector('main')"
    assert await window.page.evaluate(f"{main}.scrollHeight <= {main}.clientHeight")


async def test_it_speaks_german_too(window: Window, hub: ScriptedHub) -> None:
    await window.page.goto(hub.url + "/")
    await window.page.get_by_role("button", name="Deutsch").click()
    await window.page.get_by_label("E-Mail-Adresse").fill(EMAIL)
    password = window.page.get_by_label("Passwort", exact=True)
    await password.fill("not this one")
    await window.page.keyboard.press("Enter")
    await expect(window.page.get_by_role("alert")).to_have_text("E-Mail-Adresse oder Passwort ist falsch.")
    await password.fill(PASSWORD)
    await window.page.keyboard.press("Enter")
    await (await hub.screen()).events("1", [event(1, **DENIED)])
    await expect(window.page.locator("#newest")).to_contain_text("Der Ausweis wurde gesperrt")
    assert await window.page.evaluate("document.documentElement.lang") == "de"
