"""What was recorded goes on to whoever shows it: workers of this host with screens, and other hosts over Redis.

Overview: a committed batch is only remembered here, after its acknowledgements are out; every `live_batch_ms` what has
come is sent on, one message a school. After a pause the first event goes at once. Whoever missed some asks for them
(Fetch): they are in the ring, or in the journal, which is read in small pieces so that no commit waits for long.

Concurrency: the recorder's loop. Memory: RING_SCANS scans; the publisher's queue has a bound of its own.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Protocol

import msgspec

from hub.control.framing import LENGTH
from hub.errors import JournalError
from hub.recorder.admission import Batch, entries
from hub.recorder.journal import Journal
from hub.recorder.publisher import Publisher
from hub.recorder.roll_call import RollCall
from hub.recorder.wire import (
    Amended,
    Amendment,
    Entry,
    Events,
    Fetch,
    Fetched,
    Present,
    Readers,
    ToScreens,
    Unwatch,
    Watch,
    Watching,
)

RING_SCANS = 20_000
FETCH_MOST = 2_000
_ROWS_BACK, _ROWS_ON, _ROWS_BACK_MOST = 400, 32, 400_000
_encode = msgspec.msgpack.Encoder().encode

Numbered = list[tuple[Entry, int]]


class Watcher(Protocol):
    """A worker's connection."""

    def __hash__(self) -> int: ...

    @property
    def transport(self) -> asyncio.Transport | None: ...
    def send(self, message: msgspec.Struct) -> None: ...


