"""One reader's connection: frames in, frames out, and its end.

Scans are pipelined; each answer leaves in the loop turn in which its acknowledgement arrives, all answers of a turn in
one write. Whole frames are written to the transport directly: aiohttp's `send_*` are coroutines, one a message, and
cost more than the decision. Each write is one or more complete frames, so nothing interleaves with aiohttp's own pongs.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import msgspec
import structlog
from aiohttp import WSMsgType, web

from hub.domain.clock import moment_text
from hub.domain.ids import id_text
from hub.domain.verdict import DIRECTION_CODE
from hub.errors import BadRequest
from hub.gate.attempts import Attempts
from hub.gate.codec import CODECS, JSON, MSGPACK
from hub.gate.connections import CLOSE_FAULT, CLOSE_KEY_GONE, CLOSE_MALFORMED, CLOSE_RESTART, CLOSE_SILENT
from hub.gate.desk import Answer
from hub.gate.group import Group, Waiting
from hub.gate.messages import (
    UNREADABLE,
    Config,
    DecisionFrame,
    Decisions,
    Error,
    Keys,
    Limits,
    Recorded,
    RecordedItem,
    Replay,
    Scan,
    ScanItem,
    Scans,
    Status,
    Welcome,
    decision,
    device_info,
    plain,
    point_face,
    skew,
)
from hub.gate.straight import StraightWebSocket
from hub.gate.tickets import Visit
from hub.index.directory import AccessPoint
from hub.recorder.wire import ReaderState
from hub.rest.errors import without_values

if TYPE_CHECKING:
    from hub.gate.socket import SocketDoor

log = structlog.get_logger(__name__)

_PING = b"\x89\x00"
_WRITE_LIMIT = 1 << 20
GOODBYE_SECONDS = 2.0


class ReaderConnection:
    """One reader. Its memory is bounded by the scans in flight and by the outgoing limit. `visit`: a person's browser
    instead of a device, and then `key` is empty."""

    def __init__(
        self,
        door: SocketDoor,
        request: web.Request,
        socket: StraightWebSocket,
        point: AccessPoint,
        key: bytes,
        visit: Visit | None = None,
    ) -> None:
        self.point = point
        self.key_hash = key
        self.visit = visit
        self._door = door
        self._desk = door.desk
        self._ask = door.desk.ask
        self._pace = door.pace.wait
        self._observe = door.answer_seconds.observe
        self._max_in_flight = door.settings.reader_max_in_flight
        self._settings = door.settings
        self._socket = socket
        self._transport = request.transport
        self._codec = CODECS[socket.ws_protocol or JSON]
        self._frame = self._codec.frame
        self._loop = asyncio.get_running_loop()
        self._out: list[bytes] = []
        self._in_flight = 0
        self._malformed = 0
        self._heard = self._loop.time()
        self._state = ReaderState(0)
        self._timer: asyncio.TimerHandle | None = None
        self._closing: asyncio.Task[Any] | None = None
        self._reading: asyncio.Task[Any] | None = None
        self._goodbye: tuple[int, str] | None = None

    async def run(self) -> None:
        """Read until the connection ends."""
        self._send(self._welcome())
        self._timer = self._loop.call_later(self._settings.reader_ping, self._ping)
        if self._door.retiring:
            self.close(CLOSE_RESTART, "the hub restarts; connect again")
        self._reading = asyncio.current_task()
        try:
            await self._read()
        except asyncio.CancelledError:
            if self._goodbye is None or self._reading is None:
                raise
            self._reading.uncancel()
        finally:
            self._reading = None
            self._socket.cease()
        if self._goodbye is not None:
            if self._goodbye[0] == CLOSE_FAULT:
                await self._answered()
            await self._say_goodbye(*self._goodbye)

    async def _read(self) -> None:
        socket = self._socket
        while True:
            socket.begin(self._take, self._fail)
            message = await socket.receive()
            kind = message.type
            if kind is WSMsgType.TEXT or kind is WSMsgType.BINARY:
                try:
                    self._take(message.data)  # it came with the handshake
                except Exception as error:  # noqa: BLE001 - told and logged there
                    self._fail(error)
                    return
                continue
            self._heard = self._loop.time()
            if kind is WSMsgType.PING:
                await socket.pong(message.data)
            elif kind is not WSMsgType.PONG:
                break

    def end(self) -> None:
        """The connection is over; answers that come now are recorded, and have nobody to go to."""
        if self._timer is not None:
            self._timer.cancel()
        self._transport = None

    # In

    def _take(self, data: str | bytes) -> None:
        self._heard = self._loop.time()
        try:
            try:
                message = self._codec.decode(data)
            except TypeError:
                self._refuse(b"", BadRequest(f"{MSGPACK} is spoken in binary frames, and this was a text"))
                return
            if type(message) is Scan:
                self._scan(message)
            elif type(message) is Scans:
                self._scans(message)
            elif type(message) is Replay:
                self._replay(message)
            elif type(message) is Status:
                self._note_status(message)
        except UNREADABLE as error:
            self._refuse(data, error)
            return
        self._malformed = 0
        self._door.messages += 1

    def _refuse(self, data: str | bytes, error: Exception) -> None:
        """Not a frame as it should be. Scans in it that have an id get an answer all the same."""
        salvaged = self._codec.salvage(data, error)
        if salvaged is not None:
            scans, refusals = salvaged
            for refusal in refusals:
                self._send(refusal)
            if scans:
                self._scans(Scans(scans))
            self._malformed = 0
            self._door.invalid += len(refusals)
            return
        self._door.malformed += 1
        self._malformed += 1
        self._send(Error("malformed_frame", plain(error)[:300]))
        if self._malformed >= self._settings.reader_max_malformed:
            self.close(CLOSE_MALFORMED, "too many malformed frames in a row")

    def _scan(self, scan: Scan) -> None:
        info = None if scan.deviceInfo is None and self.visit is None else self._info(scan)
        if self._in_flight >= self._max_in_flight or self._pace(self.point):
            self._slow_down(scan)
            return
        self._in_flight += 1
        self._ask(
            self.point,
            scan.code,
            scan.scanId,
            DIRECTION_CODE[scan.direction],
            self._answer_one,
            info=info,
            record=scan.record,
        )

    def _info(self, scan: ScanItem) -> bytes | None:
        """What is kept of the device; of a person's, whose it is."""
        if self.visit is None:
            return device_info(scan.deviceInfo)
        return device_info({**(scan.deviceInfo or {}), "userId": str(self.visit.user)})

    def _slow_down(self, scan: ScanItem) -> None:
        self._door.slow_down += 1
        if self._in_flight >= (limit := self._settings.reader_max_in_flight):
            why = f"at most {limit} scans may wait for their answer"
        else:
            why = f"at most {limit} scans may wait for their answer, and {self._door.pace.rate} be asked in a second"
        self._send(Error("slow_down", why, str(scan.scanId)))

    def _scans(self, message: Scans) -> None:
        scans = message.scans
        if not scans:
            self._send(Decisions([]))
            return
        if self._in_flight + len(scans) > self._max_in_flight or self._pace(self.point, len(scans)):
            for scan in scans:
                self._slow_down(scan)
            return
        infos = [self._info(scan) for scan in scans]
        group = Group(len(scans))
        for position, scan in enumerate(scans):
            self._in_flight += 1
            self._ask(
                self.point,
                scan.code,
                scan.scanId,
                DIRECTION_CODE[scan.direction],
                self._answer_group,
                token=Waiting(group, position),
                info=infos[position],
                record=scan.record,
            )

    def _note_status(self, status: Status) -> None:
        now = time.time_ns() // 1000
        self._state = ReaderState(now, now, skew(status.time, now), status.firmware, status.queued)

    def state(self) -> ReaderState:
        """How the reader is, as far as it said."""
        silent = self._loop.time() - self._heard
        return msgspec.structs.replace(self._state, heard=time.time_ns() // 1000 - int(silent * 1e6))

    def _replay(self, message: Replay) -> None:
        limit = self._settings.replay_max_items
        if self.visit is not None:
            raise BadRequest("who scans with a browser decides nothing alone: send `scan`")
        if len(message.scans) > limit:
            raise BadRequest(f"at most {limit} scans in one replay")
        Attempts(self._desk, self.point, self._replayed).take(
            message.scans, self._codec.item, self._codec.peek, message.sentAt
        )

    # Out

    def _answer_one(self, answer: Answer) -> None:
        self._in_flight -= 1
        if answer.started:
            self._observe(time.perf_counter() - answer.started)
        if self._transport is not None:
            if not self._out:
                self._loop.call_soon(self._flush)
            self._out.append(self._frame(decision(answer, DecisionFrame)))

    def _answer_group(self, answer: Answer) -> None:
        self._in_flight -= 1
        if answer.started:
            self._observe(time.perf_counter() - answer.started)
        waiting = answer.token
        assert isinstance(waiting, Waiting)
        group = waiting.group
        group.answers[waiting.position] = decision(answer)
        group.missing -= 1
        if group.missing == 0:
            self._send(Decisions([one for one in group.answers if one is not None]))

    def _replayed(self, results: list[RecordedItem]) -> None:
        self._send(Recorded(results))

    def _send(self, message: msgspec.Struct) -> None:
        if self._transport is None:
            return
        if not self._out:
            self._loop.call_soon(self._flush)
        self._out.append(self._frame(message))

    def _flush(self) -> None:
        frames, self._out = self._out, []
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        transport.write(b"".join(frames) if len(frames) > 1 else frames[0])
        if transport.get_write_buffer_size() > _WRITE_LIMIT:
            log.warning("a reader does not read its answers; its connection is cut", access_point=self.point.id_text)
            transport.abort()

    def _welcome(self) -> Welcome:
        settings, school = self._settings, self.point.school
        limits = Limits(
            settings.reader_max_in_flight,
            settings.reader_max_frame,
            settings.reader_ping,
            settings.reader_silence,
            settings.replay_max_items,
        )
        return Welcome(
            point_face(self.point),
            "" if school is None else school.code,
            id_text(self.point.school_id),
            moment_text(time.time_ns() // 1000),
            limits,
        )

    def tell_config(self) -> None:
        """The access point was changed."""
        self._send(Config(point_face(self.point)))

    def tell_keys(self) -> None:
        """A key that vouches for codes came, or went."""
        self._send(Keys())

    # Life

    def _ping(self) -> None:
        silent = self._loop.time() - self._heard
        if silent >= self._settings.reader_silence:
            self.close(CLOSE_SILENT, f"nothing was heard for {self._settings.reader_silence:g} s")
            return
        if not self._door.holds(self):
            expired = "this device key has expired; use the new one"
            self.close(CLOSE_KEY_GONE, expired if self.visit is None else self.over)
            return
        ping, remaining = self._settings.reader_ping, self._settings.reader_silence - silent
        if silent < ping * 0.9:
            again = ping - silent  # so that a reader that answers is never unheard for much longer than this
        else:
            again = ping
            if self._transport is not None:
                self._transport.write(_PING)
        self._timer = self._loop.call_later(min(again, max(0.01, remaining)), self._ping)

    @property
    def over(self) -> str:
        """Why it ends when what it came with is not good any more."""
        if self.visit is not None:
            return "the session has ended, or may not scan here any more; sign in again"
        return "this device key was revoked or rotated; enrol the reader again"

    def close(self, code: int, message: str) -> None:
        """Close with a code and a reason, after what is already on its way."""
        if self._closing is None:
            self._closing = self._loop.create_task(self._close(code, message))

    def _fail(self, error: Exception) -> None:
        """A fault of ours: the reader is told so, and not that it sent what cannot be read."""
        log.error("a reader's message failed", access_point=self.point.id_text, **without_values(error))
        self._goodbye = CLOSE_FAULT, "a fault of the hub; connect again"
        if self._reading is not None and self._reading is not asyncio.current_task():
            self._reading.cancel()

    async def _close(self, code: int, message: str) -> None:
        if code == CLOSE_RESTART:
            await self._answered()
        self._goodbye = code, message
        # aiohttp's close ends the TCP connection at once while another task is in receive: the reader's frames that
        # are under way would be met by a reset, which overtakes the close frame. So that task is called back first.
        if self._reading is not None:
            self._socket.cease()
            self._reading.cancel()

    async def _answered(self) -> None:
        """Until what was asked is answered: at most as long as the journal may take."""
        deadline = self._loop.time() + self._settings.journal_timeout_ms / 1000 + 0.1
        while self._in_flight and self._loop.time() < deadline:  # noqa: ASYNC110 - an event would cost each scan
            await asyncio.sleep(0.005)

    async def _say_goodbye(self, code: int, message: str) -> None:
        """Send the close frame, and read on until the reader has answered with its own."""
        if self._out:
            self._flush()
        transport, self._transport = self._transport, None  # nothing may follow a close frame
        try:
            async with asyncio.timeout(GOODBYE_SECONDS):
                await self._socket.close(code=code, message=message.encode())
        except TimeoutError:
            pass
        if transport is not None and code == CLOSE_SILENT:
            transport.abort()
