"""What the recorder tells workers that watch a school, and what it finds of the past."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hub.control.framing import Splitter
from hub.recorder import outlet as module
from hub.recorder.admission import Admission, Batch
from hub.recorder.journal import SKIP, Journal
from hub.recorder.outlet import Outlet
from hub.recorder.publisher import Publisher
from hub.recorder.wire import Amendment, Entry, Events, Fetch, Fetched, Frame, ToWorker, Watch, Watching
from tests.unit.live_world import SCHOOL, Wire, entry

FAR = b"f" * 16
_decode = msgspec.msgpack.Decoder(ToWorker).decode


class Worker:
    """A worker's connection that keeps what it is sent."""

    def __init__(self) -> None:
        self.wire = Wire()
        self.got: list[ToWorker] = []

    @property
    def transport(self) -> Any:
        return self.wire

    def send(self, message: Any) -> None:
        self.got.append(message)

    def heard(self) -> list[ToWorker]:
        self.got += [_decode(raw) for raw in Splitter().feed(bytes(self.wire.written))]
        self.wire.written.clear()
        got, self.got = self.got, []
        return got


class Desk:
    """A journal whose commits are offered to an outlet."""

    def __init__(self, directory: Path) -> None:
        self.journal = Journal(directory)
        self.admission = Admission(self.journal)
        self.outlet = Outlet(self.journal, self.admission, 5, Publisher(None, lambda: b""))
        self._count = 0

    def open(self) -> None:
        self.journal.open()
        self.admission.reload()
        self.outlet.reopened()

    def record(self, count: int, school: bytes = SCHOOL, amendments: list[Amendment] | None = None) -> list[Entry]:
        scans = [entry(self._count + n, school=school) for n in range(1, count + 1)]
        self._count += count
        batch = Batch(self.journal)
        frame = Frame(1, 0, scans, amendments or [])
        self.admission.admit(frame, msgspec.msgpack.encode(frame), batch, late=False)
        self.journal.append(scans[0].at if scans else 1, batch.scans, batch.firsts, b"".join(batch.parts), prune=[])
        self.admission.committed(batch)
        self.outlet.offer(batch)
        return scans

    async def fetch(self, first: int, until: int, recorder: bytes | None = None) -> list[Entry]:
        worker = Worker()
        self.outlet.take(worker, Fetch(1, SCHOOL, first, until, recorder or self.journal.recorder_id))
        async with asyncio.timeout(120):
            await asyncio.gather(*self.outlet._fetches)
        (answer,) = worker.heard()
        assert isinstance(answer, Fetched)
        return answer.entries


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.outlet.close()
    made.journal.close()


@pytest.fixture
def opened(desk: Desk) -> Desk:
    desk.open()
    return desk


async def test_nobody_is_told_a_place_before_there_is_a_journal(desk: Desk) -> None:
    worker = Worker()
    desk.outlet.take(worker, Watch(SCHOOL))
    assert worker.heard() == []
    desk.open()
    assert worker.heard() == [Watching(SCHOOL, desk.journal.recorder_id, 1)]


async def test_what_was_due_as_the_journal_was_opened_anew_can_be_fetched(opened: Desk) -> None:
    worker = Worker()
    opened.outlet.take(worker, Watch(SCHOOL))
    scans = opened.record(3)
    opened.journal.close()
    opened.open()
    assert worker.heard()[-1] == Watching(SCHOOL, opened.journal.recorder_id, 4)
    assert await opened.fetch(1, 4) == scans


@pytest.mark.parametrize("from_memory", [True, False])
async def test_any_range_of_the_past(opened: Desk, from_memory: bool) -> None:
    scans: list[Entry] = []
    for count in (1, 4, 2, 7):
        scans += opened.record(count)
        opened.record(3, FAR)
    if not from_memory:
        opened.outlet.reopened()
    for first in range(1, len(scans) + 2):
        for until in range(first + 1, len(scans) + 3):
            assert await opened.fetch(first, until) == scans[first - 1 : until - 1]


async def test_events_of_a_damaged_row_are_missing_and_no_other_takes_their_number(opened: Desk) -> None:
    before = opened.record(2)
    opened.record(2)
    after = opened.record(2)
    db = opened.journal._connection()
    db.execute("UPDATE journal SET body = X'00000004c1c1c1c1' WHERE id = 2")
    opened.outlet.reopened()
    assert await opened.fetch(1, 7) == before
    assert await opened.fetch(3, 7) == []
    assert await opened.fetch(5, 7) == after


async def test_numbers_that_a_damaged_journal_may_have_given_are_not_given_again(opened: Desk) -> None:
    opened.record(2)
    recorder, worker = opened.journal.recorder_id, Worker()
    opened.outlet.take(worker, Watch(SCHOOL))
    opened.journal.damage = "a page of it cannot be read"
    opened.journal.close()
    opened.open()
    assert opened.journal.damaged is not None
    assert worker.heard()[-1] == Watching(SCHOOL, recorder, 3 + SKIP)
    after = opened.record(2)
    assert await opened.fetch(3 + SKIP, 5 + SKIP) == after
    opened.outlet.take(worker, Fetch(1, SCHOOL, 5, 100, recorder))
    await asyncio.gather(*opened.outlet._fetches)
    assert worker.got == [Fetched(1, [], 3 + SKIP)]
    opened.journal.close()
    opened.open()
    assert opened.journal.sequences == {SCHOOL: 5 + SKIP}


async def test_another_recorders_numbers_are_not_answered_for(opened: Desk) -> None:
    opened.record(2)
    assert await opened.fetch(1, 3, recorder=b"?" * 16) == []


@pytest.mark.parametrize("from_memory", [True, False])
async def test_what_a_reader_was_told_after_all_is_what_is_found(opened: Desk, from_memory: bool) -> None:
    (scan,) = opened.record(1)
    opened.record(0, amendments=[Amendment(scan.scan_id, scan.device, scan.access_time, 15, SCHOOL)])
    if not from_memory:
        opened.outlet.reopened()
    assert [found.code for found in await opened.fetch(1, 2)] == [15]
    assert scan.code == 0


async def test_a_worker_that_does_not_read_is_told_later_where_its_school_stands(
    opened: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "UNREAD_BYTES", 1_000)
    stuck, other = Worker(), Worker()
    for worker in (stuck, other):
        opened.outlet.take(worker, Watch(SCHOOL))
        worker.heard()
    stuck.wire.stuck = True
    for _ in range(20):
        opened.record(10)
        opened.outlet._send_on()
    assert stuck.wire.unread < 3_000
    assert sum(len(m.entries) for m in other.heard() if isinstance(m, Events)) == 200
    stuck.wire.unread, stuck.wire.stuck = 0, False
    stuck.heard()
    opened.outlet.call_the_roll()
    assert stuck.heard() == [Watching(SCHOOL, opened.journal.recorder_id, 201)]


async def test_a_school_is_found_in_memory_without_looking_at_the_others(opened: Desk) -> None:
    scans = opened.record(1)
    for _ in range(50):
        opened.record(100, FAR)
    looked_at = [len(batch) for batch in opened.outlet._batches_from(Fetch(1, SCHOOL, 1, 2, b""))]
    assert looked_at == [len(scans)]


async def test_long_rows_of_the_journal_are_read_with_turns_of_the_loop_in_between(
    opened: Desk,
) -> None:
    for _ in range(6):
        opened.record(module._SCANS_A_TURN)
    opened.outlet.reopened()
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    found = await opened.fetch(1, 10**6)
    counting.cancel()
    assert len(found) == module.FETCH_MOST
    assert turns > module.FETCH_MOST // module._SCANS_A_TURN
