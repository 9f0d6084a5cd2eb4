"""One school's events on this worker: for each recorder a position, which whatever source brings the next events moves.

The host's own recorder sends its events in order; those of other hosts come over Redis, which may lose some. What is
missing before an event is fetched, from the recorder or from PostgreSQL, while what comes after it is held back. So
screens get each recorder's events in order, each once, whoever was away meanwhile.

Concurrency: the worker's loop; one task a recorder that has a gap. Memory: the ring, and HELD_MOST events a gap.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Protocol

import msgspec
import structlog

from hub.live.events import Faces, Scan, scan_of
from hub.live.ring import Item, Ring
from hub.live.tally import Before, Tally
from hub.recorder.wire import Entry, Events, Present

log = structlog.get_logger(__name__)

HELD_MOST = 20_000
FETCH_MOST = 500
#: So many events are made in one turn of the loop: scans that arrive meanwhile wait for no more.
SLICE = 100
RETRY_SECONDS = (0.05, 0.1, 0.2, 0.5)


class Run(msgspec.Struct):
    """Events of one recorder with their numbers, all there are below `reached`."""

    scans: list[tuple[int, Scan]]
    reached: int


class Sources(Protocol):
    """Where the past is read. `fetch` gives what it has from `first` on; `reached == first`: nothing yet."""

    async def fetch(self, school: bytes, recorder: bytes, first: int, until: int) -> Run: ...


#: (recorder, number of the first, the events, number that follows the last)
Deliver = Callable[[bytes, int, list[Item], int], None]


async def _next_turn() -> None:
    await asyncio.sleep(0)


class _Held:
    """What came after a gap."""

    def __init__(self) -> None:
        self.runs: deque[Events] = deque()
        self.events = 0

    def add(self, events: Events) -> None:
        self.runs.append(events)
        self.events += len(events.entries)
        while self.events > HELD_MOST and len(self.runs) > 1:
            self.take()

    def take(self) -> Events:
        events = self.runs.popleft()
        self.events -= len(events.entries)
        return events


class Stream:
    """`following`: recorder → number of the next event. `deliver` is called with each run that moves one; `ready` is
    waited for between runs of what was missed."""

    def __init__(
        self,
        school: bytes,
        sources: Sources,
        faces: Faces,
        ring: int,
        deliver: Deliver,
        ready: Callable[[], Awaitable[None]] = _next_turn,
    ) -> None:
        self.school = school
        self.following: dict[bytes, int] = {}
        self.ring = Ring(ring)
        self.tally = Tally()
        #: By recorder, what it said last and when.
        self.present: dict[bytes, tuple[float, Present]] = {}
        #: When each reader was there last, µs since 1970.
        self.seen: dict[bytes, int] = {}
        #: The numbers that each recorder's events begin with here.
        self.starts: dict[bytes, int] = {}
        #: Whether what was before is in `tally` and `seen`.
        self.recalled = False
        #: Its own recorder has said where it stands, and PostgreSQL which others there are.
        self.started = asyncio.Event()
        self.synced = False
        #: How often PostgreSQL has said.
        self.asked = 0
        self._sources = sources
        self._faces = faces
        self._deliver = deliver
        self._ready = ready
        self._held: dict[bytes, _Held] = {}
        self._wanted: dict[bytes, int] = {}
        self._filling: dict[bytes, asyncio.Task[None]] = {}

    def close(self) -> None:
        for task in self._filling.values():
            task.cancel()

    @property
    def complete(self) -> bool:
        """Whether `following` names every recorder that has events of the school."""
        return self.synced and self.started.is_set()

    # What is told

    def watching(self, recorder: bytes, following: int) -> None:
        """The host's recorder: where it stands as it begins to send."""
        known = self.following.get(recorder)
        if known is None:
            # At the start from now on; a recorder that is new later has nothing that was seen before.
            self._begin(recorder, 1 if self.started.is_set() else following)
        elif following < known:
            log.error("a recorder counts from further back than before", recorder=recorder.hex(), was=known)
            self._held.pop(recorder, None)
            self._wanted.pop(recorder, None)
            self._begin(recorder, following)
        self.started.set()
        self._want(recorder, following)

    def heads(self, heads: dict[bytes, int]) -> None:
        """How far PostgreSQL holds each recorder of other hosts."""
        for recorder, head in heads.items():
            if recorder not in self.following:
                self._begin(recorder, 1 if self.synced else head + 1)
            self._want(recorder, head + 1)
        self.synced = True
        self.asked += 1

    def receive(self, events: Events) -> None:
        """From the host's recorder, or from another host's."""
        recorder, first = events.recorder, events.first
        if recorder not in self.following:
            self._begin(recorder, 1 if self.synced else first)
        if recorder in self._filling or first > self.following[recorder]:
            self._hold(events)
        else:
            self._take(events)

    def note_present(self, present: Present) -> None:
        self.present[present.recorder] = (time.monotonic(), present)
        for device, since in present.devices.items():
            state = present.states.get(device)
            self.seen[device] = since if state is None else max(since, state.heard)

    def recall(self, before: list[Before], seen: dict[bytes, int]) -> None:
        """What the log has of the time before the stream began, and when readers were heard before."""
        self.tally.recall(before)
        self.seen = seen | self.seen
        self.recalled = True

    # Moving on

    def _begin(self, recorder: bytes, following: int) -> None:
        self.following[recorder] = following
        self.starts.setdefault(recorder, following)
        self.ring.begin(recorder, following)

    def _take(self, events: Events) -> None:
        skip = self.following[events.recorder] - events.first
        entries = events.entries[skip:] if skip else events.entries
        if entries:
            first = events.first + skip
            self._accept(events.recorder, list(enumerate(map(scan_of, entries), first)), first + len(entries))

    def _accept(self, recorder: bytes, scans: list[tuple[int, Scan]], following: int) -> None:
        first = self.following[recorder]
        items: list[Item] = []
        for number, scan in scans:
            identity = scan.device + scan.id
            if scan.amends:
                items.append(self._amending(number, identity, self._faces.text(scan)))
            elif not self.ring.knows(identity):
                items.append(Item(number, identity, self._faces.text(scan)))
                self.tally.note(scan.device, scan.granted, scan.at)
        self.ring.add(recorder, items)
        self.following[recorder] = following
        self._deliver(recorder, first, items, following)

    def _amending(self, number: int, identity: bytes, text: bytes) -> Item:
        """An event is known better now: so is the one of before, for screens that have yet to be shown it."""
        self.ring.change(identity, text)
        return Item(number, identity + number.to_bytes(8), text, amends=True)

    # Gaps

    def _hold(self, events: Events) -> None:
        self._held.setdefault(events.recorder, _Held()).add(events)
        self._fill_soon(events.recorder)

    def _want(self, recorder: bytes, following: int) -> None:
        """Events below this number exist."""
        if following > self.following[recorder]:
            self._wanted[recorder] = max(following, self._wanted.get(recorder, 0))
            self._fill_soon(recorder)

    def _fill_soon(self, recorder: bytes) -> None:
        if recorder not in self._filling:
            self._filling[recorder] = asyncio.create_task(self._fill(recorder))

    async def _fill(self, recorder: bytes) -> None:
        attempt = 0
        try:
            while (until := await self._gap(recorder)) is not None:
                first = self.following[recorder]
                run = await self._sources.fetch(self.school, recorder, first, min(until, first + FETCH_MOST))
                if run.reached > first == self.following[recorder]:
                    await self._accept_in_turns(recorder, run)
                    attempt = 0
                else:
                    await asyncio.sleep(RETRY_SECONDS[min(attempt, len(RETRY_SECONDS) - 1)])
                    attempt += 1
        finally:
            del self._filling[recorder]

    async def _accept_in_turns(self, recorder: bytes, run: Run) -> None:
        for at in range(0, max(1, len(run.scans)), SLICE):
            part, rest = run.scans[at : at + SLICE], run.scans[at + SLICE :]
            following = rest[0][0] if rest else run.reached
            self._accept(recorder, part, following)
            await self._ready()
            if self.following[recorder] != following:
                return  # it counts anew

    async def _gap(self, recorder: bytes) -> int | None:
        """Takes what is held and follows now; the number up to which something is missing then, None if nothing is."""
        taken = 0
        while (held := self._held.get(recorder)) is not None and held.runs:
            if held.runs[0].first > self.following[recorder]:
                return held.runs[0].first
            taken += len(held.runs[0].entries)
            self._take(held.take())
            if taken >= SLICE:
                taken = 0
                await self._ready()
        self._held.pop(recorder, None)
        wanted = self._wanted.pop(recorder, 0)
        if wanted <= self.following[recorder]:
            return None
        self._wanted[recorder] = wanted
        return wanted


def run_of(first: int, entries: list[Entry]) -> Run:
    """Of a recorder's answer, which has no gap."""
    return Run(list(enumerate(map(scan_of, entries), first)), first + len(entries))
