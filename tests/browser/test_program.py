"""The page in front of the real program: scans at real readers, workers killed and replaced, the demo's own address."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pyotp
import pytest
import pytest_asyncio
from playwright.async_api import Route, expect

from hub.reader import Reader
from tests.acceptance.hub import Hub, short_directory
from tests.acceptance.program import Demo
from tests.acceptance.school import PASSWORD, Door, School, furnish, guard
from tests.browser.window import Window
from tests.services import service_dir

pytestmark = [pytest.mark.service, pytest.mark.asyncio(loop_scope="session")]


@pytest.fixture
def school(database: str) -> School:
    return furnish(database)


@pytest.fixture
def directory() -> Iterator[Path]:
    with short_directory() as place:
        yield place


@pytest_asyncio.fixture(loop_scope="session")
async def program(school: School, directory: Path) -> AsyncIterator[Hub]:
    """Two workers, which notice soon that a screen is gone."""
    with Hub(school.url, directory, live_ping=2) as hub:
        await asyncio.to_thread(hub.wait_ready)
        yield hub


def address(hub: Hub) -> str:
    return f"http://127.0.0.1:{hub.port}"


@asynccontextmanager
async def reader(hub: Hub, door: Door) -> AsyncIterator[Reader]:
    async with Reader(address(hub), door.key) as connected:
        yield connected


async def scan(reader: Reader, door: Door, count: int) -> None:
    """So many at once, each answered."""
    codes = [door.codes[number % len(door.codes)] for number in range(count)]
    await asyncio.gather(*[reader.scan(code, timeout=60) for code in codes])


async def recorded(school: School, door: Door, count: int) -> list[str]:
    """The ids of the scans at a door, in the order in which their recorder took them, once there are so many."""
    async with asyncio.timeout(120):
        while True:
            rows = await asyncio.to_thread(
                school.fetch,
                "SELECT id FROM access_logs WHERE access_point_id = $1::uuid ORDER BY recorder_id, stream_seq",
                door.id,
            )
            if len(rows) >= count:
                return [str(row["id"]) for row in rows]


async def test_a_scan_at_a_reader_is_on_the_page(window: Window, program: Hub, school: School) -> None:
    door, other = school.doors[:2]
    await window.open(address(program), guard("North"), PASSWORD)
    await window.says("Live")
    async with reader(program, door) as gate, reader(program, other) as elsewhere:
        await elsewhere.scan(other.codes[0])  # another school's
        for code in ("granted-North-0", "revoked-North", "nobody-North"):
            await gate.scan(code, direction="entry")
        await window.counts(3)
        assert [(row.kind, row.name, row.why) for row in await window.rows()] == [
            ("granted", "Ada Lovelace", "Granted"),
            ("denied", "Ada Lovelace", "Denied: the pass was revoked"),
            ("denied", "Unknown", "Denied: this is not the code of a pass"),
        ]
        assert await window.ids() == await recorded(school, door, 3)
        await window.page.get_by_role("link", name="Doors").click()
        online = window.page.locator('#door-list [data-reader="online"]')
        await expect(online).to_have_count(1)
        await expect(online.locator(".tally")).to_have_text("1 granted · 2 denied")
        gate.status(firmware="1.4.2")
        await expect(online.locator(".reader")).to_have_text("clock right firmware 1.4.2")
        line = await online.locator("polyline").get_attribute("points")
        assert line is not None
        assert len(line.split()) == 30  # of minutes, most of which this page has not seen
    await expect(online).to_have_count(0)


async def test_workers_are_killed_and_nothing_is_missing(window: Window, program: Hub, school: School) -> None:
    door = school.doors[0]
    await window.open(address(program), guard("North"), PASSWORD)
    await window.says("Live")
    async with reader(program, door) as gate:
        await scan(gate, door, 40)
        await window.counts(40)
        before = program.pids["workers"]
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        await window.says("Reconnecting")
        await scan(gate, door, 60)
        await window.says("Live")
        await window.counts(100)
        await asyncio.to_thread(program.workers_replaced, before, count=2)
        program.send(signal.SIGHUP)  # their successors are replaced in turn, and say goodbye
        await scan(gate, door, 60)
        await window.counts(160)
    assert await window.ids() == await recorded(school, door, 160)


async def test_a_browser_without_network_catches_up(window: Window, program: Hub, school: School) -> None:
    door = school.doors[0]
    await window.open(address(program), guard("North"), PASSWORD)
    await window.says("Live")
    async with reader(program, door) as gate:
        await scan(gate, door, 20)
        await window.counts(20)
        await window.page.context.set_offline(True)
        await window.says("Reconnecting")
        await scan(gate, door, 100)
        await recorded(school, door, 120)
        await window.page.context.set_offline(False)
        await window.counts(120)
    assert await window.ids() == await recorded(school, door, 120)
    await window.says("Live")


async def test_somebody_is_looked_up_let_in_by_hand_and_taken_back(
    window: Window, program: Hub, school: School
) -> None:
    await asyncio.to_thread(school.execute, """UPDATE schools SET settings = '{"guardDesk": true}'""")
    await window.open(address(program), guard("North"), PASSWORD)
    await expect(window.page.get_by_role("banner")).to_contain_text("North")
    await window.page.get_by_role("link", name="Look up").click()
    await window.page.get_by_label("Name or number").fill("lo")
    person = window.page.locator(".person")
    await expect(person).to_contain_text("The pass works here and now")
    await person.get_by_role("button", name="Let in by hand").click()
    await window.page.get_by_label("Why", exact=True).fill("forgot the card; known to me")
    await window.page.get_by_role("button", name="Let in", exact=True).click()
    await expect(window.page.get_by_text("was let in by hand.")).to_be_visible()
    logged = "SELECT id, reason, status FROM access_logs WHERE recorded_by IS NOT NULL"
    async with asyncio.timeout(120):
        while not (rows := await asyncio.to_thread(school.fetch, logged)):
            pass
    assert [(row["reason"], row["status"]) for row in rows] == [("forgot the card; known to me", "granted")]
    await window.page.reload()
    await window.page.get_by_label("Name or number").fill("lo")
    await person.get_by_role("button", name="Undo").click()
    await window.page.get_by_role("dialog").get_by_role("button", name="Undo").click()
    await expect(person).to_contain_text("Nobody passed")
    async with asyncio.timeout(120):
        while not (undone := await asyncio.to_thread(school.fetch, "SELECT scan_id FROM scan_annulments")):
            pass
    assert [row["scan_id"] for row in undone] == [rows[0]["id"]]


async def test_who_is_not_known_is_not_let_in(window: Window, program: Hub) -> None:
    await window.open(address(program), guard("North"), "not this one, surely")
    await expect(window.page.locator("#refusal")).to_have_text("E-mail address or password is wrong.")
    await window.is_signed_out("E-mail address or password is wrong.")


async def test_a_second_factor_is_asked_for_by_the_page(window: Window, program: Hub) -> None:
    token = await asyncio.to_thread(program.sign_in, guard("North"), PASSWORD)
    factor = "/api/v1/auth/second-factor"
    status, offered = await asyncio.to_thread(program.http, factor, {"password": PASSWORD}, token)
    assert status == 201
    app = pyotp.TOTP(offered["secret"])
    status, confirmed = await asyncio.to_thread(program.http, f"{factor}/confirm", {"totp": app.now()}, token)
    assert status == 200
    await window.open(address(program), guard("North"), PASSWORD)
    code = window.page.get_by_label("Code of the second factor")
    await expect(code).to_be_focused()
    await code.fill(confirmed["recoveryCodes"][0])
    await window.page.keyboard.press("Enter")
    await window.says("Live")


async def test_a_session_that_is_ended_elsewhere_ends_here(window: Window, program: Hub, school: School) -> None:
    await window.open(address(program), guard("North"), PASSWORD)
    await window.says("Live")
    await window.page.reload()  # the cookies are enough
    await window.says("Live")
    await asyncio.to_thread(school.execute, "UPDATE sessions SET ended_at = now()")
    await window.is_signed_out("The session has ended. Sign in again.")
    await window.sign_in(guard("North"), PASSWORD)
    await window.says("Live")
    await window.page.get_by_role("button", name="Sign out").click()
    await window.is_signed_out()
    await window.page.reload()
    await window.is_signed_out()


async def test_who_signs_out_is_not_told_that_the_session_has_ended(window: Window, program: Hub) -> None:
    """Though the live connection hears of it before the page has its answer."""
    page = window.page
    closed = asyncio.Event()
    page.on("websocket", lambda live: live.on("close", lambda _: closed.set()))

    async def late(route: Route) -> None:
        answer = await route.fetch()
        async with asyncio.timeout(30):
            await closed.wait()
        await page.evaluate("new Promise((done) => setTimeout(done))")
        await route.fulfill(response=answer)

    await page.route("**/auth/logout", late)
    await window.open(address(program), guard("North"), PASSWORD)
    await window.says("Live")
    await page.get_by_role("button", name="Sign out").click()
    await window.is_signed_out()


async def test_an_access_cookie_that_is_gone_is_renewed(window: Window, program: Hub, school: School) -> None:
    """As after a quarter of an hour: what is left is the cookie that renews."""
    door = school.doors[0]
    await window.open(address(program), guard("North"), PASSWORD)
    await window.says("Live")
    async with reader(program, door) as gate:
        await scan(gate, door, 5)
        await window.counts(5)
        await window.page.context.clear_cookies(name="passhub")
        for pid in program.pids["workers"]:
            os.kill(pid, signal.SIGKILL)
        await window.says("Reconnecting")
        await scan(gate, door, 5)
        await window.says("Live")
        await window.counts(10)
    assert await window.ids() == await recorded(school, door, 10)


async def test_the_demo_says_where_its_page_is(window: Window) -> None:
    with service_dir() as place, Demo(place / "demo", "--students", "40", "--workers", "1", "--rate", "20") as demo:
        await asyncio.to_thread(demo.wait_ready)
        line = await asyncio.to_thread(demo.wait_line, "sign in: ")
        email, password = line.partition("sign in: ")[2].split()[:2]
        await window.open(f"http://127.0.0.1:{demo.port}", email, password)
        await window.says("Live")
        await expect(window.page.locator("#newest .name")).not_to_be_empty()
        face = window.page.locator("#newest img")  # a portrait that the seed has drawn
        await expect(face).to_be_visible()
        await window.page.get_by_role("link", name="Doors").click()
        await expect(window.page.locator("#door-list [data-clock=right]").first).to_be_visible()
