"""What a person decides in a reader's place: somebody is let in by hand, or sent away. Recorded like any scan.

It goes through the host's journal, so it is on disk before anybody is told so, in the log once, and on the screens at
once; what a reader would have been told is kept beside it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

import msgspec
from aiohttp import web

from hub.domain.verdict import DIRECTION_CODE, Reason
from hub.errors import Conflict, JournalError
from hub.gate.desk import Desk
from hub.recorder.client import RecorderClient
from hub.recorder.wire import Entry, Override, Report


class Passage(msgspec.Struct, frozen=True):
    """One decision. `key`: the pass's lookup key, or the student's id where there is no pass; `at`: µs since 1970;
    `limit`: how often the pass may be used, 0 for as often as one likes."""

    scan_id: UUID
    door: UUID
    school: UUID
    key: bytes
    pass_id: UUID | None
    student_id: UUID | None
    direction: str | None
    granted: bool
    reason: str
    by: UUID
    at: int
    limit: int = 0


class ByHand:
    """One a worker."""

    def __init__(self, desk: Desk, recorder: RecorderClient) -> None:
        self._desk = desk
        self._recorder = recorder

    async def keep(self, passage: Passage) -> int:
        """What a reader would have been told, a Reason; on disk when this returns.

        Raises JournalError when it is not known to be, Conflict when another person or decision has the scanId.
        """
        direction = DIRECTION_CODE[passage.direction]
        code = self._desk.opinion(passage.door, passage.key, direction, passage.at)
        waiting = _Waiting()
        self._recorder.record(_entry(passage, code, direction), waiting)
        override = await waiting.kept
        if override is not None and override.code == Reason.scan_id_reused:
            raise Conflict("this scanId belongs to a scan of somebody else")
        if override is not None and override.conflict:
            raise Conflict("this scanId was recorded with another decision")
        return code


BY_HAND = web.AppKey("by_hand", ByHand)


class _Waiting:
    """Until the journal has it; the result is None for a scan that is new."""

    def __init__(self) -> None:
        self.kept: asyncio.Future[Override | None] = asyncio.get_running_loop().create_future()

    @property
    def then(self) -> Callable[[Any], None]:
        return lambda _: self._settle(None)

    def known_as(self, override: Override) -> None:
        self._settle(override)

    def unavailable(self) -> None:
        if not self.kept.done():
            self.kept.set_exception(JournalError("the journal did not keep this in time; send it again, same scanId"))

    def _settle(self, override: Override | None) -> None:
        if not self.kept.done():
            self.kept.set_result(override)


def _entry(passage: Passage, code: int, direction: int) -> Entry:
    return Entry(
        passage.scan_id.bytes,
        passage.door.bytes,
        passage.school.bytes,
        passage.key,
        time.time_ns() // 1000,
        code,
        0,
        direction,
        None if passage.pass_id is None else passage.pass_id.bytes,
        None if passage.student_id is None else passage.student_id.bytes,
        None,
        Report(passage.at, passage.granted, passage.reason, None, passage.by.bytes),
        passage.limit,
    )
