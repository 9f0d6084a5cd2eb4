"""A job that is watched: until it is over, until nobody watches it, and for as long as the hub shows it."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from playwright.async_api import Page, Route, expect

from tests.browser.scripted_hub import ScriptedHub
from tests.browser.window import Window

pytestmark = pytest.mark.asyncio(loop_scope="session")


def job(number: int, kind: str, **other: Any) -> dict[str, Any]:
    return {
        "id": str(UUID(int=number)),
        "kind": kind,
        "status": "running",
        "schoolId": None,
        "progress": {"done": 0, "total": None},
        "result": None,
        "errors": [],
        "createdAt": datetime.now(UTC).isoformat(),
        "startedAt": None,
        "finishedAt": None,
    } | other


class Jobs:
    """What the hub says of two jobs. `asked`: how often, by id; an answer about `held` waits until it is `free`."""

    def __init__(self) -> None:
        self.all = [job(1, "photos_import"), job(2, "passes_issue")]
        self.asked = Counter[str]()
        self.held = self.all[0]["id"]
        self.free = asyncio.Event()
        self.known = True
        self._told = asyncio.Condition()

    async def serve(self, page: Page) -> None:
        await page.route("**/api/v1/jobs?*", self._list)
        await page.route("**/api/v1/jobs/*", self._one)

    async def _list(self, route: Route) -> None:
        await route.fulfill(json={"data": self.all, "page": {"hasMore": False, "total": len(self.all)}})

    async def _one(self, route: Route) -> None:
        id_ = route.request.url.rpartition("/")[2]
        if id_ == self.held:
            await self.free.wait()
        found = next(one for one in self.all if one["id"] == id_)
        await (route.fulfill(json=found) if self.known else route.fulfill(status=404, json={"message": "no such job"}))
        async with self._told:
            self.asked[id_] += 1
            self._told.notify_all()

    async def answered(self, id_: str, more: int) -> None:
        """Until it was told of this job so many times more."""
        wanted = self.asked[id_] + more
        async with asyncio.timeout(120), self._told:
            await self._told.wait_for(lambda: self.asked[id_] >= wanted)


async def opened(window: Window, hub: ScriptedHub, jobs: Jobs, *more: str) -> None:
    hub.user["permissions"] = [*hub.user["permissions"], "jobs:read", *more]
    await jobs.serve(window.page)
    await window.open(hub.url)
    await hub.screen()
    await window.page.goto(f"{hub.url}/admin/jobs")


async def test_a_late_answer_is_of_a_job_that_nobody_watches_any_more(window: Window, hub: ScriptedHub) -> None:
    page, jobs = window.page, Jobs()
    await opened(window, hub, jobs)
    first, second = (one["id"] for one in jobs.all)
    rows, dialog = page.locator("tbody button"), page.get_by_role("dialog")
    async with page.expect_request(f"**/api/v1/jobs/{first}"):
        await rows.first.click()
    await page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)
    await rows.last.click()
    title = await dialog.get_by_role("heading", level=2).inner_text()
    jobs.free.set()
    await jobs.answered(first, 1)
    await jobs.answered(second, 2)
    await expect(dialog.get_by_role("heading", level=2)).to_have_text(title)
    assert jobs.asked[first] == 1


async def test_a_job_that_is_shown_no_more_is_asked_for_no_more(window: Window, hub: ScriptedHub) -> None:
    page, jobs = window.page, Jobs()
    await page.clock.install()
    await opened(window, hub, jobs)
    second = jobs.all[1]["id"]
    await page.locator("tbody button").last.click()
    await page.clock.run_for(1_000)
    await jobs.answered(second, 1)
    jobs.known = False
    await page.clock.run_for(5_000)
    await expect(page.get_by_role("dialog")).to_contain_text("No such job")
    asked = jobs.asked[second]
    await page.clock.run_for(60_000)
    assert jobs.asked[second] == asked
    window.complaints.clear()


async def test_refused_rows_are_for_who_imports(window: Window, hub: ScriptedHub) -> None:
    page, jobs = window.page, Jobs()
    jobs.all = [job(1, "students_import", status="finished", result={"rows": 3, "refusedRows": "/api/v1/refused"})]
    await opened(window, hub, jobs)
    dialog = page.get_by_role("dialog")
    for permissions, buttons in (([], 0), (["students:import"], 1)):
        hub.user["permissions"] = [*hub.user["permissions"], *permissions]
        await page.reload()
        await page.locator("tbody button").click()
        await expect(dialog).to_contain_text("Rows")
        await expect(dialog.get_by_role("button", name="Download refused rows")).to_have_count(buttons)
