"""Presses: processes that draw badges side by side, each started when it is first needed."""

from __future__ import annotations

import asyncio
import os

from aiohttp import web

from hub.config import Settings
from hub.control.hand import Hand, HandLost
from hub.errors import StoreUnavailable, TooManyRequests
from hub.issuing.badges.badge import Badge, Done, Layout, Task

MOST = 16
#: Codes of one task: less than a tenth of a second.
AT_ONCE = 8
#: How long a task may take, in seconds: pages of some hundred badges on a busy machine.
PATIENCE = 300.0
#: How many single badges may wait.
WAITING = 16


class Presses:
    """`number` of them; `close` ends them."""

    def __init__(self, settings: Settings, number: int) -> None:
        more = () if settings.badge_fonts is None else (str(settings.badge_fonts),)
        self._hands = [Hand("hub.issuing.badges.press", Done, patience=PATIENCE, arguments=more) for _ in range(number)]
        self._free: asyncio.LifoQueue[Hand[Done]] = asyncio.LifoQueue()
        for hand in self._hands:
            self._free.put_nowait(hand)
        self._waiting = 0

    @classmethod
    def of_all_cores(cls, settings: Settings) -> Presses:
        """For a job."""
        return cls(settings, settings.badge_processes or min(MOST, len(os.sched_getaffinity(0))))

    async def make_ready(self, badges: list[Badge]) -> list[str]:
        """Gives each badge its pattern. Returns the letters that no font has, in the order of the badges: such a badge
        is not to be printed. Raises HandLost."""
        chunks = [badges[start : start + AT_ONCE] for start in range(0, len(badges), AT_ONCE)]
        bare = [[_bare(badge) for badge in chunk] for chunk in chunks]
        missing = list[str]()
        for chunk, done in zip(chunks, await asyncio.gather(*(self._do(Task(some)) for some in bare)), strict=True):
            for badge, pattern in zip(chunk, done.patterns, strict=True):
                badge.pattern = pattern
            missing += done.missing
        return missing

    async def pages(self, badges: list[Badge], layout: Layout) -> bytes:
        """The PDF of badges that are ready. Raises HandLost."""
        return (await self._do(Task(badges, layout))).pdf

    async def card(self, badge: Badge) -> tuple[bytes, str]:
        """One badge as a card, or none and the letters that no font has. Raises TooManyRequests, StoreUnavailable."""
        if self._waiting >= WAITING:
            raise TooManyRequests("too many badges are being drawn at this moment; try again in a second", 1)
        self._waiting += 1
        try:
            (missing,) = await self.make_ready([badge])
            return (b"", missing) if missing else (await self.pages([badge], "card"), "")
        except HandLost as error:
            raise StoreUnavailable("no badge can be drawn at this moment") from error
        finally:
            self._waiting -= 1

    async def _do(self, task: Task) -> Done:
        hand = await self._free.get()
        try:
            return await hand.do(task)
        finally:
            self._free.put_nowait(hand)

    async def close(self) -> None:
        for hand in self._hands:
            await hand.close()


def _bare(badge: Badge) -> Badge:
    """Without its pictures, which a pattern does not need."""
    left = {"photo", "logo", "pattern"}
    return Badge(**{name: getattr(badge, name) for name in badge.__struct_fields__ if name not in left})


#: Where the resources find it: `call.part(PRESSES)`.
PRESSES = web.AppKey("presses", Presses)
