"""A disk that loses power: what a traced server had written and synced, and what a journal on it still holds.

Only what was written before a sync began is there after that sync has returned. Of what was written since, anything
may be: nothing, some of it, a part of a page.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import msgspec

from hub.recorder.admission import entries
from hub.recorder.journal import Journal, Row
from tests.acceptance.hub import JOURNAL
from tests.acceptance.trace import Call

SYNCS = {"fsync", "fdatasync"}
WRITES = {"pwrite64", "ftruncate"}
SECTOR = 512
_DECISION = re.compile(rb'"scanId":"([0-9a-f-]{36})","decision":"\w+","valid":\w+,"reason":("\w+"|null)')
_RECORDED = re.compile(rb'"scanId":"([0-9a-f-]{36})","result":"(recorded|already_recorded|conflict)"')


def acknowledged(call: Call, port: int) -> set[UUID]:
    """The scans that a write to a reader's socket promises to have kept."""
    if not call.where.startswith(f"TCP:[127.0.0.1:{port}->"):
        return set()
    found = {UUID(id_.decode()) for id_, reason in _DECISION.findall(call.data) if reason != b'"hub_unavailable"'}
    return found | {UUID(id_.decode()) for id_, _ in _RECORDED.findall(call.data)}


@dataclass
class Verdict:
    """`early`: scans whose answer began to leave when a power cut would have lost them. `torn`: cuts tried."""

    answers: set[UUID] = field(default_factory=set)
    early: set[UUID] = field(default_factory=set)
    syncs: int = 0
    checkpoints: int = 0
    torn: int = 0


class Disk:
    """The journal's files in `place`, as they are after a power cut at the moment."""

    def __init__(self, place: Path, directory: Path) -> None:
        self._place = place
        self._directory = directory
        self._pending: dict[str, list[Call]] = defaultdict(list)
        self._known: set[UUID] = set()
        self._last = 0
        self._changed = False

    def holds(self, call: Call) -> bool:
        """Whether a call is about the journal's files; the -shm file is no part of what is durable."""
        path = Path(call.where)
        return path.parent == self._directory and path.name in {JOURNAL, f"{JOURNAL}-wal", f"{JOURNAL}-journal"}

    def write(self, call: Call) -> None:
        self._pending[Path(call.where).name].append(call)

    def sync(self, call: Call) -> None:
        """What had been written when the sync began is on the disk."""
        name = Path(call.where).name
        done = [one for one in self._pending[name] if one.left < call.entered]
        self._pending[name] = [one for one in self._pending[name] if one.left >= call.entered]
        for one in done:
            _apply(self._place / name, one, one.data)
        self._changed = True

    def unlink(self, call: Call) -> None:
        name = Path(call.where).name
        self._pending.pop(name, None)
        (self._place / name).unlink(missing_ok=True)
        self._changed = True

    def scans(self) -> set[UUID]:
        """What the journal holds after a cut in which nothing survives that was not synced."""
        if self._changed and (self._place / JOURNAL).exists():
            self._changed = False
            for id_, scans in _read(self._place, self._last):
                self._last = max(self._last, id_)
                self._known |= scans
        return self._known

    def scans_after_tearing(self, place: Path, chance: random.Random) -> set[UUID]:
        """What a hub would find after a cut in which some of what was not synced survives, in parts."""
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        for name in (JOURNAL, f"{JOURNAL}-wal", f"{JOURNAL}-journal"):
            if (self._place / name).exists():
                shutil.copyfile(self._place / name, place / name)
        for name, calls in self._pending.items():
            for call in calls:
                if chance.random() < 0.6:
                    whole = chance.random() < 0.5
                    data = call.data if whole else call.data[: chance.randrange(0, len(call.data) + 1, SECTOR)]
                    _apply(place / name, call, data)
        journal = Journal(place)
        journal.open()
        try:
            assert journal.damaged is None
            return {UUID(bytes=entry.scan_id) for row in journal.all_rows() for entry, _ in entries(row)}
        finally:
            journal.close()


def judge(
    calls: Sequence[Call], directory: Path, port: int, place: Path, *, tear: int = 0, enough: int | None = None
) -> Verdict:
    """Replays the trace. `tear`: how often to try a cut in the middle of a commit. `enough`: early ones to find."""
    (place / "disk").mkdir(parents=True)
    disk = Disk(place / "disk", directory)
    verdict, chance = Verdict(), random.Random(7)
    answers = [(call.entered, call, acknowledged(call, port)) for call in calls]
    events = [(at, 2, call, scans) for at, call, scans in answers if scans]
    events += [(call.left, 1, call, set()) for call in calls if disk.holds(call)]
    tearing = {at for at, *_ in chance.sample(events, min(tear, len(events)))}
    for at, _, call, scans in sorted(events, key=lambda event: event[:2]):
        if scans:
            verdict.early |= scans - disk.scans()
            verdict.answers |= scans
        elif call.name in SYNCS:
            disk.sync(call)
            verdict.syncs += 1
            verdict.checkpoints += Path(call.where).name == JOURNAL
        elif call.name in WRITES:
            disk.write(call)
        else:
            disk.unlink(call)
        if at in tearing and verdict.answers:
            verdict.torn += 1
            verdict.early |= verdict.answers - disk.scans_after_tearing(place / "torn", chance)
        if enough is not None and len(verdict.early) >= enough:
            break
    # In the end, everything is there.
    verdict.early |= verdict.answers - disk.scans()
    return verdict


def _apply(path: Path, call: Call, data: bytes) -> None:
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if call.name == "ftruncate":
            os.ftruncate(fd, call.offset)
        else:
            os.pwrite(fd, data, call.offset)
    finally:
        os.close(fd)


def _read(place: Path, after: int) -> list[tuple[int, set[UUID]]]:
    """The rows of the journal with a greater id; none when there is no journal yet. The files stay as they are."""
    with closing(sqlite3.connect(f"file:{place / JOURNAL}?mode=ro", uri=True)) as db:
        try:
            found = db.execute("SELECT id, at, scans, firsts, body FROM journal WHERE id > ?", (after,)).fetchall()
        except sqlite3.DatabaseError:
            found = []
    (place / f"{JOURNAL}-shm").unlink(missing_ok=True)
    rows = [Row(id_, at, scans, msgspec.msgpack.decode(firsts), body) for id_, at, scans, firsts, body in found]
    return [(row.id, {UUID(bytes=entry.scan_id) for entry, _ in entries(row)}) for row in rows]
