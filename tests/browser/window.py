"""The page in a browser's window, in the words of who looks at it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from playwright.async_api import ConsoleMessage, Page, expect

from tests.browser.scripted_hub import EMAIL, PASSWORD

#: Milliseconds. What is waited for is what is asserted; how long it takes is the machine's affair.
PATIENCE = 120_000
#: What a browser says of a connection that it cannot open or that breaks, and of who is not let in; there is no way to
#: keep it from saying so.
CUT = (
    "WebSocket connection to",
    "WebSocket is already in CLOSING or CLOSED state",  # a pong to a hub that closes
    "Failed to load resource: net::ERR_INTERNET_DISCONNECTED",
    "Failed to load resource: net::ERR_CONNECTION_REFUSED",
    "Failed to load resource: the server responded with a status of 401",
    "Failed to load resource: the server responded with a status of 503",
)


ROWS = """async () => {
    const list = document.querySelector("#log .list");
    const frame = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    const found = new Map();
    const read = () => document.querySelectorAll("#scans li").forEach((row) => found.set(
        new DOMMatrix(getComputedStyle(row).transform).f,
        { id: row.dataset.id, kind: row.dataset.decision, name: row.querySelector(".name").textContent,
          why: row.querySelector(".why").textContent, door: row.querySelector(".door")?.textContent ?? "" }));
    for (let top = 0; ; top += list.clientHeight / 2) {
        list.scrollTop = top;
        await frame();
        read();
        if (top + list.clientHeight >= list.scrollHeight) break;
    }
    list.scrollTop = 0;
    await frame();
    return [...found].sort((one, other) => other[0] - one[0]).map(([, row]) => row);
}"""


@dataclass(frozen=True)
class Row:
    """A line of the list. `kind`: granted, denied or note."""

    id: str
    kind: str
    name: str
    why: str
    door: str


class Window:
    """`complaints`: errors, warnings and violations of the page's policy, in the browser's words, but those that begin
    as one that is `expected`."""

    def __init__(self, page: Page) -> None:
        self.page = page
        page.set_default_timeout(PATIENCE)
        self.complaints: list[str] = []
        self.expected: tuple[str, ...] = CUT

    async def watch(self) -> None:
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        await self.page.add_init_script(
            "addEventListener('securitypolicyviolation', (e) => console.error(e.violatedDirective, e.blockedURI))"
        )

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not message.text.startswith(self.expected):
            self.complaints.append(message.text)

    async def open(self, url: str, email: str = EMAIL, password: str = PASSWORD) -> None:
        """Opens the page, and signs in."""
        await self.page.goto(url + "/")
        await self.sign_in(email, password)

    async def sign_in(self, email: str = EMAIL, password: str = PASSWORD) -> None:
        await self.page.get_by_label("E-mail address").fill(email)
        await self.page.get_by_label("Password").fill(password)
        await self.page.keyboard.press("Enter")

    async def says(self, word: str) -> None:
        """Until the word beside the lamp is this one."""
        await expect(self.page.locator("#state-word")).to_have_text(word)

    async def counts(self, scans: int) -> None:
        """Until it has counted so many."""
        await expect(self.page.locator("#count")).to_contain_text(f"{scans:,} since")

    async def text(self, selector: str) -> str:
        """As it is laid out; empty when it is hidden."""
        return await self.page.locator(selector).inner_text()

    async def rows(self) -> list[Row]:
        """The list, oldest first: read from top to bottom, as only what is in sight is there."""
        found: list[dict[str, Any]] = await self.page.evaluate(ROWS)
        return [Row(**row) for row in found]

    async def ids(self) -> list[str]:
        """Of the scans in the list, oldest first."""
        return [row.id for row in await self.rows() if row.kind != "note"]

    async def is_signed_out(self, why: str = "") -> None:
        """Until somebody has to sign in, who is told why."""
        await expect(self.page.get_by_label("E-mail address")).to_be_visible()
        await expect(self.page.locator("#refusal")).to_have_text(why)
