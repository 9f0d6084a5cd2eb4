"""This device as a reader of the real program: a scanner that types, a camera that sees, a line that is cut."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Request, WebSocketRoute, expect

from hub.domain.keyboards import LAYOUTS
from hub.domain.scanners import as_typed
from tests.acceptance.hub import Hub, short_directory
from tests.acceptance.school import School, furnish, guard
from tests.browser.film import filmed
from tests.browser.office import Office, appoint
from tests.browser.window import Window
from tests.services import Cluster
from tests.vectors_writer import CODE

pytestmark = [pytest.mark.service, pytest.mark.asyncio(loop_scope="session")]

#: A door a test, of the first school.
DOORS = ["North gate", "Back door", "Side door", "Gym", "Library"]
DESK = "UPDATE schools SET settings = $1::jsonb WHERE id = (SELECT school_id FROM users WHERE email = $2)"
LAYOUT = {layout.name: layout for layout in LAYOUTS}
NO_CAMERA = {
    "NotAllowedError": "The camera was refused.",
    "NotFoundError": "There is no camera on this device.",
    "NotReadableError": "another program may be using it",
}


@pytest.fixture(scope="module")
def school(cluster: Cluster) -> Iterator[School]:
    """One of its codes is as the hub makes them."""
    name = cluster.create()
    made = furnish(cluster.url(name))
    appoint(made)
    made.execute("UPDATE passes SET qr_code = $1 WHERE pass_number = 'granted-North-0'", CODE)
    for number, door in enumerate(DOORS):
        made.execute("UPDATE access_points SET name = $1 WHERE id = $2::uuid", door, made.doors[2 * number].id)
    yield made
    cluster.drop(name)


@pytest.fixture(scope="module")
def program(school: School) -> Iterator[Hub]:
    with short_directory() as directory, Hub(school.url, directory, workers=1) as hub:
        hub.wait_ready()
        yield hub


@pytest_asyncio.fixture(loop_scope="session")
async def office(window: Window, program: Hub, school: School) -> AsyncIterator[Office]:
    yield Office(window, program, school)


async def at(office: Office, door: str) -> str:
    """Chooses the door, and waits until this device reads there. Its id."""
    page = office.window.page
    await office.go("/scan", "At which door?")
    await page.get_by_label("Name or place").fill(door.upper())
    await page.get_by_role("button", name=door).click()
    await standing(page, "Connected")
    return office.school.doors[2 * DOORS.index(door)].id


async def standing(page: Page, word: str) -> None:
    await expect(page.locator("#standing")).to_have_text(word)


async def answered(page: Page, state: str, *words: str) -> None:
    """Until the newest scan's answer is this one, in large."""
    await expect(page.locator("#answer")).to_have_attribute("data-state", state)
    for text in words:
        await expect(page.locator("#answer")).to_contain_text(text)


async def scanner(page: Page, text: str, end: str = "Enter") -> None:
    """Types as a scanner does: time stands still, however slow this machine is."""
    await page.evaluate("() => { const now = performance.now(); performance.now = () => now; }")
    await page.keyboard.type(text)
    await page.keyboard.press(end)
    await page.evaluate("() => { delete performance.now; }")


async def logged(office: Office, door: str, count: int) -> list[tuple[str, str | None, Any]]:
    """Status, reason and device of the scans at a door, oldest first, once there are so many."""
    ask = "SELECT status, reason, device_info FROM access_logs WHERE access_point_id = $1::uuid ORDER BY access_time"
    async with asyncio.timeout(60):
        while len(rows := await asyncio.to_thread(office.school.fetch, ask, door)) < count:
            pass
    return [(row["status"], row["reason"], json.loads(row["device_info"])) for row in rows]


async def test_what_a_scanner_types_is_asked_at_this_door(office: Office) -> None:
    page = office.window.page
    await office.sign_in()
    door = await at(office, "North gate")
    await page.get_by_role("button", name="Another door").focus()  # wherever the focus is
    await scanner(page, CODE)
    await answered(page, "granted", "Granted", "Ada Lovelace", "valid until")
    assert await office.violations() == []
    await page.get_by_role("radio", name="In").check()
    await scanner(page, "revoked-North", "Tab")
    await answered(page, "denied", "Denied", "The pass was revoked")
    await page.get_by_label("Code", exact=True).fill("nobody-North")
    await page.get_by_role("button", name="Check").click()
    await answered(page, "denied", "This is not the code of a pass")
    found = await logged(office, door, 3)
    user = str(await office.one("SELECT id FROM users WHERE email = 'admin@north.example'"))
    assert [(status, reason, one["means"], one["userId"]) for status, reason, one in found] == [
        ("granted", None, "scanner", user),
        ("denied", "revoked_pass", "scanner", user),
        ("denied", "malformed_code", "hand", user),
    ]
    await page.reload()  # the door is remembered
    await expect(page.get_by_text("This device reads passes at North gate.")).to_be_visible()
    await standing(page, "Connected")
    await asyncio.to_thread(office.school.execute, "UPDATE sessions SET ended_at = now()")
    await office.window.is_signed_out("The session has ended. Sign in again.")


