"""Replayed scans of one request or frame: each checked by itself, all recorded, one answer when the last is durable."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from hub.domain.ids import id_text
from hub.domain.verdict import DIRECTION_CODE
from hub.gate.desk import Answer, Desk
from hub.gate.messages import (
    UNREADABLE,
    Attempt,
    RecordedItem,
    ReplayItem,
    device_info,
    plain,
    recorded,
    report,
    skew,
)
from hub.index.directory import AccessPoint


class PeekId(msgspec.Struct):
    """Only the scanId of an item, whatever it is and whatever else is there."""

    scanId: Any = None


class Attempts:
    """Collects the outcomes of `items` in their order and calls `done` once all are known."""

    def __init__(self, desk: Desk, point: AccessPoint, done: Callable[[list[RecordedItem]], None]) -> None:
        self._desk = desk
        self._point = point
        self._done = done
        self._results: list[RecordedItem | None] = []
        self._missing = 0

    def take(
        self,
        items: Sequence[msgspec.Raw | bytes],
        decode: Callable[[msgspec.Raw | bytes], Attempt | ReplayItem],
        peek: Callable[[msgspec.Raw | bytes], PeekId],
        sent_at: datetime | None,
    ) -> None:
        """Record what can be read; say of the rest what is wrong with it."""
        now = time.time_ns() // 1000
        self._results = [None] * len(items)
        self._missing = len(items)
        difference = skew(sent_at, now)
        for position, item in enumerate(items):
            try:
                self._replay(decode(item), position, difference)
            except UNREADABLE as error:
                self._settle(position, RecordedItem(readable_id(item, peek), "rejected", True, plain(error)))
        if not items:
            self._done([])

    def _replay(self, attempt: Attempt | ReplayItem, position: int, difference: int | None) -> None:
        if isinstance(attempt, Attempt):
            code, at = attempt.qrCode, attempt.accessTime
        else:
            code, at = attempt.code, attempt.at
        self._desk.replay(
            self._point,
            code,
            attempt.scanId,
            DIRECTION_CODE[attempt.direction],
            report(at, attempt.decision, attempt.reason, difference),
            self._kept,
            token=position,
            info=device_info(attempt.deviceInfo),
        )

    def _kept(self, answer: Answer) -> None:
        assert isinstance(answer.token, int)
        self._settle(answer.token, recorded(answer))

    def _settle(self, position: int, result: RecordedItem) -> None:
        self._results[position] = result
        self._missing -= 1
        if self._missing == 0:
            self._done([result for result in self._results if result is not None])


def readable_id(item: msgspec.Raw | bytes, peek: Callable[[msgspec.Raw | bytes], PeekId]) -> str | None:
    """The scanId of an item that cannot be read otherwise, if it has one that can be echoed."""
    try:
        value = peek(item).scanId
    except UNREADABLE:
        return None
    if isinstance(value, bytes) and len(value) == 16:
        return id_text(value)
    return value[:64] if isinstance(value, str) else None
