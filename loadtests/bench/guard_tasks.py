"""How long a guard's commonest tasks take: clicks and seconds, on a demo of its own where people walk in meanwhile.

    python -m loadtests.bench.guard_tasks [--runs 3]

From the live page to the last sign that it is done. A choice in a list and a place to type are a click too, unless the
page has put the cursor there; keys are pressed sixteen a second, and nobody reads. Prints JSON: by task, its runs.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
from playwright.async_api import Locator, Page, expect

from loadtests.bench.browser import DESK, chromium, sign_in, use_every_core
from loadtests.load.demo import running_demo
from loadtests.load.targets import Door, Targets, read_targets

ROOT = Path(__file__).resolve().parents[2]
STUDENTS, READERS, SCANS_A_SECOND = 400, 4, 5
KEY_MS = 62.5
PATIENCE_MS = 60_000


class Guard:
    """Hands on the page: `clicks` so far."""

    def __init__(self, page: Page, url: str, door: Door) -> None:
        self.page = page
        self.url = url
        self.door = door
        self.clicks = 0

    async def click(self, what: Locator) -> None:
        self.clicks += 1
        await what.click(timeout=PATIENCE_MS)

    async def type(self, field: str, text: str) -> None:
        """A click more where the cursor is elsewhere."""
        where = self.page.get_by_label(field, exact=True)
        await expect(where).to_be_visible(timeout=PATIENCE_MS)
        if not await where.evaluate("field => field === document.activeElement"):
            await self.click(where)
        await self.page.keyboard.type(text, delay=KEY_MS)

    async def page_of(self, name: str) -> None:
        await self.click(self.page.get_by_role("link", name=name, exact=True))

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    @property
    def dialog(self) -> Locator:
        return self.page.get_by_role("dialog")

    async def scan(self, code: str) -> None:
        """Somebody at the guard's door."""
        body = {"qrCode": code, "scanId": str(uuid.uuid4()), "direction": "entry"}
        headers = {"Authorization": f"Bearer {self.door.key}"}
        async with (
            aiohttp.ClientSession(headers=headers) as http,
            http.post(f"{self.url}/api/v1/passes/verify", json=body) as answer,
        ):
            answer.raise_for_status()


async def find(guard: Guard) -> None:
    await guard.page_of("Look up")
    await guard.type("Name or number", "an")
    await expect(guard.page.locator(".person .verdict")).to_be_visible(timeout=PATIENCE_MS)


async def let_in(guard: Guard) -> None:
    await find(guard)
    await guard.click(guard.button("Let in by hand"))
    await guard.type("Why", "forgot the card")
    await guard.click(guard.button("Let in"))
    await expect(guard.page.get_by_text("was let in by hand.").last).to_be_visible(timeout=PATIENCE_MS)


async def undo(guard: Guard) -> None:
    await guard.click(guard.page.locator('#scans [data-decision="granted"] button').first)
    await guard.click(guard.dialog.get_by_role("button", name="Undo").first)
    await guard.click(guard.dialog.last.get_by_role("button", name="Undo", exact=True))
    await expect(guard.page.get_by_text("The scan is undone.").last).to_be_visible(timeout=PATIENCE_MS)


async def see_why(guard: Guard) -> None:
    lately = guard.page.get_by_role("region", name="Denied lately")
    await guard.click(lately.get_by_role("button").filter(has_not_text="Unknown").first)
    await guard.click(guard.dialog.get_by_text("Every check"))
    await expect(guard.dialog.locator(".checks li").first).to_be_visible(timeout=PATIENCE_MS)


async def acknowledge(guard: Guard) -> None:
    await guard.page_of("Hand-over")
    await guard.click(guard.page.get_by_role("button", name="Seen to").first)
    await guard.type("A note for the next shift", "sent to the office")
    await guard.click(guard.dialog.get_by_role("button", name="Seen to"))
    await expect(guard.page.get_by_text("It is seen to.").last).to_be_visible(timeout=PATIENCE_MS)


async def hand_over(guard: Guard) -> None:
    await guard.page_of("Hand-over")
    await expect(guard.page.locator("#happened-title")).to_be_visible(timeout=PATIENCE_MS)


TASKS: dict[str, Callable[[Guard], Awaitable[None]]] = {
    "Find a student and see whether the pass works": find,
    "Let somebody in by hand, with a reason": let_in,
    "Undo a scan": undo,
    "See why somebody was denied, check by check": see_why,
    "Acknowledge a denial, with a note": acknowledge,
    "Hand over: what is open, and what happened": hand_over,
}


async def _ready(guard: Guard, denied: str) -> None:
    """The live page, with somebody who was just denied, and somebody who was not."""
    await guard.page.goto(guard.url + "/live")
    await guard.page.wait_for_selector('#state[data-state="live"]', timeout=PATIENCE_MS)
    await guard.scan(denied)
    await guard.scan(guard.door.granted[0].text)
    lately = guard.page.get_by_role("region", name="Denied lately")
    await expect(lately.get_by_role("button").filter(has_not_text="Unknown").first).to_be_visible(timeout=PATIENCE_MS)
    await expect(guard.page.locator('#scans [data-decision="granted"]').first).to_be_visible(timeout=PATIENCE_MS)
    await guard.page.mouse.move(2, 2)


async def tasks(targets: Targets, account: dict[str, str], runs: int) -> dict[str, list[dict[str, float]]]:
    assert targets.base_url is not None
    door = next(door for door in targets.doors if door.school == account["schoolCode"])
    denied = next(code.text for code in door.denied if code.reason == "revoked_pass")
    found: dict[str, list[dict[str, float]]] = {name: [] for name in TASKS}
    async with chromium() as browser:
        context = await browser.new_context(viewport=DESK)
        guard = Guard(await context.new_page(), targets.base_url, door)
        await sign_in(guard.page, targets.base_url, account["email"], account["password"])
        for _ in range(runs):
            for name, task in TASKS.items():
                await _ready(guard, denied)
                guard.clicks, began = 0, time.monotonic()
                await task(guard)
                found[name].append({"clicks": guard.clicks, "seconds": time.monotonic() - began})
                print(f"  {name}: {found[name][-1]}", file=sys.stderr, flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m loadtests.bench.guard_tasks")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    use_every_core()
    asked = ("--students", STUDENTS, "--readers", READERS, "--rate", SCANS_A_SECOND)
    with running_demo(ROOT, *map(str, asked)) as document:
        accounts = json.loads(document.read_bytes())["accounts"]
        account = next(one for one in accounts if one["role"] == "security")
        found: dict[str, Any] = asyncio.run(tasks(read_targets(document), account, options.runs))
    print(json.dumps({"tasks": found, "students": STUDENTS, "rate": SCANS_A_SECOND}))


if __name__ == "__main__":
    main()
