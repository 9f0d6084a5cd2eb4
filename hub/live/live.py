"""All screens of this worker: a stream and an audience for each school that has one, and what feeds them.

    recorder ──► hear ──┐
    Redis    ──► hear ──┼─► Stream (order, gaps) ──► Audience ──► screens
    PostgreSQL ─ heads ─┘                └── Ring ──► CatchUp ──┘

A school's stream begins with its first screen and lingers after the last, because screens come back.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterator

import structlog

from hub.config import Settings
from hub.index.directory import Directory
from hub.index.index import PassIndex
from hub.live.audience import Audience
from hub.live.catch_up import CatchUp, place
from hub.live.cursor import Cursor
from hub.live.events import Faces
from hub.live.frames import events_frame, reset_frame, stats_frame
from hub.live.remote import Remote
from hub.live.ring import Item
from hub.live.screen import Screen
from hub.live.sources import UNREADABLE, Log, Past
from hub.live.stream import Stream
from hub.live.tally import MINUTE, SERIES_MINUTES
from hub.recorder.client import RecorderClient
from hub.recorder.wire import Events, Fetched, Present, Readers, ToWorker, Unwatch, Watch, Watching, Welcome
from hub.store.pg import Pg
from hub.telemetry import Family, counter, gauge

log = structlog.get_logger(__name__)

LINGER_SECONDS = 60.0
SYNC_SECONDS = 2.0
POLL_SECONDS, POLL_SLOWLY_SECONDS = 1.0, 5.0
STATS_SECONDS = 1.0
CATCH_UPS = 4


class Room:
    """One school's. `linger`: ends it, unless a screen comes back."""

    def __init__(self, stream: Stream, audience: Audience, catch_up: CatchUp) -> None:
        self.stream = stream
        self.audience = audience
        self.catch_up = catch_up
        self.linger: asyncio.TimerHandle | None = None

    def stay(self) -> None:
        """A screen is here, or about to be."""
        if self.linger is not None:
            self.linger.cancel()
            self.linger = None


