"""PostgreSQL → index, without gaps and without waiting.

A trigger writes each changed key to `index_changes` and sends one NOTIFY a statement with the range of sequence
numbers. The NOTIFY only wakes: the keys of the range are re-read as they are now, on another connection, 500 at a time
and the small ranges first (hub/index/backlog.py). Neither payloads nor the order of numbers are trusted, for neither is
commit order; re-reading the present is idempotent, so nothing has to come exactly once.

Every heartbeat the listening connection notes `safe`, the oldest transaction still running; what was not visible then
has an id at or above it. After a cut, everything since a note made 30 s before the last answered heartbeat is re-read
(a commit is visible a moment before its NOTIFY arrives), and the feed is fresh again. Ranges that were notified and not
read before the cut stay in the backlog, however old they are. No query waits for ever: a connection that went silent
is a cut too, whichever of the two it is.

Concurrency: `run()` is one task with four children: the heartbeat, the watch on both connections' ends, the reader of
changes, the comparison. The listener's callback only puts a range into the backlog. Lifecycle: `ready` is set when the
index is loaded; `stale_since` says since when it may miss something, None while it does not.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Protocol

import structlog

from hub.config import Settings
from hub.domain.card import student_of
from hub.errors import HubError
from hub.index import loader
from hub.index.backlog import Backlog
from hub.index.changes import Changes
from hub.index.comparison import find_drift
from hub.index.directory import Directory
from hub.index.index import PassIndex
from hub.index.loader import queries
from hub.store.pg import Connection, InterfaceError, PostgresError, Record, Role, connect

log = structlog.get_logger(__name__)

CHANNEL = "hub_index"
PAGE = 500
MARGIN_SECONDS = 30.0
#: Time-out of a query while nobody waits for its answer at a door: the index is stale anyway.
CATCH_UP_SECONDS = 30.0
#: More changes than this are not caught up on: loading everything takes no longer then.
CATCH_UP_LIMIT = 200_000
BACKOFF_SECONDS = (0.05, 0.1, 0.2, 0.5, 1.0)
#: What a connection, a server or a network does.
FAULTS = (HubError, PostgresError, InterfaceError, OSError, TimeoutError)


class Follower(Protocol):
    """Another memory that is kept with the index, of rows whose changes come the same way."""

    @property
    def kinds(self) -> Collection[str]:
        """The kinds of changes that it wants to hear of."""

    async def load(self, connection: Connection) -> None:
        """Everything, in the snapshot that the caller has opened."""

    async def reread(self, connection: Connection, kind: str, ids: Iterable[bytes]) -> None:
        """These rows as they are now; what has no row any more is gone."""


class Reload(Exception):
    """Catching up is not enough: everything has to be loaded again."""


class Feed:
    """Keeps an index and a directory as the database is, and whoever follows."""

    def __init__(
        self, settings: Settings, index: PassIndex, directory: Directory, followers: Sequence[Follower] = ()
    ) -> None:
        #: Called with the ids of students whose passes, or whose names on them, have changed; in the loop.
        self.on_students: Callable[[set[bytes]], None] | None = None
        self._followers = followers
        self._settings = settings
        self._index = index
        self._directory = directory
        self._backlog = Backlog()
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._notes: deque[tuple[float, int]] = deque()
        self._cluster = ""
        self._attempt = 0
        self._compare_at = time.monotonic() + settings.feed_check_interval
        self.ready = asyncio.Event()
        self.stale_since: float | None = time.monotonic()
        self.last_heartbeat = time.monotonic()
        self.changes = 0
        self.reloads = 0
        self.reconnects = 0
        self.drift = 0
        self.fault: str | None = "not connected yet"

    @property
    def stale_for(self) -> float:
        """Seconds for which the index may have missed something; 0 while it does not."""
        return 0.0 if self.stale_since is None else time.monotonic() - self.stale_since

    async def run(self) -> None:
        """Until cancelled: connect, load or catch up, follow; again after every cut."""
        while True:
            try:
                await self._follow()
            except Reload as why:
                log.warning("the index is loaded again", why=str(why))
                self._cluster = ""
                self.fault = str(why)
                self._go_stale(time.monotonic())
            except FAULTS as error:
                await self._cut(error)
            except Exception as error:
                log.exception("the feed failed; it starts again")
                await self._cut(error)

    async def _cut(self, error: Exception) -> None:
        if self.stale_since is None:
            self._attempt = 0
        self.fault = str(error) or type(error).__name__
        # Whatever was committed since the last answered heartbeat may have been missed.
        self._go_stale(self.last_heartbeat)
        await asyncio.sleep(BACKOFF_SECONDS[min(self._attempt, len(BACKOFF_SECONDS) - 1)])
        self._attempt += 1
        self.reconnects += 1

    def _go_stale(self, since: float) -> None:
        if self.stale_since is None:
            self.stale_since = since
            log.warning("the feed is cut; scans are answered from what is known", error=self.fault)

    def _be_fresh(self) -> None:
        if self.stale_since is not None and self.ready.is_set():
            log.info("the feed is fresh again", seconds=round(self.stale_for, 2))
        self.stale_since = None
        self.fault = None
        self.last_heartbeat = time.monotonic()

    async def _follow(self) -> None:
        """One life of the two connections."""
        listening = await connect(self._settings, Role.hub_system, command_timeout=CATCH_UP_SECONDS)
        try:
            reading = await connect(self._settings, Role.hub_system, command_timeout=CATCH_UP_SECONDS)
            try:
                await listening.add_listener(CHANNEL, self._notified)
                await self._catch_up(reading)
                changes = Changes(reading, 2 * self._settings.feed_heartbeat)
                await changes.warm()
                await self._beat(listening)
                self._be_fresh()
                self.ready.set()
                await self._work(listening, reading, changes)
            finally:
                reading.terminate()
        finally:
            listening.terminate()

    async def _work(self, listening: Connection, reading: Connection, changes: Changes) -> None:
        tasks = [
            asyncio.create_task(_ended(listening, reading), name="feed end"),
            asyncio.create_task(self._heartbeat(listening), name="feed heartbeat"),
            asyncio.create_task(self._apply_changes(reading, changes), name="feed changes"),
            asyncio.create_task(self._watch_drift(), name="feed drift"),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                if task.done():
                    task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _notified(self, connection: object, pid: int, channel: str, payload: object) -> None:
        low, _, high = str(payload).partition("-")
        if low.isdigit() and high.isdigit():
            self._backlog.add(int(low), int(high))
            self._idle.clear()
            self._wake.set()

    # Loading and catching up

    async def _catch_up(self, reading: Connection) -> None:
        """Load everything, or only what may have been missed since the last connection."""
        cluster = await reading.fetchval(queries["cluster"])
        since = self._note_before_cut()
        if self._cluster != cluster or since is None:
            await self._load(reading)
            return
        rows = await reading.fetch(queries["changes_since"], str(since), CATCH_UP_LIMIT + 1)
        # Asked for afterwards: what is pruned between the two queries is seen here, or was read there.
        row = await reading.fetchrow(queries["snapshot"])
        assert row is not None
        if len(rows) > CATCH_UP_LIMIT or since < int(row["pruned_below"]):
            await self._load(reading)
            return
        await self._reread(reading, rows)

    async def _load(self, reading: Connection) -> None:
        started = time.monotonic()
        first = not self.ready.is_set()
        # Until it is done, a cut means to load again. What was notified before the snapshot is in it.
        self._cluster = ""
        self._backlog.clear()
        if first:
            gc.disable()
        try:
            snapshot = await loader.load(reading, self._index, self._directory, self._followers)
        finally:
            if first:
                gc.enable()
        if first:
            # The index never becomes garbage: keep it out of every later collection.
            gc.collect()
            gc.freeze()
        self._cluster = snapshot.cluster
        self._notes.clear()
        self._note(snapshot.safe)
        self.reloads += 1
        log.info("index loaded", passes=len(self._index), seconds=round(time.monotonic() - started, 2))

    def _note(self, safe: int) -> None:
        self._notes.append((time.monotonic(), safe))
        horizon = time.monotonic() - 2 * MARGIN_SECONDS
        while len(self._notes) > 1 and self._notes[1][0] < horizon:
            self._notes.popleft()

    def _note_before_cut(self) -> int | None:
        """The newest `safe` that was noted at least 30 s before the last answered heartbeat; else the oldest there is.

        The oldest is good too: a note says that what is below it was visible, and it does not age.
        """
        best = self._notes[0][1] if self._notes else None
        for at, safe in self._notes:
            if at <= self.last_heartbeat - MARGIN_SECONDS:
                best = safe
        return best

    # Following

    async def _heartbeat(self, listening: Connection) -> None:
        while True:
            await asyncio.sleep(self._settings.feed_heartbeat)
            await self._beat(listening)

    async def _beat(self, listening: Connection) -> None:
        row = await listening.fetchrow(queries["snapshot"], timeout=self._settings.feed_heartbeat)
        assert row is not None
        self.last_heartbeat = time.monotonic()
        self._note(int(row["safe"]))

    async def _apply_changes(self, reading: Connection, changes: Changes) -> None:
        self._wake.set()  # for what a cut has left
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._backlog:
                ranges = self._backlog.take(PAGE)
                try:
                    await self._take(reading, await changes.read(ranges))
                except BaseException:
                    for low, high in ranges:
                        self._backlog.add(low, high)
                    raise
            self._idle.set()

    async def _take(self, reading: Connection, rows: list[Record]) -> None:
        """Apply changes that came with their passes."""
        put, remove = self._index.put, self._index.remove
        others = []
        before = self._students([row[2] for row in rows if row[1] == "pass"])
        for row in rows:
            _seq, kind, key, packed = row
            if kind != "pass":
                others.append(row)
            elif packed is None:
                remove(key)
            else:
                put(key, packed)
        self.changes += len(rows) - len(others)
        self._tell(before, [row[2] for row in rows if row[1] == "pass"])
        if others:
            await self._reread(reading, others)

    async def _reread(self, reading: Connection, rows: Iterable[Record]) -> None:
        """Re-read what these changes name."""
        kinds: dict[str, dict[bytes, None]] = {}
        for row in rows:
            kinds.setdefault(row["kind"], {})[row["key"]] = None
            self.changes += 1
        if "reload" in kinds:
            raise Reload("a table was truncated")
        for kind in loader.DIRECTORY_KINDS:
            if kind in kinds:
                await loader.reread_directory(reading, self._directory, kind, kinds[kind])
        for follower in self._followers:
            for kind in follower.kinds:
                if kind in kinds:
                    await follower.reread(reading, kind, kinds[kind])
        keys = list(kinds.get("pass", ()))
        for start in range(0, len(keys), PAGE):
            page = keys[start : start + PAGE]
            before = self._students(page)
            await loader.reread_passes(reading, self._index, page)
            self._tell(before, page)

    def _students(self, keys: list[bytes]) -> set[bytes]:
        """Of the passes that the index has under these keys."""
        if self.on_students is None:
            return set()
        return {student_of(packed) for key in keys if (packed := self._index.get(key)) is not None}

    def _tell(self, before: set[bytes], keys: list[bytes]) -> None:
        if self.on_students is not None and (told := before | self._students(keys)):
            self.on_students(told)

    # Comparing

    async def _watch_drift(self) -> None:
        """Hold the index against the tables now and then, on a connection of its own: the query is a long one, and
        a connection with a query under way delivers no NOTIFY. A comparison that fails is no cut."""
        while True:
            await asyncio.sleep(max(0.0, self._compare_at - time.monotonic()))
            self._compare_at = time.monotonic() + self._settings.feed_check_interval
            try:
                connection = await connect(self._settings, Role.hub_system)
                try:
                    await self.compare(connection)
                finally:
                    connection.terminate()
            except FAULTS as error:
                log.warning("the index could not be compared", error=str(error) or type(error).__name__)

    async def compare(self, connection: Connection) -> None:
        """Compare count and checksum of each school. Drift is counted, and everything is loaded again (Reload)."""
        differing = await find_drift(connection, self._index, self._settled)
        self.drift = len(differing)
        if differing:
            log.error("the index differs from the tables", schools=sorted(differing))
            raise Reload("the index differed from the tables")

    async def _settled(self) -> None:
        async with asyncio.timeout(CATCH_UP_SECONDS):
            await self._idle.wait()


async def _ended(*connections: Connection) -> None:
    """Until the other end of one is known to be gone, which need not wait for the next query."""
    gone = asyncio.Event()
    for connection in connections:
        connection.add_termination_listener(lambda *_: gone.set())
        if connection.is_closed():
            gone.set()
    await gone.wait()
    raise ConnectionError("the connection was closed")
