"""One school's live parts without processes: recorders that number scans, a worker that may miss some, screens."""

from __future__ import annotations

import asyncio
import json
import random
import struct
from collections.abc import Iterator
from typing import Any

from hub.domain.ids import id_text
from hub.domain.verdict import Flag
from hub.index.directory import Directory
from hub.index.index import PassIndex
from hub.live.audience import Audience
from hub.live.catch_up import CatchUp, place
from hub.live.cursor import Cursor, read_cursor
from hub.live.events import Faces, scan_of
from hub.live.frames import events_frame, reset_frame
from hub.live.screen import Screen
from hub.live.stream import Run, Stream
from hub.recorder.wire import Entry, Events

SCHOOL = b"s" * 16
LOCAL, OTHER = b"L" * 16, b"R" * 16
DOOR = b"d" * 16


def entry(number: int, scan_id: bytes | None = None, **more: Any) -> Entry:
    values: dict[str, Any] = {
        "scan_id": scan_id or number.to_bytes(16, "big"),
        "device": DOOR,
        "school": SCHOOL,
        "key": b"k" * 16,
        "at": 1_795_000_000_000_000 + number,
        "code": 0,
        "flags": 0,
        "direction": 1,
        "pass_id": None,
        "student_id": None,
    }
    return Entry(**(values | more))


class Past:
    """What recorders have numbered, by recorder from 1 on. `away`: nobody can be asked. `refused`: never reached the
    log."""

    def __init__(self) -> None:
        self.numbered: dict[bytes, list[Entry]] = {LOCAL: [], OTHER: []}
        self.refused: set[bytes] = set()
        self.away = False
        self.fetches = 0

    async def fetch(self, school: bytes, recorder: bytes, first: int, until: int) -> Run:
        self.fetches += 1
        await asyncio.sleep(0)
        if self.away:
            return Run([], first)
        reached = min(until, len(self.numbered[recorder]) + 1)
        there = [(n, self.numbered[recorder][n - 1]) for n in range(first, reached)]
        return Run([(n, scan_of(e)) for n, e in there if e.scan_id not in self.refused], max(first, reached))


class Wire:
    """A transport that keeps what is written; `unread` bytes wait for the other end."""

    def __init__(self) -> None:
        self.written = bytearray()
        self.unread = 0
        self.closing = False
        self.stuck = False

    def write(self, data: bytes) -> None:
        self.written += data
        if self.stuck:
            self.unread += len(data)

    def get_write_buffer_size(self) -> int:
        return self.unread

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True

    def abort(self) -> None:
        self.closing = True


def messages(data: bytes) -> Iterator[tuple[str, Any]]:
    """(event, body) of each frame; a close frame is ("close", (code, reason))."""
    view, at = memoryview(data), 0
    while at < len(data):
        size, head = view[at + 1], 2
        if size == 126:
            (size,), head = struct.unpack_from(">H", view, at + 2), 4
        elif size == 127:
            (size,), head = struct.unpack_from(">Q", view, at + 2), 10
        body = bytes(view[at + head : at + head + size])
        if view[at] & 0x0F == 8:
            yield "close", (int.from_bytes(body[:2], "big"), body[2:].decode())
        else:
            assert body.startswith(b"42/live,")
            name, content = json.loads(body[8:])
            yield name, content
        at += head + size


class Shown:
    """A screen of the tests: what it was shown, over all its connections."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.cursor: str | None = None
        self.resets: list[str] = []
        self.wire = Wire()
        self.screen: Screen | None = None
        self.task: asyncio.Task[None] | None = None

    def take(self, *, all_of_it: bool = True) -> None:
        """Read what was written; of a cut connection only a part may have arrived."""
        frames = list(messages(bytes(self.wire.written)))
        self.wire.written.clear()
        if not all_of_it:
            frames = frames[: random.randrange(len(frames) + 1)]
        for name, body in frames:
            if name in {"events", "amended"}:
                assert all((int(event["id"][-12:], 16) % 5 == 0) == (name == "amended") for event in body["events"])
                self.ids += [event["id"] for event in body["events"]]
                self.cursor = body["cursor"]
            elif name == "reset":
                self.resets.append(body["reason"])
                self.cursor = body["cursor"]


class World:
    """A worker's room. `emit` records scans; `lose` says whether the worker hears of them."""

    def __init__(self, ring: int = 40, most: int = 100_000) -> None:
        self.past = Past()
        faces = Faces(PassIndex(), Directory())
        self.stream = Stream(SCHOOL, self.past, faces, ring, self._deliver)
        self.audience = Audience(SCHOOL, self.stream.following, lambda: self.stream.complete)
        self._most = most
        self._catch_up = CatchUp(self.stream, self.audience, self.past, faces, asyncio.Semaphore(2))
        self._count = 0

    def _deliver(self, *run: Any) -> None:
        self.audience.deliver(*run)

    def start(self) -> None:
        self.stream.watching(LOCAL, len(self.past.numbered[LOCAL]) + 1)
        self.stream.heads({OTHER: len(self.past.numbered[OTHER])})

    def emit(self, recorder: bytes, count: int, *, lose: bool = False) -> list[str]:
        entries = []
        for _ in range(count):
            self._count += 1
            # One of five amends some scan of before, under an id that tells it apart.
            entries.append(entry(self._count, flags=0 if self._count % 5 else int(Flag.amends)))
        first = len(self.past.numbered[recorder]) + 1
        self.past.numbered[recorder] += entries
        if not lose and entries:
            self.stream.receive(Events(SCHOOL, recorder, first, entries))
        return [id_text(e.scan_id) for e in entries]

    def poll(self) -> None:
        """PostgreSQL is asked how far other hosts are; the host's recorder says where it stands."""
        self.stream.watching(LOCAL, len(self.past.numbered[LOCAL]) + 1)
        if not self.past.away:
            self.stream.heads({OTHER: len(self.past.numbered[OTHER])})

    def join(self, shown: Shown) -> None:
        shown.wire = Wire()
        shown.screen = screen = Screen("x", shown.wire, 10**9, None, lambda code: None)  # type: ignore[arg-type]
        cursor: Cursor | None = None if shown.cursor is None else read_cursor(shown.cursor)
        reason = place(screen, cursor, self.stream, self._most)
        self.audience.add(screen)
        own = self.audience.cursor(screen)
        self.audience.send(events_frame(own, []) if reason is None else reset_frame(reason, own), [screen])
        shown.task = asyncio.get_running_loop().create_task(self._catch_up.run(screen))

    async def cut(self, shown: Shown, *, all_of_it: bool = True) -> None:
        assert shown.screen is not None
        assert shown.task is not None
        shown.screen.closed = True
        self.audience.discard(shown.screen)
        shown.take(all_of_it=all_of_it)
        shown.task.cancel()
        await asyncio.gather(shown.task, return_exceptions=True)
        shown.screen = None

    async def settle(self, *screens: Shown) -> None:
        """Until nothing is under way."""
        self.past.away = False
        async with asyncio.timeout(120):
            self.poll()
            while self.stream._filling or not self.audience.idle or self.audience.behind:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        for shown in screens:
            shown.take()

    async def close(self, *screens: Shown) -> None:
        for shown in screens:
            if shown.screen is not None:
                await self.cut(shown)
        tasks = list(self.stream._filling.values())
        self.stream.close()
        await asyncio.gather(*tasks, return_exceptions=True)
