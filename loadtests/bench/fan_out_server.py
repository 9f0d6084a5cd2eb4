"""A worker's live stream and nothing else: batches come from a clock instead of a recorder.

`python -m loadtests.bench.fan_out_server PORT URL EVENTS_A_BATCH BATCHES_A_SECOND`. The door for screens, the stream,
the index, the directory and PostgreSQL are a worker's own. What its recorder would send (Watching, Events) is put in
where the recorder's messages are heard, while there are screens. `at` of every event of a batch is when the batch was
due on the monotonic clock, as microseconds since 1970: the screens read the same clock, and a loop that was late is
charged for it.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import msgspec
import uvloop
from aiohttp import web

from hub.config import load_settings
from hub.domain.qr import lookup_key
from hub.index import loader
from hub.index.directory import Directory
from hub.index.feed import Feed
from hub.index.index import PassIndex
from hub.live.live import Live
from hub.live.sio import Scope, ScreenDoor
from hub.live.stats import Stats
from hub.recorder.client import RecorderClient
from hub.recorder.wire import Entry, Events, Readers, Unwatch, Watch, Watching
from hub.store.pg import Pg, Role, connect
from loadtests.bench.peers import allow_descriptors
from loadtests.bench.world import SCHOOL, SIDE_PASSES, code

#: Doors of the school, which its stats name once a second; Node's peer sends as many.
DOORS = 16


class Recorder(RecorderClient):
    """Makes up what is recorded."""

    def __init__(self, passes: int, points: list[bytes]) -> None:
        super().__init__(Path("/nonexistent"), worker="bench", timeout_ms=500, backlog=1)
        self._scans = count()
        self._passes = passes
        self._points = points
        self._own_id = uuid4().bytes
        self._following = 1
        self.watched = False

    def send(self, message: msgspec.Struct) -> None:
        if isinstance(message, Watch):
            self.watched = True
            asyncio.get_running_loop().call_soon(self.hear, Watching(SCHOOL, self._own_id, self._following))
        elif isinstance(message, Unwatch):
            self.watched = False

    def make_batch(self, size: int, due: float) -> None:
        """One batch. `due`: monotonic seconds."""
        at = int(due * 1e6)
        entries = [self._entry(next(self._scans), at) for _ in range(size)]
        self.hear(Events(SCHOOL, self._own_id, self._following, entries))
        self._following += size

    def _entry(self, number: int, at: int) -> Entry:
        which = number % self._passes
        pass_id, student_id = (UUID(f"0000000{kind}-0000-7000-8000-{which:012x}").bytes for kind in (2, 1))
        point = self._points[number % len(self._points)]
        return Entry(uuid4().bytes, point, SCHOOL, lookup_key(code(which)), at, 0, 0, 1, pass_id, student_id)


async def serve(port: int, url: str, size: int, rate: int) -> None:
    settings = load_settings(database_url=url)
    index, directory = PassIndex(), Directory()
    connection = await connect(settings, Role.hub_system)
    await loader.load(connection, index, directory)
    await connection.close()
    gc.freeze()
    doors = [point.id for point in directory.points.values() if point.school_id == SCHOOL][:DOORS]
    for surplus in directory.points.keys() - set(doors):
        del directory.points[surplus]
    recorder = Recorder(len(index) - SIDE_PASSES, doors)
    stats = Stats(directory, Feed(settings, index, directory), recorder, settings.reader_ping)
    pg = await Pg.open(settings, [Role.hub_system])
    live = Live(settings, recorder, pg, index, directory, lambda: Readers({}), stats.text)

    async def scope(_: web.Request, __: dict[str, Any]) -> Scope:
        return Scope(SCHOOL, UUID(int=0))

    app = web.Application()
    app.add_routes(ScreenDoor(settings, live, scope).routes())
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(live.run())
        tasks.create_task(_keep_time(recorder, size, rate))


async def _keep_time(recorder: Recorder, size: int, rate: int) -> None:
    """Batches at their times; one that is late does not move the next."""
    started = time.monotonic()
    for number in count():
        due = started + number / rate
        await asyncio.sleep(due - time.monotonic())
        if recorder.watched:
            recorder.make_batch(size, due)


if __name__ == "__main__":
    allow_descriptors()
    gc.set_threshold(10_000, 20, 50)  # as a worker's
    uvloop.run(serve(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
