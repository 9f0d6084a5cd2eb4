"""The screens of one school: each batch is encoded and framed once, and the same bytes are written to all.

Most screens are in step with the stream: they share its cursor. A screen that is catching up has positions of its own
until it is. Everything goes through one queue, written some screens a turn of the loop, so that a scan that arrives in
between need not wait for a thousand screens.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator

from hub.live.cursor import cursor_text
from hub.live.frames import events_frame, item_frames
from hub.live.ring import Item
from hub.live.screen import Screen

SLICE = 64
#: How long those who are slower than most may hold up what comes faster than it happened.
READY_SECONDS, ROOM_SECONDS = 0.2, 0.02


class Audience:
    """Screens by whether they are in step. `following` is the stream's, shared with it; `complete()`: whether it names
    all recorders that have events."""

    def __init__(self, school: bytes, following: dict[bytes, int], complete: Callable[[], bool] = lambda: True) -> None:
        self._school = school
        self._following = following
        self._complete = complete
        self.in_step: dict[Screen, None] = {}
        self.behind: dict[Screen, None] = {}
        self._queue: deque[tuple[bytes, list[Screen]]] = deque()
        self._at = 0
        self._pumping = False

    def __len__(self) -> int:
        return len(self.in_step) + len(self.behind)

    def __iter__(self) -> Iterator[Screen]:
        yield from self.in_step
        yield from self.behind

    def cursor(self, screen: Screen | None = None, at: dict[bytes, int] | None = None) -> bytes:
        """The stream's position, or with what is the screen's own in it; `at`: where somewhere between."""
        own = {} if screen is None else screen.own
        return cursor_text(self._school, {**self._following, **own, **(at or {})}, complete=self._complete())

    def add(self, screen: Screen) -> None:
        (self.behind if screen.own else self.in_step)[screen] = None

    def discard(self, screen: Screen) -> None:
        self.in_step.pop(screen, None)
        self.behind.pop(screen, None)

    def settle(self, screen: Screen, recorder: bytes) -> None:
        """The screen is where the stream is, for this recorder."""
        screen.own.pop(recorder, None)
        if not screen.own and screen in self.behind:
            del self.behind[screen]
            self.in_step[screen] = None

    def deliver(self, recorder: bytes, first: int, items: list[Item], following: int) -> None:
        """A run of events that moved the stream from `first` to `following`."""
        if items and self.in_step:
            for frame in item_frames(items, following, lambda number: self.cursor(at={recorder: number})):
                self.send(frame, list(self.in_step))
        for screen in list(self.behind):
            self._deliver_behind(screen, recorder, first, items, following)

    def _deliver_behind(self, screen: Screen, recorder: bytes, first: int, items: list[Item], following: int) -> None:
        own = screen.own.get(recorder, first)
        if own < first or own > following:
            return  # it is being told what comes before, or has seen all of this
        self.settle(screen, recorder)
        self.tell(screen, recorder, [item for item in items if item.sequence >= own], following)

    def tell(self, screen: Screen, recorder: bytes, items: list[Item], following: int) -> None:
        """What brings one screen up to `following`."""
        for frame in item_frames(items, following, lambda number: self.cursor(screen, {recorder: number})):
            self.send(frame, [screen])

    def tell_cursor(self) -> None:
        """To screens whose last cursor does not name all recorders."""
        self.send(events_frame(self.cursor(), []), list(self.in_step))
        for screen in self.behind:
            self.send(events_frame(self.cursor(screen), []), [screen])

    async def ready(self) -> None:
        """Until most screens have taken what was written: what was missed comes faster than they may read."""
        loop = asyncio.get_running_loop()
        until = loop.time() + READY_SECONDS
        await asyncio.sleep(0)
        while not self._most_have_room() and loop.time() < until:  # noqa: ASYNC110 - no event says so
            await asyncio.sleep(ROOM_SECONDS)

    def _most_have_room(self) -> bool:
        return self.idle and 2 * sum(screen.has_room for screen in self.in_step) >= len(self.in_step)

    def send(self, frame: bytes, screens: list[Screen]) -> None:
        """After all that was sent before."""
        self._queue.append((frame, screens))
        if not self._pumping:
            self._pumping = True
            self._pump()

    @property
    def idle(self) -> bool:
        return not self._queue

    def _pump(self) -> None:
        """One slice now, the rest in the next turns of the loop."""
        left = SLICE
        while self._queue and left > 0:
            frame, screens = self._queue[0]
            part = screens[self._at : self._at + left]
            for screen in part:
                screen.write(frame)
            left -= len(part)
            self._at += len(part)
            if self._at >= len(screens):
                self._queue.popleft()
                self._at = 0
        if self._queue:
            asyncio.get_running_loop().call_soon(self._pump)
        else:
            self._pumping = False