class Live:
    """`run()` until cancelled. `stats(stream, series=…)`: JSON of a school's `stats`; `readers()`: who is connected
    here."""

    def __init__(
        self,
        settings: Settings,
        recorder: RecorderClient,
        pg: Pg,
        index: PassIndex,
        directory: Directory,
        readers: Callable[[], Readers],
        stats: Callable[..., bytes],
    ) -> None:
        self._settings = settings
        self._recorder = recorder
        self._log = Log(pg)
        self._past = Past(recorder, self._log)
        self._faces = Faces(index, directory)
        self._directory = directory
        self._readers = readers
        self._stats = stats
        self._rooms: dict[bytes, Room] = {}
        self._poll = asyncio.Event()
        self._remote = Remote(settings.redis_url, self._hear_other_host, self._poll.set)
        self._places = asyncio.Semaphore(CATCH_UPS)
        self.sent = 0
        self.resets = 0
        recorder.on_other = self._hear
        recorder.on_connected.append(self._watch_again)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._remote.run())
            tasks.create_task(self._follow_log())
            tasks.create_task(self._every_second())

    def families(self) -> list[Family]:
        screens = sum(len(room.audience) for room in self._rooms.values())
        return [
            gauge("hub_live_screens", "Screens that see a school's events", screens),
            gauge("hub_live_schools", "Schools with a stream in this worker", len(self._rooms)),
            counter("hub_live_events_total", "Events handed to screens, once for all of a school", self.sent),
            counter("hub_live_resets_total", "Screens that had to start afresh", self.resets),
        ]

    # Screens

    async def join(self, screen: Screen, school: bytes, cursor: Cursor | None) -> None:
        """From its cursor on; returns when it is in step, or gone."""
        room = self._room(school)
        room.stay()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SYNC_SECONDS):
                while not room.stream.complete:  # noqa: ASYNC110 - two conditions
                    await asyncio.sleep(0.005)
        if screen.closed:
            return
        reason = place(screen, cursor, room.stream, self._settings.live_resume_max)
        room.audience.add(screen)
        room.stay()
        own = room.audience.cursor(screen)
        if reason is not None:
            self.resets += 1
            room.audience.send(reset_frame(reason, own), [screen])
        else:
            room.audience.send(events_frame(own, []), [screen])
        room.audience.send(stats_frame(self._stats(room.stream, series=True)), [screen])
        await room.catch_up.run(screen)

    def leave(self, screen: Screen, school: bytes) -> None:
        room = self._rooms.get(school)
        if room is None:
            return
        room.audience.discard(screen)
        if not len(room.audience) and room.linger is None:
            room.linger = asyncio.get_running_loop().call_later(LINGER_SECONDS, self._end, school)

    def tell(self, school: bytes, frame: bytes) -> None:
        """To all screens of the school here, what is no part of its stream."""
        room = self._rooms.get(school)
        if room is not None and len(room.audience):
            room.audience.send(frame, list(room.audience))

    def _room(self, school: bytes) -> Room:
        room = self._rooms.get(school)
        if room is None:
            stream = Stream(school, self._past, self._faces, self._settings.live_ring, *self._ways(school))
            audience = Audience(school, stream.following, lambda: stream.complete)
            catch_up = CatchUp(stream, audience, self._past, self._faces, self._places)
            room = self._rooms[school] = Room(stream, audience, catch_up)
            self._remote.watch(school)
            self._recorder.send(Watch(school))
            self._poll.set()
        return room

    def _ways(self, school: bytes) -> tuple[Callable[..., None], Callable[[], Awaitable[None]]]:
        """From a stream to its audience: what happened, and when there is room for more."""

        def deliver(recorder: bytes, first: int, items: list[Item], following: int) -> None:
            self.sent += len(items)
            self._rooms[school].audience.deliver(recorder, first, items, following)

        async def ready() -> None:
            await self._rooms[school].audience.ready()

        return deliver, ready

    def _end(self, school: bytes) -> None:
        room = self._rooms[school]
        room.linger = None
        if len(room.audience):
            return
        del self._rooms[school]
        room.stream.close()
        self._remote.unwatch(school)
        self._recorder.send(Unwatch(school))

    # What feeds them

    def _watch_again(self) -> None:
        """A recorder is there (again): what it recorded meanwhile is fetched when it has said where it stands."""
        self._past.nobody_answers()
        for school in self._rooms:
            self._recorder.send(Watch(school))

    def _hear(self, message: ToWorker) -> None:
        """From the host's recorder. What goes wrong here is no fault of the connection, which scans wait for."""
        try:
            self._take(message)
        except Exception:
            log.exception("what the recorder sent cannot be shown")

    def _take(self, message: ToWorker) -> None:
        if isinstance(message, Fetched):
            self._past.hear(message)
        elif isinstance(message, Welcome):
            self._remote.know_own(message.recorder_id)
        elif isinstance(message, Watching):
            room = self._rooms.get(message.school)
            if room is not None:
                with _completing(room):
                    room.stream.watching(message.recorder, message.following)
        elif isinstance(message, Events | Present):
            self._hear_other_host(message)

    def _hear_other_host(self, message: Events | Present) -> None:
        room = self._rooms.get(message.school)
        if room is None:
            return
        if isinstance(message, Events):
            # Until its own recorder has said where it stands, a stream does not know what is new.
            if room.stream.started.is_set():
                room.stream.receive(message)
        else:
            room.stream.note_present(message)

    async def _follow_log(self) -> None:
        """What other hosts have written to PostgreSQL: all there is without Redis, and what Redis lost."""
        while True:
            with contextlib.suppress(TimeoutError):
                known = all(room.stream.recalled for room in self._rooms.values())
                async with asyncio.timeout(POLL_SLOWLY_SECONDS if self._remote.subscribed and known else POLL_SECONDS):
                    await self._poll.wait()
            self._poll.clear()
            if not self._rooms:
                continue
            try:
                found = await self._log.heads(list(self._rooms))
            except UNREADABLE as error:
                log.debug("how far the log is cannot be read now", error=str(error))
                continue
            for school, heads in found.items():
                room = self._rooms.get(school)
                if room is not None:
                    await self._recall(room, dict(heads))
                    heads.pop(self._recorder.recorder_id, None)
                    with _completing(room):
                        room.stream.heads(heads)

    async def _recall(self, room: Room, heads: dict[bytes, int]) -> None:
        """What was before the stream began, once PostgreSQL holds all of it."""
        stream = room.stream
        reached = all(heads.get(recorder, 0) >= first - 1 for recorder, first in stream.starts.items())
        school = self._directory.schools.get(stream.school)
        if stream.recalled or school is None or not stream.complete or not reached:
            return
        now = time.time_ns() // 1000
        first = (now // MINUTE - SERIES_MINUTES + 1) * MINUTE
        begins = school.day.begins(now)
        stream.tally.turn(begins, now)
        try:
            found = await self._log.before(stream.school, begins, first, dict(stream.starts))
        except UNREADABLE as error:
            log.debug("what was before cannot be counted now", error=str(error))
            return
        stream.recall(*found)
        room.audience.send(stats_frame(self._stats(stream, series=True)), list(room.audience))

    async def _every_second(self) -> None:
        while True:
            await asyncio.sleep(STATS_SECONDS)
            self._recorder.send(self._readers())
            for room in list(self._rooms.values()):
                await asyncio.sleep(0)  # each costs a little, and scans wait meanwhile
                if len(room.audience):
                    room.audience.send(stats_frame(self._stats(room.stream)), list(room.audience))


@contextlib.contextmanager
def _completing(room: Room) -> Iterator[None]:
    """A stream that comes to know all recorders: a cursor from before would not do."""
    before = room.stream.complete
    yield
    if room.stream.complete and not before:
        room.audience.tell_cursor()
