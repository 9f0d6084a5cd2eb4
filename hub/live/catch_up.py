"""A screen's way from its cursor to the stream: what it missed, in pieces that it has room for, then in step.

Older than the ring goes back is fetched: from the recorder, its journal, or PostgreSQL. A recorder whose events cannot
be had now (another host's, while PostgreSQL is away) holds up its own events only.
"""

from __future__ import annotations

import asyncio

from hub.live.audience import Audience
from hub.live.cursor import Cursor
from hub.live.events import Faces, Scan
from hub.live.frames import CLOSE_SLOW, reset_frame
from hub.live.ring import Item
from hub.live.screen import Screen
from hub.live.stream import Sources, Stream

PIECE = 500
FETCHED_PIECE = 500
#: So many events are made in one turn of the loop: scans that arrive meanwhile wait for no more.
TEXTS = 100
RETRY_SECONDS = 0.2
ROOM_SECONDS = 0.02
#: A screen that asked for what it missed has to take each piece within this.
PATIENCE_SECONDS = 15.0
#: A cursor that is ahead of the stream for longer than this, and of PostgreSQL, asked meanwhile, is of a recorder that
#: counts anew.
AHEAD_SECONDS = 5.0


def place(screen: Screen, cursor: Cursor | None, stream: Stream, most: int) -> str | None:
    """Give the screen the positions of its cursor. The reason, when it has to start afresh."""
    if cursor is None:
        return None
    if cursor.school != stream.school:
        return "another_school"
    missed = 0
    for recorder in cursor.following.keys() | stream.following.keys():
        theirs, ours = cursor.following.get(recorder, 1), stream.following.get(recorder)
        if not cursor.complete and recorder not in cursor.following and ours != 1:
            screen.own.clear()
            return "incomplete_cursor"
        if ours is None or theirs != ours:
            screen.own[recorder] = theirs
            missed += max(0, (ours or theirs) - theirs)
    if missed > most:
        screen.own.clear()
        return "too_far_behind"
    return None


class CatchUp:
    """Brings screens of one school in step. `places`: how many may be read for at once, in this worker."""

    def __init__(
        self, stream: Stream, audience: Audience, sources: Sources, faces: Faces, places: asyncio.Semaphore
    ) -> None:
        self._stream = stream
        self._audience = audience
        self._sources = sources
        self._faces = faces
        self._places = places
        self._reading: dict[tuple[bytes, int, int], asyncio.Task[tuple[int, list[Item]]]] = {}

    async def run(self, screen: Screen) -> None:
        """Until it is in step, or gone."""
        started, asked = asyncio.get_running_loop().time(), self._stream.asked
        while screen.own and not screen.closed:
            moved = [await self._advance(screen, recorder) for recorder in list(screen.own)]
            if screen.own and not any(moved):
                waited = asyncio.get_running_loop().time() - started
                if waited > AHEAD_SECONDS and self._stream.asked - asked > 1 and self._only_ahead(screen):
                    self._reset(screen)
                    return
                await asyncio.sleep(RETRY_SECONDS)

    async def _advance(self, screen: Screen, recorder: bytes) -> bool:
        """As far as it goes without waiting for others. Whether there was anything."""
        moved = False
        while not screen.closed and (first := screen.own.get(recorder)) is not None:
            following = self._stream.following.get(recorder)
            if following is None and first == 1 and self._stream.complete:
                following = 1  # it had no event when the cursor was made, and has none
            if following is None or first > following:
                break
            if first == following:
                self._audience.settle(screen, recorder)
                return True
            reached, items = await self._read(recorder, first, following)
            if reached == first:
                break
            moved = True
            screen.own[recorder] = reached
            if items:
                self._audience.tell(screen, recorder, items, reached)
                await self._room(screen)
        return moved

    async def _read(self, recorder: bytes, first: int, following: int) -> tuple[int, list[Item]]:
        start = self._stream.ring.start(recorder)
        if first < start:
            return await self._fetched(recorder, first, min(start, first + FETCHED_PIECE))
        items = self._stream.ring.after(recorder, first, PIECE)
        reached = items[-1].sequence + 1 if len(items) == PIECE else following
        return reached, items

    async def _fetched(self, recorder: bytes, first: int, until: int) -> tuple[int, list[Item]]:
        """Screens that were cut off together ask for the same: it is read once, whoever leaves meanwhile."""
        asked = (recorder, first, until)
        task = self._reading.get(asked)
        if task is None:
            task = self._reading[asked] = asyncio.create_task(self._fetch(*asked))
            task.add_done_callback(lambda _: self._reading.pop(asked))
        return await asyncio.shield(task)

    async def _fetch(self, recorder: bytes, first: int, until: int) -> tuple[int, list[Item]]:
        async with self._places:
            run = await self._sources.fetch(self._stream.school, recorder, first, until)
        return run.reached, await self._items(run.scans)

    async def _items(self, scans: list[tuple[int, Scan]]) -> list[Item]:
        items: list[Item] = []
        for at in range(0, len(scans), TEXTS):
            for number, scan in scans[at : at + TEXTS]:
                items.append(Item(number, b"", self._faces.text(scan), scan.amends))
            await asyncio.sleep(0)
        return items

    async def _room(self, screen: Screen) -> None:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not screen.closed and not (self._audience.idle and screen.has_room):  # noqa: ASYNC110 - no event says so
                    await asyncio.sleep(0 if not self._audience.idle else ROOM_SECONDS)
        except TimeoutError:
            screen.close(CLOSE_SLOW, "this screen does not take what it missed; connect again with the last cursor")

    def _only_ahead(self, screen: Screen) -> bool:
        following = self._stream.following
        unknown = 0 if self._stream.synced else 2**62
        return all(own > following.get(recorder, unknown) for recorder, own in screen.own.items())

    def _reset(self, screen: Screen) -> None:
        for recorder in list(screen.own):
            self._audience.settle(screen, recorder)
        self._audience.send(reset_frame("counted_anew", self._audience.cursor()), [screen])
