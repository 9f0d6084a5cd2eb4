"""The recorder: the one process of a host that keeps what was answered.

Overview: workers connect to a unix socket in the journal's directory and send the verdicts of each loop turn. What
has arrived from all of them when the loop comes round becomes one journal row and one fsync; then each frame is
acknowledged. Nothing is answered before. While a commit waits for the disk the sockets fill, which makes the next
commit larger: no timer, no batch size to tune.

Lifecycle: it always starts, even when the journal cannot be opened (locked, read-only, full): frames are then refused,
so that workers answer hub_unavailable at once, and the journal is tried again every half second.

Concurrency: one loop; the drain is a task in it; the connection to SQLite is used by this thread alone.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections import deque
from pathlib import Path
from typing import cast

import msgspec
import structlog

from hub.config import Settings
from hub.control.framing import Splitter, pack
from hub.errors import JournalError
from hub.recorder.admission import Admission, Batch
from hub.recorder.drain import Drain
from hub.recorder.journal import Journal
from hub.recorder.outlet import Outlet
from hub.recorder.publisher import Publisher
from hub.recorder.wire import (
    Ack,
    Annul,
    Annulled,
    Arrival,
    Frame,
    Hello,
    Nack,
    Note,
    Noted,
    State,
    Superseded,
    ToRecorder,
    Welcome,
)
from hub.store.pg import active_connections
from hub.telemetry import Family, Histogram, counter, gauge

log = structlog.get_logger(__name__)

SOCKET = "recorder.sock"
TICK_SECONDS = 0.5
ROLL_CALL_SECONDS = 1.0
PRUNE_ROWS = 200
_decoder = msgspec.msgpack.Decoder(ToRecorder)


def socket_path(settings: Settings) -> Path:
    return settings.journal_dir / SOCKET


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except OSError:
        return None


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)


async def _answers(path: Path) -> bool:
    """Whether somebody listens there."""
    try:
        async with asyncio.timeout(1.0):
            _, writer = await asyncio.open_unix_connection(str(path))
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


class Worker(asyncio.Protocol):
    """One worker's connection."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._splitter = Splitter()
        self.transport: asyncio.Transport | None = None
        self.name = "?"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast("asyncio.Transport", transport)  # uvloop has classes of its own
        self.transport = transport
        self._recorder.workers.add(self)

    def data_received(self, data: bytes) -> None:
        try:
            for raw in self._splitter.feed(data):
                self._recorder.take(self, raw, _decoder.decode(raw))
        except (ValueError, msgspec.MsgspecError) as error:
            log.error("a worker sent what cannot be read; its connection is closed", error=str(error))
            if self.transport is not None:
                self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._recorder.workers.discard(self)
        self._recorder.outlet.forget(self)
        self.transport = None

    def send(self, message: msgspec.Struct) -> None:
        if self.transport is not None:
            self.transport.write(pack(message))


