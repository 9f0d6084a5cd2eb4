"""The worker's end: verdicts go out once a loop turn, and no answer leaves before its frame is acknowledged.

`record` is on the path of every scan: it appends to a list. What follows for the scan is called back: acknowledged
(with what was answered before, if the scan was known), or refused, or out of time. Frames that were not acknowledged
when the recorder died are sent again to the next one, in order; it knows by the scans' identities what it already has.

Concurrency: one loop. Memory: at most `journal_backlog` scans wait for a recorder that is away; more are refused.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, cast

import msgspec
import structlog

from hub.control.framing import Splitter, pack
from hub.domain.verdict import Reason
from hub.recorder.annulments import Annulments
from hub.recorder.notes import Notes
from hub.recorder.wire import (
    Ack,
    Amendment,
    Annulled,
    Arrival,
    Entry,
    Frame,
    Hello,
    Nack,
    Noted,
    Override,
    State,
    Superseded,
    ToWorker,
    Welcome,
)

log = structlog.get_logger(__name__)
_decoder = msgspec.msgpack.Decoder(ToWorker)
RECONNECT_SECONDS = 0.05


class Pending(Protocol):
    """Somebody who waits for a scan to be kept. Exactly one of the three is called, once."""

    @property
    def then(self) -> Callable[[Any], None]:
        """On disk. Called with the one who waits."""

    def known_as(self, override: Override) -> None:
        """On disk, and was before: this was the answer."""

    def unavailable(self) -> None:
        """Not known to be on disk in time: the answer is hub_unavailable."""


class _Sent(msgspec.Struct):
    """A frame without its acknowledgement."""

    frame: Frame
    pending: list[Pending] | None
    sent: bool = False


class RecorderClient:
    """One connection to the host's recorder. `run()` keeps it; `record` may be called whether it stands or not."""

    def __init__(self, path: Path, *, worker: str, timeout_ms: int, backlog: int) -> None:
        self._path = path
        self._worker = worker
        self._timeout_ns = timeout_ms * 1_000_000
        self._backlog = backlog
        self._loop = asyncio.get_running_loop()
        self._entries: list[Entry] = []
        self._pending: list[Pending] = []
        self._amendments: list[Amendment] = []
        self._flush_due = False
        self._outstanding: deque[_Sent] = deque()
        self._waiting = 0
        self._sequence = 0
        self._timer: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None
        #: Audit rows: `notes.keep(row)` returns once the row is on disk.
        self.notes = Notes(timeout_ms, backlog)
        self.annulments = Annulments(timeout_ms)
        self.state = State("the recorder is not connected yet", 0, 0, 0.0, 0.0)
        self.recorder_id = b""
        self.timeouts = 0
        self.refused = 0
        self.on_superseded: Callable[[bytes, bytes], None] = lambda device, connection: None
        #: Called when a recorder is there, and with every message that is not about this worker's own scans.
        self.on_connected: list[Callable[[], None]] = []
        self.on_other: Callable[[ToWorker], None] = lambda message: None

    @property
    def connected(self) -> bool:
        return self._transport is not None

    @property
    def healthy(self) -> bool:
        """The recorder is there and its journal takes writes."""
        return self.connected and self.state.fault is None

    @property
    def in_flight(self) -> int:
        """Scans not acknowledged yet."""
        return self._waiting + len(self._entries)

    # Hot path

    def record(self, entry: Entry, pending: Pending) -> None:
        """Have `entry` kept; `pending` hears of it within the journal's timeout."""
        if self._waiting >= self._backlog:
            self.refused += 1
            pending.unavailable()
            return
        self._entries.append(entry)
        self._pending.append(pending)
        if not self._flush_due:
            self._flush_due = True
            self._loop.call_soon(self._flush)

    def _flush_soon(self) -> None:
        if not self._flush_due:
            self._flush_due = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_due = False
        entries, pending = self._entries, self._pending
        self._entries, self._pending = [], []
        amendments, self._amendments = self._amendments, []
        self._sequence += 1
        frame = Frame(self._sequence, time.monotonic_ns() + self._timeout_ns, entries, amendments)
        sent = _Sent(frame, pending)
        self._outstanding.append(sent)
        self._waiting += len(entries)
        if self._transport is not None:
            sent.sent = True
            self._transport.write(pack(frame))
        if self._timer is None:
            self._arm()

    def _acknowledge(self, ack: Ack) -> None:
        sent = self._next(ack.seq)
        pending = sent.pending
        if pending is None:
            return
        if ack.late:
            self.timeouts += len(pending)
            for one in pending:
                one.unavailable()
        elif not ack.overrides:
            for one in pending:
                one.then(one)
        else:
            known = {override.index: override for override in ack.overrides}
            for index, one in enumerate(pending):
                override = known.get(index)
                if override is None:
                    one.then(one)
                else:
                    one.known_as(override)

    # Refusals and time-outs

    def _next(self, sequence: int) -> _Sent:
        """The oldest outstanding frame, which is the one acknowledged: the recorder answers in order."""
        sent = self._outstanding.popleft()
        assert sent.frame.seq == sequence, "the recorder answered out of order"
        self._waiting -= len(sent.frame.entries)
        return sent

    def _refuse(self, nack: Nack) -> None:
        sent = self._next(nack.seq)
        self.refused += len(sent.frame.entries)
        # What was told otherwise than recorded stays so: these go again when the journal takes writes.
        self._amendments = sent.frame.amendments + self._amendments
        for one in sent.pending or ():
            one.unavailable()

    def _arm(self) -> None:
        waiting = next((sent for sent in self._outstanding if sent.pending is not None), None)
        if waiting is not None:
            delay = max(0.0, (waiting.frame.deadline - time.monotonic_ns()) / 1e9)
            self._timer = self._loop.call_later(delay, self._check_deadlines)

    def _check_deadlines(self) -> None:
        self._timer = None
        now = time.monotonic_ns()
        for sent in self._outstanding:
            if sent.frame.deadline > now:
                break
            if sent.pending is not None:
                self._time_out(sent)
        self._arm()

    def _time_out(self, sent: _Sent) -> None:
        """The readers are told hub_unavailable; what the recorder may have kept otherwise is amended behind it."""
        pending, sent.pending = sent.pending or [], None
        self.timeouts += len(pending)
        if sent.sent:
            self._amendments += [
                Amendment(e.scan_id, e.device, e.access_time, Reason.hub_unavailable, e.school)
                for e in sent.frame.entries
                if e.report is None
            ]
            if self._amendments:
                self._flush_soon()
        for one in pending:
            one.unavailable()

    # The connection

    async def run(self) -> None:
        """Connect, and connect again, until cancelled."""
        try:
            while True:
                try:
                    _, link = await self._loop.create_unix_connection(lambda: _Link(self), str(self._path))
                    await link.lost
                    log.warning("the recorder is gone; connecting again", outstanding=len(self._outstanding))
                except OSError:
                    pass
                await asyncio.sleep(RECONNECT_SECONDS)
        finally:
            if self._transport is not None:
                self._transport.close()

    def connected_to(self, transport: asyncio.Transport) -> None:
        """A recorder is there: say who we are, and send again what the last one did not acknowledge."""
        self._transport = transport
        transport.write(pack(Hello(self._worker)))
        for sent in self._outstanding:
            sent.sent = True
            transport.write(pack(sent.frame))
        self.notes.connected_to(transport)
        self.annulments.connected_to(transport)
        for call in self.on_connected:
            call()

    def disconnected(self) -> None:
        self._transport = None
        self.notes.disconnected()
        self.annulments.disconnected()
        self.state = State("the recorder is gone", self.state.depth, self.state.bytes, self.state.oldest, 0.0)

    def announce(self, device: bytes, connection: bytes) -> None:
        """A reader connected here: older connections of its device anywhere on the host have to go."""
        self.send(Arrival(device, connection))

    def send(self, message: msgspec.Struct) -> None:
        """To the recorder, if there is one; whoever needs an answer asks again in `on_connected`."""
        if self._transport is not None:
            self._transport.write(pack(message))

    def hear(self, message: ToWorker) -> None:
        """A message of the recorder."""
        if isinstance(message, Ack):
            self._acknowledge(message)
        elif isinstance(message, Nack):
            self._refuse(message)
        elif isinstance(message, State):
            self.state = message
            if self._amendments and message.fault is None:
                self._flush_soon()
        elif isinstance(message, Superseded):
            self.on_superseded(message.device, message.connection)
        elif isinstance(message, Noted):
            self.notes.hear(message)
        elif isinstance(message, Annulled):
            self.annulments.hear(message)
        elif isinstance(message, Welcome):
            self.recorder_id = message.recorder_id
            self.on_other(message)
        else:
            self.on_other(message)


class _Link(asyncio.Protocol):
    def __init__(self, client: RecorderClient) -> None:
        self._client = client
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._splitter = Splitter()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast("asyncio.Transport", transport)  # uvloop has classes of its own
        self._client.connected_to(transport)

    def data_received(self, data: bytes) -> None:
        for raw in self._splitter.feed(data):
            self._client.hear(_decoder.decode(raw))

    def connection_lost(self, exc: Exception | None) -> None:
        self._client.disconnected()
        if not self.lost.done():
            self.lost.set_result(None)
