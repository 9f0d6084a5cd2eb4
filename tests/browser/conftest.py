"""A browser for all tests of this directory, a window for each. They share one event loop, the browser's."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright, expect

from tests.acceptance.hub import Hub, short_directory
from tests.acceptance.school import School, furnish
from tests.browser.office import Office, appoint, count
from tests.browser.scripted_hub import ScriptedHub, scripted_hub
from tests.browser.window import PATIENCE, Window
from tests.services import Cluster

expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Its path; the Makefile installs it where it can."""
    found = shutil.which("chromium")
    if found is None:
        assert not os.environ.get("CI"), "chromium is not installed"
        pytest.skip("chromium is not installed: the page was not shown")
    return found


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(chromium: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=chromium)
        yield running
        await running.close()


@pytest_asyncio.fixture(loop_scope="session")
async def window(browser: Browser) -> AsyncIterator[Window]:
    """A window in which nothing may be reported on the console, but cuts."""
    context = await browser.new_context(viewport={"width": 1280, "height": 800}, timezone_id="Europe/Berlin")
    opened = Window(await context.new_page())
    await opened.watch()
    yield opened
    await context.close()
    assert opened.complaints == []


@pytest_asyncio.fixture(loop_scope="session")
async def hub() -> AsyncIterator[ScriptedHub]:
    async with scripted_hub() as running:
        yield running


@pytest.fixture(scope="package")
def school(cluster: Cluster) -> Iterator[School]:
    """Two schools with an office, whose numbers were counted once."""
    name = cluster.create()
    made = furnish(cluster.url(name))
    appoint(made)
    count(made)
    yield made
    cluster.drop(name)


@pytest.fixture(scope="package")
def program(school: School) -> Iterator[Hub]:
    """The real program in front of it. It keeps files, and asks a scanner at its directory's clamd.sock, which is away
    until a test is one."""
    with short_directory() as directory:
        clamd = f"unix://{directory / 'clamd.sock'}"
        with Hub(
            school.url, directory, workers=1, files_dir=directory / "files", clamd_url=clamd, request_timeout=120
        ) as hub:
            hub.wait_ready()
            yield hub


@pytest_asyncio.fixture(loop_scope="session")
async def office(window: Window, program: Hub, school: School) -> AsyncIterator[Office]:
    """With its administrator signed in."""
    opened = Office(window, program, school)
    await opened.sign_in()
    yield opened
