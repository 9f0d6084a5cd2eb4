"""What was asked and is not answered yet, across all connections: scans, a replay, a status."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import deque
from typing import Any
from uuid import UUID

from hub.reader.faults import ReaderError, ScanRefused
from hub.reader.messages import Decision, Error, Limits, RecordedItem, ReplayItem, ScanItem, Status

FRAME_MARGIN = 128  # bytes of a frame around its items


class Asked:
    """One scan, its encoded size in bytes, and who waits for its answer."""

    __slots__ = ("answer", "item", "size")

    def __init__(self, item: ScanItem, size: int) -> None:
        self.item = item
        self.size = size
        self.answer: asyncio.Future[Decision] = asyncio.get_running_loop().create_future()


class ReplayFrame:
    """One frame of replayed scans. The hub answers it with as many items, in one `recorded` or in several."""

    def __init__(self, items: list[ReplayItem]) -> None:
        self.items = items
        self.answer: asyncio.Future[list[RecordedItem]] = asyncio.get_running_loop().create_future()
        self.sent = False
        self._recorded: list[RecordedItem] = []

    def cut(self) -> None:
        self.sent = False
        self._recorded = []

    def recorded(self, items: list[RecordedItem]) -> None:
        self._recorded += items
        if len(self._recorded) >= len(self.items) and not self.answer.done():
            self.answer.set_result(self._recorded)


class Exchange:
    """Scans leave in the order in which they were asked. One keeps its place in flight until the hub has answered it,
    even when nobody waits any more, because the hub counts it too. `wake` is set when there is something to send."""

    def __init__(self) -> None:
        self.wake = asyncio.Event()
        self.replay: ReplayFrame | None = None
        self.status: Status | None = None
        self.answers = 0
        self._waiting: deque[Asked] = deque()
        self._in_flight: dict[UUID, Asked] = {}
        self._hold: asyncio.TimerHandle | None = None

    # From the callers

    def ask(self, asked: Asked) -> None:
        self._waiting.append(asked)
        self.wake.set()

    def forget(self, asked: Asked) -> None:
        """Nobody waits for it any more: if it was not sent yet, it never will be."""
        with contextlib.suppress(ValueError):
            self._waiting.remove(asked)

    # To the hub

    def take_scans(self, limits: Limits) -> list[ScanItem]:
        """The scans to send now, as many as the hub takes at once and one frame holds; then they are in flight."""
        taken: list[ScanItem] = []
        room = limits.max_frame_bytes - FRAME_MARGIN
        while self._waiting and self._hold is None and len(self._in_flight) < limits.max_in_flight:
            asked = self._waiting[0]
            if taken and asked.size > room:
                break
            self._waiting.popleft()
            room -= asked.size
            self._in_flight[asked.item.scan_id] = asked
            taken.append(asked.item)
        return taken

    def take_replay(self) -> list[ReplayItem]:
        if self.replay is None or self.replay.sent:
            return []
        self.replay.sent = True
        return self.replay.items

    def take_status(self) -> Status | None:
        status, self.status = self.status, None
        return status

    # From the hub

    def decided(self, decision: Decision) -> None:
        """A second answer to the same scan changes nothing."""
        self.answers += 1
        asked = self._in_flight.pop(decision.scan_id, None)
        self.wake.set()
        if asked is not None and not asked.answer.done():
            asked.answer.set_result(decision)

    def recorded(self, items: list[RecordedItem]) -> None:
        if self.replay is not None:
            self.replay.recorded(items)

    def refused(self, error: Error) -> None:
        """An error without a scanId is about a frame that the hub could not read. Scans are checked before they are
        sent, so that is the replay, if one is under way."""
        fault = ScanRefused(error.code, error.message)
        if error.scan_id is None:
            if self.replay is not None and self.replay.sent and not self.replay.answer.done():
                self.replay.answer.set_exception(fault)
            return
        asked = self._in_flight.pop(error.scan_id, None)
        self.wake.set()
        if asked is None or asked.answer.done():
            return
        if error.code == "slow_down":
            self._waiting.appendleft(asked)
            self._pause()
        else:
            asked.answer.set_exception(fault)

    def cut(self) -> None:
        """The connection is gone: what was in flight is sent again, in its order, unless nobody waits for it."""
        self._waiting.extendleft(reversed([asked for asked in self._in_flight.values() if not asked.answer.done()]))
        self._in_flight.clear()
        if self.replay is not None:
            self.replay.cut()

    def fail(self, fault: ReaderError) -> None:
        """Everybody who waits gets the fault."""
        self._resume()
        answers: list[asyncio.Future[Any]] = [asked.answer for asked in (*self._in_flight.values(), *self._waiting)]
        if self.replay is not None:
            answers.append(self.replay.answer)
        for answer in answers:
            if not answer.done():
                answer.set_exception(fault)
        self._in_flight.clear()
        self._waiting.clear()

    def _pause(self) -> None:
        """The hub has enough of this reader's scans: send no more for a moment."""
        if self._hold is None:
            pause = random.uniform(0.02, 0.1) if self._in_flight else random.uniform(0.1, 1.0)  # noqa: S311
            self._hold = asyncio.get_running_loop().call_later(pause, self._resume)

    def _resume(self) -> None:
        if self._hold is not None:
            self._hold.cancel()
            self._hold = None
        self.wake.set()


def replay_frames(items: list[ReplayItem], sizes: list[int], limits: Limits) -> list[list[ReplayItem]]:
    """The items in portions that the hub takes in one frame; `sizes` are their encoded bytes."""
    portions: list[list[ReplayItem]] = []
    room = 0
    for item, size in zip(items, sizes, strict=True):
        if not portions or size > room or len(portions[-1]) == limits.replay_max_items:
            portions.append([])
            room = limits.max_frame_bytes - FRAME_MARGIN
        portions[-1].append(item)
        room -= size + 1  # a comma, in JSON
    return portions