async def test_a_scanner_whose_layout_is_not_the_computers_is_recognised(office: Office) -> None:
    page = office.window.page
    await office.sign_in()
    door = await at(office, "Back door")
    await scanner(page, as_typed(CODE, LAYOUT["German"]))
    await answered(page, "granted", "Ada Lovelace")
    said = page.locator("#layout")
    await expect(said).to_contain_text("this computer’s layout is German. The code was repaired.")
    assert await office.violations() == []
    await scanner(page, as_typed(CODE, LAYOUT["French"])[:-6])
    await answered(page, "denied", "This is not the code of a pass")
    await expect(said).to_contain_text("layout is French. The code cannot be repaired")
    await scanner(page, "granted-North-1")
    await answered(page, "granted")
    await expect(said).to_have_count(0)
    assert [status for status, _, _ in await logged(office, door, 3)] == ["granted", "denied", "granted"]


@pytest_asyncio.fixture(loop_scope="session")
async def seeing(
    browser: Browser, chromium: str, program: Hub, school: School, tmp_path: Path
) -> AsyncIterator[Office]:
    """In a browser whose camera sees a pass."""
    film = tmp_path / "pass.y4m"
    film.write_bytes(filmed(CODE))
    fake = ["device-for-media-stream", "ui-for-media-stream"]
    arguments = [*(f"--use-fake-{one}" for one in fake), f"--use-file-for-fake-video-capture={film}"]
    running = await browser.browser_type.launch(executable_path=chromium, args=arguments)
    opened = Window(await running.new_page(viewport={"width": 1280, "height": 800}))
    await opened.watch()
    yield Office(opened, program, school)
    await running.close()
    assert opened.complaints == []


async def test_what_the_camera_sees_is_one_scan(seeing: Office) -> None:
    page = seeing.window.page
    loaded: list[str] = []

    def note(request: Request) -> None:
        loaded.append(request.url.rpartition("/")[2].partition("-")[0])

    page.on("request", note)
    await seeing.sign_in()
    door = await at(seeing, "Side door")
    assert {"worker", "zxing_reader", "finding"} & set(loaded) == set()
    await page.get_by_role("button", name="Use the camera").click()
    await answered(page, "granted", "Ada Lovelace")
    assert [worker.url.rpartition("/")[2].partition("-")[0] for worker in page.workers] == ["worker"]
    assert "zxing_reader" in loaded
    assert await seeing.violations() == []
    await scanner(page, "revoked-North")
    await answered(page, "denied")
    await expect(page.locator("#before li")).to_have_count(1)  # though it is held up all the time
    await page.get_by_role("button", name="Stop the camera").click()
    await expect(page.get_by_role("button", name="Use the camera")).to_be_visible()
    assert [one["means"] for _, _, one in await logged(seeing, door, 2)] == ["camera", "scanner"]


async def test_why_there_is_no_camera_is_said(office: Office) -> None:
    page = office.window.page
    await office.sign_in()
    await at(office, "Library")
    for error, words in NO_CAMERA.items():
        await page.evaluate(
            "(name) => { navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', name); } }",
            error,
        )
        await page.get_by_role("button", name="Use the camera").click()
        await expect(page.get_by_role("alert")).to_contain_text(words)


async def test_a_scan_whose_answer_was_lost_is_sent_again_and_is_one(office: Office) -> None:
    page = office.window.page
    sockets: list[WebSocketRoute] = []
    lost, let_through = asyncio.Event(), asyncio.Event()

    def between(socket: WebSocketRoute) -> None:
        hub = socket.connect_to_server()
        sockets.append(socket)

        def heard(message: str | bytes) -> None:
            if '"decision"' in str(message) and not let_through.is_set():
                lost.set()
            else:
                socket.send(message)

        hub.on_message(heard)

    await page.route_web_socket("**/api/v1/readers/connect", between)
    await office.sign_in()
    door = await at(office, "Gym")
    await scanner(page, CODE)
    await asyncio.wait_for(lost.wait(), 60)
    await answered(page, "waiting", "No answer yet", "Nobody is let in by this.")
    await logged(office, door, 1)
    await page.context.set_offline(True)
    await sockets[-1].close(code=1001)
    let_through.set()
    await standing(page, "No connection")
    await expect(page.get_by_role("alert")).to_contain_text("The hub cannot be reached")
    await scanner(page, "revoked-North")  # kept, too
    await expect(page.locator("#kept")).to_have_text("Without an answer: 2")
    assert await office.violations() == []
    await page.context.set_offline(False)
    await answered(page, "denied", "The pass was revoked")
    await expect(page.locator("#kept")).to_have_count(0)
    await expect(page.locator('#before li[data-state="granted"]')).to_contain_text("Ada Lovelace")
    await standing(page, "Connected")
    found = await logged(office, door, 2)
    assert [(status, reason) for status, reason, _ in found] == [("granted", None), ("denied", "revoked_pass")]


async def test_who_may_not_scan_has_no_such_page_and_who_may_not_any_more_is_told(office: Office) -> None:
    page = office.window.page
    await office.sign_in(guard("North"))
    await office.go("/scan", "There is no such page")
    here = page.get_by_role("link", name="Scan", exact=True)
    await expect(here).to_have_count(0)
    await asyncio.to_thread(office.school.execute, DESK, '{"guardDesk": true}', guard("North"))
    async with asyncio.timeout(60):
        while not await here.count():
            await page.reload()
            await expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    await at(office, "Library")
    await asyncio.to_thread(office.school.execute, DESK, '{"guardDesk": false}', guard("North"))
    await expect(page.get_by_text("This account may not scan any more.")).to_be_visible()
    await expect(here).to_have_count(0)