class Recorder:
    """Composition of journal, admission and drain behind the socket. `run()` until cancelled."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.journal = Journal(settings.journal_dir)
        self.admission = Admission(self.journal)
        self.drain = Drain(settings, self.journal)
        self.publisher = Publisher(settings.redis_url, lambda: self.journal.recorder_id)
        self.outlet = Outlet(self.journal, self.admission, settings.live_batch_ms, self.publisher)
        self.workers: set[Worker] = set()
        self.fault: str | None = "the journal is not open yet"
        self.full: str | None = None
        self._pending: list[tuple[Worker, Frame | Note | Annul, bytes]] = []
        self._scheduled = False
        self._alarmed = False
        self._commit_seconds = Histogram((0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2.0))
        self._recent: deque[float] = deque(maxlen=512)
        self._scans = 0
        self._refused = 0
        self._server: asyncio.Server | None = None
        self._inode: int | None = None
        self._deaf: str | None = None

    async def run(self, ready: asyncio.Event | None = None) -> None:
        """Open, serve, tick, until cancelled; then commit what has arrived and close."""
        path = socket_path(self._settings)
        if len(os.fsencode(path.absolute())) > 107:
            raise JournalError(
                f"{path.absolute()} is too long for a unix socket (107 bytes); set a shorter HUB_JOURNAL_DIR"
            )
        self._try_open()
        await self._keep_socket(path)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.drain.run())
                tasks.create_task(self.publisher.run())
                tasks.create_task(self._tick(path))
                tasks.create_task(self._call_the_roll())
                if ready is not None:
                    ready.set()
        finally:
            if self._server is not None:
                self._server.close()
            self._flush()
            self.outlet.close()
            self.journal.close()

    async def _keep_socket(self, path: Path) -> None:
        """Listen, and listen anew when the socket's file was deleted or replaced: a worker that starts needs it.

        Where another recorder has the journal and answers, the socket is its own, and left to it.
        """
        if self._server is not None and _inode(path) == self._inode:
            return
        if self.journal.locked_out and await _answers(path):
            return
        before = self._server
        try:
            _remove(path)
            old = os.umask(0o177)
            try:
                self._server = await asyncio.get_running_loop().create_unix_server(lambda: Worker(self), str(path))
            finally:
                os.umask(old)
        except OSError as error:
            if str(error) != self._deaf:
                log.error("the recorder cannot listen; trying again", error=str(error))
            self._deaf = str(error)
            return
        self._inode, self._deaf = _inode(path), None
        if before is not None:
            log.warning("the recorder's socket was gone and is made anew", path=str(path))
            before.close()

    # The journal's ups and downs

    def _try_open(self) -> None:
        try:
            self.journal.open()
            self.admission.reload()
            # A full disk can be read: only a commit shows that scans will be kept.
            self.journal.commit_notes([])
        except JournalError as error:
            self._fail(str(error))
            return
        self.drain.backlog.clear()
        for worker in self.workers:
            worker.send(Welcome(self.journal.recorder_id))
        self.outlet.reopened()
        if self.journal.damaged is not None:
            log.error(
                "the journal could not be read; set aside, what could be read was kept", path=str(self.journal.damaged)
            )
        self.fault = None
        self.drain.open = True
        self.drain.wake()
        self._tell_state()
        log.info("journal open", scans_waiting=self.journal.waiting, identities=len(self.admission))

    def _fail(self, fault: str) -> None:
        before, self.fault = self.fault, fault  # first of all: from here on nothing is kept
        if fault != before:
            log.error("the journal cannot keep answers; scans are denied, hub_unavailable", fault=fault)
        self.drain.open = False
        self.journal.close()
        self._tell_state()

    def _limit(self) -> int:
        if self._settings.journal_max_bytes is not None:
            return self._settings.journal_max_bytes
        free = shutil.disk_usage(self._settings.journal_dir).free
        return min(10 * 2**30, (free + self.journal.bytes) // 2)

    # Frames in, commits, acks out

    def take(self, worker: Worker, raw: bytes, message: ToRecorder) -> None:
        """A message has arrived. Frames wait for the end of this loop turn."""
        if isinstance(message, Frame | Note | Annul):
            self._pending.append((worker, message, raw))
            if not self._scheduled:
                self._scheduled = True
                asyncio.get_running_loop().call_soon(self._flush)
        elif isinstance(message, Hello):
            worker.name = message.worker
            worker.send(Welcome(self.journal.recorder_id))
            worker.send(self._state())
        elif isinstance(message, Arrival):
            for other in self.workers:
                other.send(Superseded(message.device, message.connection))
        else:
            self.outlet.take(worker, message)

    def _flush(self) -> None:
        self._scheduled = False
        pending, self._pending = self._pending, []
        if not pending:
            return
        fault = self.fault or self.full
        if fault is not None:
            self._refuse(pending, fault)
            return
        batch = Batch(self.journal)
        acks: list[tuple[Worker, Ack | Noted | Annulled]] = []
        started = time.monotonic_ns()
        try:
            for worker, frame, raw in pending:
                if not isinstance(frame, Frame):
                    acks.append((worker, self.admission.beside(frame, raw, batch)))
                    continue
                late = started > frame.deadline
                overrides = self.admission.admit(frame, raw, batch, late=late)
                acks.append((worker, Ack(frame.seq, late, overrides)))
            self._commit(batch, started)
        except JournalError as error:
            self.admission.undo(batch)
            self._refuse(pending, str(error))
            self._fail(str(error))
            return
        self._acknowledge(acks)
        self.outlet.offer(batch)

    def _commit(self, batch: Batch, started: int) -> None:
        if batch.scans == 0 and not batch.parts:
            return
        now = time.time_ns() // 1000
        self.journal.append(now, batch.scans, batch.firsts, b"".join(batch.parts), prune=[])
        seconds = (time.monotonic_ns() - started) / 1e9
        self._commit_seconds.observe(seconds)
        self._recent.append(seconds)
        self._scans += batch.scans
        self.admission.committed(batch)
        self.drain.backlog.offer(batch)
        self.drain.wake()

    def _acknowledge(self, acks: list[tuple[Worker, Ack | Noted | Annulled]]) -> None:
        for worker, ack in acks:
            worker.send(ack)

    def _refuse(self, pending: list[tuple[Worker, Frame | Note | Annul, bytes]], fault: str) -> None:
        for worker, frame, _ in pending:
            if not isinstance(frame, Frame):
                worker.send(Noted(frame.seq, fault) if isinstance(frame, Note) else Annulled(frame.seq, fault=fault))
                continue
            self._refused += len(frame.entries)
            worker.send(Nack(frame.seq, fault))

    async def finish(self, seconds: float) -> None:
        """Before the end: give the drain up to `seconds` to empty the journal. What stays is drained next time."""
        deadline = time.monotonic() + seconds
        while self.journal.behind and self.drain.fault is None and time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.01)

    # Once in a while

    async def _tick(self, path: Path) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            await self._keep_socket(path)
            if self.fault is None and self.journal.damage is not None:
                self._fail(self.journal.damage)
            if self.fault is not None:
                self._try_open()
                continue
            try:
                self._keep_house()
            except JournalError as error:
                self._fail(str(error))
                continue
            self._tell_state()

    async def _call_the_roll(self) -> None:
        while True:
            await asyncio.sleep(ROLL_CALL_SECONDS)
            self.outlet.call_the_roll()

    def _keep_house(self) -> None:
        """Prune, write what is due; the commit also shows that the disk still takes writes while nobody scans."""
        limit = self._limit()
        horizon: int | None = time.time_ns() // 1000 - int(self._settings.journal_retention_hours * 3600e6)
        if self.journal.bytes > limit * 3 // 4:
            horizon = None
        rows = self.journal.rows_before(self.journal.drained, horizon, PRUNE_ROWS)
        self.journal.commit_notes([row.id for row in rows])
        for row in rows:
            self.admission.forget(row)
            self.journal.forget_bytes(len(row.body))
        self._watch_size(limit)

    def _watch_size(self, limit: int) -> None:
        """Alarm at half the limit; at the limit refuse scans, while the drain goes on and makes room."""
        size = self.journal.bytes
        if size > limit // 2 and not self._alarmed:
            log.warning("the journal is half full", bytes=size, limit=limit)
        self._alarmed = size > limit // 2
        if size > limit and self.full is None:
            log.error("the journal has reached its limit; scans are denied, hub_unavailable", bytes=size, limit=limit)
        self.full = (
            f"the journal holds {size} bytes, its limit is {limit} (HUB_JOURNAL_MAX_BYTES)" if size > limit else None
        )

    def _state(self) -> State:
        oldest = self.journal.oldest_waiting() if self.fault is None and self.journal.waiting else None
        age = 0.0 if oldest is None else max(0.0, time.time() - oldest / 1e6)
        recent = sorted(self._recent)
        p99 = recent[int(len(recent) * 0.99)] if recent else 0.0
        return State(self.fault or self.full, self.journal.waiting, self.journal.bytes, age, p99)

    def _tell_state(self) -> None:
        try:
            state = self._state()
        except JournalError as error:
            state = State(str(error), self.journal.waiting, self.journal.bytes, 0.0, 0.0)
        for worker in self.workers:
            worker.send(state)

    def families(self) -> list[Family]:
        """For /metrics."""
        state = self._state()
        return [
            gauge("hub_journal_depth", "Scans in the journal that are not in PostgreSQL yet", state.depth),
            gauge("hub_journal_bytes", "Size of the journal's rows, drained ones included", state.bytes),
            gauge("hub_journal_oldest_seconds", "Age of the oldest scan not in PostgreSQL yet", state.oldest),
            gauge("hub_journal_healthy", "1 when the journal takes writes", 0 if self.fault or self.full else 1),
            gauge("hub_journal_alarm", "1 when the journal is over half its limit", 1 if self._alarmed else 0),
            gauge("hub_drain_lag_seconds", "How far PostgreSQL is behind the journal", state.oldest),
            gauge("hub_drain_connected", "1 while the last batch reached PostgreSQL", 0 if self.drain.fault else 1),
            counter("hub_journal_scans_total", "Scans made durable", self._scans),
            counter("hub_journal_refused_total", "Scans that could not be made durable", self._refused),
            counter("hub_drained_total", "Scans written to access_logs", self.drain.drained),
            counter("hub_drain_rejected_total", "Scans that PostgreSQL refused", self.drain.rejected),
            gauge("active_connections", "Connections to PostgreSQL in use", active_connections()),
            self._commit_seconds.family("hub_journal_commit_seconds", "From a frame's arrival to its fsync's return"),
        ]
