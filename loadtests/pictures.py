"""Pictures of the console for docs/screenshots: each page in three widths, on a demo of its own while people walk in.

    make pictures ARGS="--only live,doors"

Names in every script are drawn where the machine has fonts for them (Debian's fonts-noto-cjk).
"""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path

from playwright.async_api import Browser, Page, StorageState, ViewportSize

from loadtests.bench.browser import chromium, cookies
from loadtests.load.demo import running_demo

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "screenshots"
WIDTHS = {390: 844, 1280: 800, 1920: 1080}
DEMO = ("--students", "2000", "--readers", "8", "--rate", "8")
#: Before the first picture: some people should have come in.
MINUTES_OF_LIFE = 1.0
SETTLED_MS = 1_500

GUARD = {
    "live": "/live",
    "doors": "/doors",
    "today": "/today",
    "look-up": "/look-up",
    "hand-over": "/hand-over",
    "account": "/account",
    "wall": "/wall",
}
OFFICE = {
    "scan": "/scan",
    "analytics": "/admin/analytics",
    "students": "/admin/students",
    "import": "/admin/students/import",
    "photos": "/admin/students/photos",
    "roll-over": "/admin/students/roll-over",
    "passes": "/admin/passes",
    "templates": "/admin/passes/templates",
    "letters": "/admin/passes/letters",
    "access-points": "/admin/access-points",
    "wall-screens": "/admin/wall-screens",
    "accounts": "/admin/accounts",
    "roles": "/admin/roles",
    "departments": "/admin/departments",
    "audit": "/admin/audit",
    "jobs": "/admin/jobs",
}


async def _picture(page: Page, url: str, name: str, path: str, width: int) -> None:
    await page.goto(url + path)
    await page.wait_for_load_state("load")
    if name == "look-up":
        await page.get_by_label("Name or number").fill("an")
    await page.wait_for_timeout(SETTLED_MS * (4 if name in {"live", "wall", "doors"} else 1))
    await page.screenshot(path=FOLDER / f"{name}-{width}.png", animations="disabled", timeout=60_000)


async def _album(browser: Browser, url: str, state: StorageState | None, pages: dict[str, str]) -> None:
    for width, height in WIDTHS.items():
        viewport = ViewportSize(width=width, height=height)
        context = await browser.new_context(
            viewport=viewport, storage_state=state, timezone_id="Europe/Berlin", reduced_motion="reduce"
        )
        page = await context.new_page()
        for name, path in pages.items():
            await _picture(page, url, name, path, width)
        await context.close()


async def _all(document: Path, only: set[str]) -> None:
    demo = json.loads(await asyncio.to_thread(document.read_text))
    url, accounts = demo["baseUrl"], demo["accounts"]
    by_role = {one["role"]: one for one in reversed(accounts)}
    async with chromium() as browser:
        await asyncio.sleep(MINUTES_OF_LIFE * 60)
        wanted = {"sign-in": "/live"}
        if not only or only & wanted.keys():
            await _album(browser, url, None, wanted)
        for role, pages in (("school_admin", OFFICE), ("security", GUARD)):
            asked = {name: path for name, path in pages.items() if not only or name in only}
            if asked:
                one = by_role[role]
                state = await cookies(browser, url, one["email"], one["password"])
                await _album(browser, url, state, asked)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="pages, with commas between them")
    only = {name for name in parser.parse_args().only.split(",") if name}
    with running_demo(ROOT, *DEMO) as document:
        asyncio.run(_all(document, only))


if __name__ == "__main__":
    main()
