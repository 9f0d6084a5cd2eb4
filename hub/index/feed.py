"""PostgreSQL → index, without gaps and without waiting.

A trigger writes each changed key to `index_changes` and sends one NOTIFY a statement with the range of sequence
numbers. The NOTIFY only wakes: the keys of the range are re-read as they are now, on another connection, newest first
and 500 at a time. Neither payloads nor the order of numbers are trusted, for neither is commit order; re-reading the
present is idempotent, so nothing has to come exactly once.

Every heartbeat the listening connection notes `safe`, the oldest transaction still running; what was not visible then
has an id at or above it. After a cut, everything since a note made 30 s before the last answered heartbeat is re-read
(a commit is visible a moment before its NOTIFY arrives), and the feed is fresh again.

Concurrency: `run()` is one task with two children, the listener and the reader of changes; the listener's callback
only puts a range on a stack. Lifecycle: `ready` is set when the index is loaded; `stale_since` says since when it may
miss something, None while it does not.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections import deque
from collections.abc import Iterable

import structlog

from hub.config import Settings
from hub.errors import HubError
from hub.index import loader
from hub.index.directory import Directory
from hub.index.index import PassIndex
from hub.index.loader import queries
from hub.store.pg import Connection, Record, Role, connect

log = structlog.get_logger(__name__)

CHANNEL = "hub_index"
PAGE = 500
MARGIN_SECONDS = 30.0
BACKOFF_SECONDS = (0.05, 0.1, 0.2, 0.5, 1.0)


class Reload(Exception):
    """Catching up is not enough: everything has to be loaded again."""


class Feed:
    """Keeps an index and a directory as the database is."""

    def __init__(self, settings: Settings, index: PassIndex, directory: Directory) -> None:
        self._settings = settings
        self._index = index
        self._directory = directory
        self._ranges: deque[tuple[int, int]] = deque()
        self._wake = asyncio.Event()
        self._notes: deque[tuple[float, int]] = deque()
        self._cluster = ""
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
        attempt = 0
        while True:
            try:
                await self._follow()
            except Reload as why:
                log.warning("the index is loaded again", why=str(why))
                self._cluster = ""
                self.fault = str(why)
                self._go_stale()
                attempt = 0
            except Exception as error:
                if not isinstance(error, HubError | OSError | TimeoutError | ConnectionError):
                    log.warning("the feed was cut", error=f"{type(error).__name__}: {error}")
                self.fault = str(error) or type(error).__name__
                if self.stale_since is None:
                    attempt = 0
                self._go_stale()
                await asyncio.sleep(BACKOFF_SECONDS[min(attempt, len(BACKOFF_SECONDS) - 1)])
                attempt += 1
                self.reconnects += 1

    def _go_stale(self) -> None:
        if self.stale_since is None:
            self.stale_since = time.monotonic()
            log.warning("the feed is cut; scans are answered from what is known", error=self.fault)

    def _be_fresh(self) -> None:
        if self.stale_since is not None and self.ready.is_set():
            log.info("the feed is fresh again", seconds=round(self.stale_for, 2))
        self.stale_since = None
        self.fault = None
        self.last_heartbeat = time.monotonic()

    async def _follow(self) -> None:
        """One life of the two connections."""
        listening = await connect(self._settings, Role.hub_system)
        try:
            reading = await connect(self._settings, Role.hub_system)
            try:
                self._ranges.clear()
                await listening.add_listener(CHANNEL, self._notified)
                await self._catch_up(reading)
                await self._work(listening, reading)
            finally:
                reading.terminate()
        finally:
            listening.terminate()

    async def _work(self, listening: Connection, reading: Connection) -> None:
        tasks = [
            asyncio.create_task(self._heartbeat(listening), name="feed heartbeat"),
            asyncio.create_task(self._apply_changes(reading), name="feed changes"),
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
            self._ranges.append((int(low), int(high)))
            self._wake.set()

    # Loading and catching up

    async def _catch_up(self, reading: Connection) -> None:
        """Load everything, or only what may have been missed since the last connection."""
        row = await reading.fetchrow(queries["snapshot"])
        assert row is not None
        cluster = await reading.fetchval(queries["cluster"])
        since = self._note_before_cut()
        if self._cluster != cluster or since is None or since < int(row["pruned_below"]):
            await self._load(reading)
            return
        await self._take(reading, await reading.fetch(queries["changes_since"], str(since)))
        self._be_fresh()

    async def _load(self, reading: Connection) -> None:
        started = time.monotonic()
        first = not self.ready.is_set()
        if first:
            gc.disable()
        try:
            snapshot = await loader.load(reading, self._index, self._directory)
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
        self._be_fresh()
        self.ready.set()
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
        interval = self._settings.feed_heartbeat
        while True:
            await asyncio.sleep(interval)
            row = await listening.fetchrow(queries["snapshot"], timeout=interval)
            assert row is not None
            self.last_heartbeat = time.monotonic()
            self._note(int(row["safe"]))

    async def _apply_changes(self, reading: Connection) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._ranges:
                # A range is cut into pages from its end; what is notified meanwhile comes first.
                low, high = self._ranges.pop()
                rows = await reading.fetch(queries["changes_in"], low, high, PAGE, timeout=10.0)
                if len(rows) == PAGE and rows[-1]["seq"] > low:
                    self._ranges.append((low, rows[-1]["seq"] - 1))
                await self._take(reading, rows)

    async def _take(self, reading: Connection, rows: Iterable[Record]) -> None:
        """Re-read what these changes name."""
        kinds: dict[str, dict[bytes, None]] = {}
        for _seq, kind, key in rows:
            kinds.setdefault(kind, {})[key] = None
            self.changes += 1
        if "reload" in kinds:
            raise Reload("a table was truncated")
        for kind in loader.DIRECTORY_KINDS:
            if kind in kinds:
                await loader.reread_directory(reading, self._directory, kind, kinds[kind])
        keys = list(kinds.get("pass", ()))
        for start in range(0, len(keys), PAGE):
            await loader.reread_passes(reading, self._index, keys[start : start + PAGE])

    # Comparing

    async def _watch_drift(self) -> None:
        """Hold the index against the tables now and then, on a connection of its own: the query is a long one, and
        a connection with a query under way delivers no NOTIFY."""
        while True:
            await asyncio.sleep(self._settings.feed_check_interval)
            connection = await connect(self._settings, Role.hub_system)
            try:
                await self.compare(connection)
            finally:
                connection.terminate()

    async def compare(self, connection: Connection) -> None:
        """Compare count and checksum of each school. A difference that stays is drift: counted, and all is reloaded.

        Changes that arrive during the query make a difference of their own, so only a quiet comparison counts.
        """
        for _ in range(5):
            version = self.changes
            rows = await connection.fetch(queries["checksums"], timeout=120.0)
            theirs = {row["number"]: (row["passes"], row["sum"]) for row in rows}
            await asyncio.sleep(0.5)
            differing = _differing(self._index.checksums(), theirs)
            if not differing:
                self.drift = 0
                return
            if version == self.changes and not self._ranges:
                self.drift = len(differing)
                log.error("the index differs from the tables", schools=sorted(differing))
                raise Reload("the index differed from the tables")
        log.info("the index could not be compared: too many changes meanwhile")


def _differing(ours: dict[int, tuple[int, int]], theirs: dict[int, tuple[int, int]]) -> set[int]:
    return {school for school in ours.keys() | theirs.keys() if ours.get(school) != theirs.get(school)}
