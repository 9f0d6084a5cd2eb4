"""What was recorded goes on to whoever shows it: workers of this host with screens, and other hosts over Redis.

Overview: a committed batch is only remembered here, after its acknowledgements are out; every `live_batch_ms` what has
come is sent on, one message a school. After a pause the first event goes at once. Whoever missed some asks for them
(Fetch): they are in the ring, or in the journal, which is read in small pieces so that no commit waits for long.

Concurrency: the recorder's loop. Memory: RING_SCANS scans; the publisher's queue has a bound of its own.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import Protocol

import msgspec

from hub.control.framing import LENGTH
from hub.errors import JournalError
from hub.recorder.admission import Admission, Batch, entries
from hub.recorder.journal import Journal
from hub.recorder.publisher import Publisher
from hub.recorder.roll_call import RollCall
from hub.recorder.wire import (
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
#: A worker that lets so much wait unread is stuck: it is told where its schools stand when it reads again.
UNREAD_BYTES = 32 * 2**20
_ROWS_BACK, _ROWS_ON, _ROWS_BACK_MOST = 400, 32, 400_000
_SCANS_A_TURN = 500
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

    def __init__(self, journal: Journal, admission: Admission, batch_ms: int, publisher: Publisher) -> None:
        self._journal = journal
        self._admission = admission
        self._pause = batch_ms / 1000
        self._publisher = publisher
        publisher.on_wanted = self._tell_place_elsewhere
        self._watchers: dict[bytes, set[Watcher]] = {}
        self._stuck: set[Watcher] = set()
        #: The newest batches, each with the first number of each school in it.
        self._ring: deque[tuple[dict[bytes, int], Numbered]] = deque()
        self._kept = 0
        self._due: list[Numbered] = []
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
            self._ring.append((batch.firsts, batch.numbered))
            self._kept += batch.scans
            while self._kept > RING_SCANS and len(self._ring) > 1:
                self._kept -= len(self._ring.popleft()[1])
        if not (self._watchers or self._publisher.wanted):
            return
        if batch.numbered:
            self._due.append(batch.numbered)
        if not self._scheduled:
            self._scheduled = True
            loop = asyncio.get_running_loop()
            loop.call_at(max(loop.time(), self._sent_at + self._pause), self._send_on)

    def reopened(self) -> None:
        """The journal was opened anew, and may be another file: what is remembered may not be in it. Who watches is
        told where it stands: what was not sent on is fetched."""
        self._ring.clear()
        self._kept = 0
        self._due.clear()
        self._places.clear()
        for school, watchers in self._watchers.items():
            for worker in watchers:
                self._tell_place(worker, school)

    def call_the_roll(self) -> None:
        """Once a second."""
        for worker in [worker for worker in self._stuck if _unread(worker) == 0]:
            self._stuck.discard(worker)
            for school in [school for school, watchers in self._watchers.items() if worker in watchers]:
                self._tell_place(worker, school)
        for school, devices, states in self._roll_call.schools():
            self._pass_on(Present(school, self._journal.recorder_id, devices, states))

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
            self._roll_call.note(worker, message)
        else:
            task = asyncio.get_running_loop().create_task(self._answer(worker, message))
            self._fetches.add(task)
            task.add_done_callback(self._fetches.discard)

    def forget(self, worker: Watcher) -> None:
        """Its connection ended."""
        self._roll_call.forget(worker)
        self._stuck.discard(worker)
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
        if not self._journal.recorder_id:
            return  # no journal could be opened yet: it is told when one is
        worker.send(Watching(school, self._journal.recorder_id, self._journal.sequences.get(school, 1)))

    def _tell_place_elsewhere(self, school: bytes) -> None:
        """Another host has begun to watch: an empty run says where its events go on; it fetches those before."""
        self._flush_first()
        if self._journal.recorder_id:
            following = self._journal.sequences.get(school, 1)
            self._pass_on(Events(school, self._journal.recorder_id, following, []))

    # Sending on

    def _send_on(self) -> None:
        self._scheduled = False
        self._sent_at = asyncio.get_running_loop().time()
        due, self._due = self._due, []
        recorder = self._journal.recorder_id
        for school, (first, scans) in _by_school(due).items():
            self._pass_on(Events(school, recorder, first, scans))

    def _pass_on(self, message: ToScreens) -> None:
        """Encoded once, for all who watch."""
        watchers = self._watchers.get(message.school)
        if not (watchers or message.school in self._publisher.wanted):
            return
        body = _encode(message)
        self._publisher.offer(message.school, message.recorder, body)
        if watchers:
            framed = LENGTH.pack(len(body)) + body
            for worker in watchers:
                if _unread(worker) > UNREAD_BYTES:
                    self._stuck.add(worker)
                if worker.transport is not None and worker not in self._stuck:
                    worker.transport.write(framed)

    # The past

    async def _answer(self, worker: Watcher, ask: Fetch) -> None:
        found: list[Entry] = []
        if ask.recorder == self._journal.recorder_id:
            async with self._fetching:
                found = self._from_ring(ask)
                try:
                    found = found or await self._from_journal(ask)
                except JournalError:
                    found = []
                await asyncio.sleep(0)
        if ask.recorder == self._journal.recorder_id:
            start, following = self._journal.skipped.get(ask.school, (0, 0))
            reached = following if start <= ask.first < following else 0
            worker.send(Fetched(ask.ask, [self._admission.as_told(entry) for entry in found], reached))
        else:
            worker.send(Fetched(ask.ask, []))

    def _from_ring(self, ask: Fetch) -> list[Entry]:
        """Empty when the ring does not go back as far as that."""
        found: list[Entry] = []
        for numbered in reversed(self._batches_from(ask)):
            if not _collect(numbered, ask, found):
                break
        return found

    def _batches_from(self, ask: Fetch) -> list[Numbered]:
        """Those of the ring that may have some of it, newest first; none when it does not go back as far as that."""
        batches: list[Numbered] = []
        for firsts, numbered in reversed(self._ring):
            first = firsts.get(ask.school)
            if first is None or first >= ask.until:
                continue
            batches.append(numbered)
            if first <= ask.first:
                return batches
        return []

    async def _from_journal(self, ask: Fetch) -> list[Entry]:
        row = await self._find_row(ask.school, ask.first)
        found: list[Entry] = []
        looked_at = 0
        while row is not None and (rows := self._journal.rows_after(row - 1, _ROWS_ON)):
            for one in rows:
                goes_on = ask.school not in one.firsts or _collect(entries(one), ask, found)
                if not goes_on:
                    self._places[ask.school] = (ask.first + len(found), one.id)
                    return found
                looked_at += one.scans
                if looked_at >= _SCANS_A_TURN:
                    looked_at = 0
                    await asyncio.sleep(0)
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


def _collect(scans: Iterable[tuple[Entry, int]], ask: Fetch, found: list[Entry]) -> bool:
    """Adds what belongs to the answer. False when that is all: the rest is later, or one is missing in between."""
    until = min(ask.until, ask.first + FETCH_MOST)
    for entry, sequence in scans:
        if entry.school == ask.school and sequence >= ask.first:
            if sequence >= until or sequence != ask.first + len(found):
                return False
            found.append(entry)
    return ask.first + len(found) < until


def _unread(worker: Watcher) -> int:
    return 0 if worker.transport is None else worker.transport.get_write_buffer_size()