class Outlet:
    """One a recorder. `offer` is called for every commit, and costs two appends."""

    def __init__(self, journal: Journal, batch_ms: int, publisher: Publisher) -> None:
        self._journal = journal
        self._pause = batch_ms / 1000
        self._publisher = publisher
        self._watchers: dict[bytes, set[Watcher]] = {}
        self._ring: deque[Numbered] = deque()
        self._kept = 0
        self._due: list[Numbered] = []
        self._amended: list[Amendment] = []
        self._scheduled = False
        self._sent_at = 0.0
        self._roll_call = RollCall()
        self._fetching = asyncio.Semaphore(2)
        self._fetches: set[asyncio.Task[None]] = set()
        #: Where in the journal the reading of a school went on the last time: school → (stream_seq, row).
        self._places: dict[bytes, tuple[int, int]] = {}

    # From the recorder

    def offer(self, batch: Batch) -> None:
        """A batch is on disk, and acknowledged."""
        if batch.numbered:
            self._ring.append(batch.numbered)
            self._kept += batch.scans
            while self._kept > RING_SCANS and len(self._ring) > 1:
                self._kept -= len(self._ring.popleft())
        if not (self._watchers or self._publisher.on):
            return
        if batch.numbered:
            self._due.append(batch.numbered)
        if batch.amendments:
            self._amended += batch.amendments
        if not self._scheduled:
            self._scheduled = True
            loop = asyncio.get_running_loop()
            loop.call_at(max(loop.time(), self._sent_at + self._pause), self._send_on)

    def clear(self) -> None:
        """The journal was opened anew, and may be another file: what is remembered may not be in it."""
        self._ring.clear()
        self._kept = 0
        self._due.clear()
        self._places.clear()

    def call_the_roll(self) -> None:
        """Once a second."""
        for school, devices in self._roll_call.schools():
            self._pass_on(Present(school, self._journal.recorder_id, devices))

    def close(self) -> None:
        for task in self._fetches:
            task.cancel()

    # From workers

    def take(self, worker: Watcher, message: Watch | Unwatch | Fetch | Readers) -> None:
        if isinstance(message, Watch):
            self._flush_first()
            self._watchers.setdefault(message.school, set()).add(worker)
            self._tell_place(worker, message.school)
        elif isinstance(message, Unwatch):
            self._unwatch(message.school, worker)
        elif isinstance(message, Readers):
            self._roll_call.note(worker, message.connected)
        else:
            task = asyncio.get_running_loop().create_task(self._answer(worker, message))
            self._fetches.add(task)
            task.add_done_callback(self._fetches.discard)

    def forget(self, worker: Watcher) -> None:
        """Its connection ended."""
        self._roll_call.forget(worker)
        for school in list(self._watchers):
            self._unwatch(school, worker)

    def _unwatch(self, school: bytes, worker: Watcher) -> None:
        watchers = self._watchers.get(school)
        if watchers is not None:
            watchers.discard(worker)
            if not watchers:
                del self._watchers[school]

    def _flush_first(self) -> None:
        """What is due was recorded before the watcher came: its place counts from after it."""
        if self._due:
            self._send_on()

    def _tell_place(self, worker: Watcher, school: bytes) -> None:
        worker.send(Watching(school, self._journal.recorder_id, self._journal.sequences.get(school, 1)))

    # Sending on

    def _send_on(self) -> None:
        self._scheduled = False
        self._sent_at = asyncio.get_running_loop().time()
        due, self._due = self._due, []
        amended, self._amended = self._amended, []
        recorder = self._journal.recorder_id
        for school, (first, scans) in _by_school(due).items():
            self._pass_on(Events(school, recorder, first, scans))
        for school in {a.school for a in amended if a.school}:
            self._pass_on(Amended(school, recorder, [a for a in amended if a.school == school]))

    def _pass_on(self, message: ToScreens) -> None:
        """Encoded once, for all who watch."""
        watchers = self._watchers.get(message.school)
        if not (watchers or self._publisher.on):
            return
        body = _encode(message)
        self._publisher.offer(message.school, message.recorder, body)
        if watchers:
            framed = LENGTH.pack(len(body)) + body
            for worker in watchers:
                if worker.transport is not None:
                    worker.transport.write(framed)

    # The past

    async def _answer(self, worker: Watcher, ask: Fetch) -> None:
        found = self._from_ring(ask)
        if found is None:
            async with self._fetching:
                try:
                    found = await self._from_journal(ask)
                except JournalError:
                    found = []
        worker.send(Fetched(ask.ask, found))

    def _from_ring(self, ask: Fetch) -> list[Entry] | None:
        """None when the ring does not go back as far as that."""
        school, until = ask.school, min(ask.until, ask.first + FETCH_MOST)
        found: list[Entry] = []
        expected = ask.first
        for numbered in self._ring:
            for entry, sequence in numbered:
                if entry.school == school and ask.first <= sequence < until:
                    if sequence != expected:
                        return None
                    expected += 1
                    found.append(entry)
        return found or None

    async def _from_journal(self, ask: Fetch) -> list[Entry]:
        row = await self._find_row(ask.school, ask.first)
        if row is None:
            return []
        until = min(ask.until, ask.first + FETCH_MOST)
        found: list[Entry] = []
        while rows := self._journal.rows_after(row - 1, _ROWS_ON):
            for one in rows:
                for entry, sequence in entries(one):
                    if entry.school == ask.school and ask.first <= sequence < until:
                        found.append(entry)
                        if sequence == until - 1:
                            self._places[ask.school] = (until, one.id)
                            return found
            row = rows[-1].id + 1
            await asyncio.sleep(0)
        return found

    async def _find_row(self, school: bytes, first: int) -> int | None:
        """The journal row that has the event, or one before it; None when it is pruned, or too far back."""
        sequence, row = self._places.get(school, (0, 0))
        if sequence == first:
            return row
        row = self._journal.next_id
        for _ in range(_ROWS_BACK_MOST // _ROWS_BACK):
            heads = self._journal.firsts_before(row, _ROWS_BACK)
            for row, firsts in heads:
                if firsts.get(school, first + 1) <= first:
                    return row
            if not heads:
                break
            await asyncio.sleep(0)
        return None


def _by_school(due: list[Numbered]) -> dict[bytes, tuple[int, list[Entry]]]:
    """Each school's scans with the number of the first; a recorder numbers them without a gap."""
    found: dict[bytes, tuple[int, list[Entry]]] = {}
    for numbered in due:
        for entry, sequence in numbered:
            known = found.get(entry.school)
            if known is None:
                found[entry.school] = (sequence, [entry])
            else:
                known[1].append(entry)
    return found
