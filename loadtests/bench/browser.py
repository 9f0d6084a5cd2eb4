"""Debian's chromium in front of a hub: who is signed in, what the page's frames and its memory are, when scans show.

All times that pages say are milliseconds since 1970, by the machine's clock.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from playwright.async_api import Browser, BrowserContext, CDPSession, Page, StorageState, ViewportSize, async_playwright

from loadtests.bench.world import PASSWORD

DESK = ViewportSize(width=1280, height=800)
PATIENCE_SECONDS = 120.0

#: When each scan's line, and when each large one, had been drawn. `frames`: their lengths, `tasks`: of the long ones.
WATCH = """() => {
    const seen = window.seen = { rows: {}, large: {}, frames: [], tasks: [] };
    const now = () => performance.timeOrigin + performance.now();
    let fresh = [];
    const next = () => {
        const at = now();
        for (const [where, id] of fresh) where[id] ??= at;
        fresh = [];
    };
    const note = (where, id) => {
        if (!id || where[id]) return;
        if (!fresh.length) requestAnimationFrame(next);
        fresh.push([where, id]);
    };
    new MutationObserver((changes) => {
        for (const { addedNodes } of changes) {
            for (const node of addedNodes) {
                if (node.nodeType !== 1) continue;
                if (node.matches("#scans li")) note(seen.rows, node.dataset.id);
                else for (const row of node.querySelectorAll("#scans li")) note(seen.rows, row.dataset.id);
            }
        }
    }).observe(document.querySelector("#log"), { childList: true, subtree: true });
    const newest = document.querySelector("#newest");
    new MutationObserver(() => note(seen.large, newest.dataset.id)).observe(newest, { attributeFilter: ["data-id"] });
    new PerformanceObserver((list) => {
        for (const one of list.getEntries()) seen.tasks.push(one.duration);
    }).observe({ type: "longtask" });
    let last = performance.now();
    const frame = (at) => {
        seen.frames.push(at - last);
        last = at;
        requestAnimationFrame(frame);
    };
    requestAnimationFrame((at) => { last = at; requestAnimationFrame(frame); });
}"""

#: Before anything of the page runs: milliseconds from the navigation to the first line of the list, once it was drawn.
AWAIT_CONTENT = """
    new MutationObserver((_, observer) => {
        if (!document.querySelector("#scans li .name")?.textContent) return;
        observer.disconnect();
        requestAnimationFrame(() => requestAnimationFrame(() => { window.useful = performance.now(); }));
    }).observe(document, { childList: true, subtree: true, characterData: true });
"""

PAINTED = """() => {
    const [first] = performance.getEntriesByName("first-contentful-paint");
    const loaded = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
        .filter((one) => !new URL(one.name).pathname.startsWith("/api/"));
    const sum = (what) => loaded.reduce((all, one) => all + one[what], 0);
    return { useful, first: first?.startTime ?? 0, bytes: sum("encodedBodySize"), files: loaded.length };
}"""


class Memory(NamedTuple):
    """After a collection. `events`: so many were shown so far. Bytes of the heap; `kept`: lines that could be scrolled
    to; `rows`: those that are there."""

    events: int
    heap: int
    nodes: int
    listeners: int
    rows: int
    kept: int


def use_every_core() -> None:
    """This process, and what it starts from now on, whatever its starter may use."""
    os.sched_setaffinity(0, range(os.cpu_count() or 1))


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Debian's. Raises RuntimeError where there is none."""
    path = shutil.which("chromium")
    if path is None:
        raise RuntimeError("chromium is not installed: make chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path)
        try:
            yield browser
        finally:
            await browser.close()


async def sign_in(page: Page, url: str, email: str, password: str = PASSWORD) -> None:
    """Until the live page is live."""
    await page.goto(url + "/")
    await page.get_by_label("E-mail address").fill(email)
    await page.get_by_label("Password").fill(password)
    await page.keyboard.press("Enter")
    await page.wait_for_selector('#state[data-state="live"]', timeout=PATIENCE_SECONDS * 1e3)


async def cookies(browser: Browser, url: str, email: str, password: str = PASSWORD) -> StorageState:
    """Of somebody who has signed in."""
    context = await browser.new_context(viewport=DESK)
    await sign_in(await context.new_page(), url, email, password)
    state = await context.storage_state()
    await context.close()
    return state


async def live_page(context: BrowserContext, url: str) -> Page:
    page = await context.new_page()
    await page.goto(url + "/live")
    await page.wait_for_selector('#state[data-state="live"]', timeout=PATIENCE_SECONDS * 1e3)
    return page


async def until_counted(page: Page, scans: int) -> None:
    """Until the page says that it was told of so many, and has drawn them."""
    counted = 'Number(document.querySelector("#count").textContent.trim().split(" ")[0].replaceAll(",", ""))'
    await _until(page, f"{counted} >= {scans}")
    await page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


async def _until(page: Page, expression: str) -> None:
    """Asked from outside: the page's policy lets nobody evaluate text in it. Raises TimeoutError."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await page.evaluate(expression):  # noqa: ASYNC110 - no event says so
            await asyncio.sleep(0.05)


async def memory(page: Page, devtools: CDPSession, events: int) -> Memory:
    """What is left when all rubbish is gone: collecting once does not take what the first collection let go."""
    for _ in range(2):
        await devtools.send("HeapProfiler.collectGarbage")
        await asyncio.sleep(0.2)
    heap = await devtools.send("Runtime.getHeapUsage")
    counted = await devtools.send("Memory.getDOMCounters")
    rows, kept = await page.evaluate(
        """() => {
            const list = document.querySelector("#scans"), row = list.querySelector("li");
            return [list.childElementCount, Math.round(list.offsetHeight / row.offsetHeight)];
        }"""
    )
    return Memory(events, int(heap["usedSize"]), counted["nodes"], counted["jsEventListeners"], rows, kept)


async def painted(context: BrowserContext, url: str) -> dict[str, Any]:
    """Opens the live page in a window of its own; milliseconds and bytes, once a scan is in its list."""
    page = await context.new_page()
    await page.add_init_script(AWAIT_CONTENT)
    await page.goto(url + "/live", wait_until="commit")
    await _until(page, "Boolean(window.useful) && document.fonts.status === 'loaded'")
    found: dict[str, Any] = await page.evaluate(PAINTED)
    await page.close()
    return found
