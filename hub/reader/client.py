"""A reader that scans: pipelined over one connection that comes back by itself.

One task runs for as long as the reader is open: it connects, stays until the connection ends, and starts again after a
pause. A scan that got no answer before a cut is sent again with the same scanId, for which the hub has one answer
however often it is asked.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Literal, Self
from uuid import UUID

import aiohttp
import msgspec

from hub.domain.ids import new_id
from hub.reader.address import hub_url
from hub.reader.connection import RESTART, Backoff, Connection
from hub.reader.events import Configured, Connected, Event, Lost
from hub.reader.exchange import Asked, Exchange, ReplayFrame, replay_frames
from hub.reader.faults import NotAnswered, ReaderClosed, ReaderError
from hub.reader.messages import (
    AccessPoint,
    Codec,
    Decision,
    Direction,
    Limits,
    RecordedItem,
    Replayed,
    ScanItem,
    Status,
    Welcome,
    replay_item,
    rfc3339,
)

log = logging.getLogger(__name__)

MAX_CODE = 4096  # characters; what is longer was never a pass
MAX_DEVICE_INFO = 1024  # bytes as JSON
STEADY_SECONDS = 5.0  # after a connection that lived so long, the next pause is a short one again


class Reader:
    """One device at one access point. Open it with `async with`; any number of tasks may scan at once.

    `on_event` is called on the loop and must not block. `connect_timeout` (seconds) bounds the wait for the first
    welcome; without it, opening waits for as long as the hub is away. `heartbeat` (seconds) is how often this side
    pings. A `session` is shared, not closed; give it a connector without limit: each reader keeps one connection.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        encoding: Literal["json", "msgpack"] = "msgpack",
        on_event: Callable[[Event], None] | None = None,
        connect_timeout: float | None = None,
        heartbeat: float = 15.0,
        backoff: Backoff | None = None,
        session: aiohttp.ClientSession | None = None,
    ) -> None:
        """Raises ValueError for an address that is none, or a key that no HTTP header can carry."""
        self.url = hub_url(url)
        if not key or not key.isascii() or not key.isprintable() or " " in key:
            raise ValueError("the device key is empty, or has characters that no key has")
        self._key = key
        self._codec = Codec(encoding)
        self._on_event = on_event
        self._connect_timeout = connect_timeout
        self._heartbeat = heartbeat
        self._backoff = backoff or Backoff()
        self._session = session
        self._owns_session = session is None
        self._exchange = Exchange()
        self._one_replay = asyncio.Lock()
        self._opened = asyncio.Event()
        self._runner: asyncio.Task[None] | None = None
        self._fault: ReaderError | None = ReaderClosed("the reader is not open")
        self._connected = False
        self._welcome: Welcome | None = None
        self._point: AccessPoint | None = None

    async def __aenter__(self) -> Self:
        """Connects. Raises RefusedKey (or another final fault), or TimeoutError after `connect_timeout`."""
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        self._fault = None
        self._opened.clear()
        self._runner = asyncio.create_task(self._run(self._session), name="reader")
        try:
            async with asyncio.timeout(self._connect_timeout):
                await self._opened.wait()
            self._check()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends the connection; whoever still waits for an answer gets ReaderClosed. Closing twice does nothing."""
        runner, self._runner = self._runner, None
        if runner is not None:
            runner.cancel()
            await asyncio.wait([runner])
        self._fail(ReaderClosed("the reader was closed"))
        if self._owns_session and self._session is not None:
            session, self._session = self._session, None
            await session.close()

    async def finished(self) -> None:
        """Waits until the reader cannot go on, and raises why: a final fault, or ReaderClosed."""
        if self._runner is not None:
            await asyncio.wait([self._runner])
        self._check()

    @property
    def connected(self) -> bool:
        return self._connected

    @property
    def access_point(self) -> AccessPoint | None:
        """As the hub told it last; None before the first welcome."""
        return self._point

    @property
    def welcome(self) -> Welcome | None:
        """The newest connection's welcome; None before the first."""
        return self._welcome

    async def scan(
        self,
        code: str,
        *,
        direction: Direction | None = None,
        record: bool = True,
        device_info: dict[str, Any] | None = None,
        scan_id: UUID | None = None,
        timeout: float | None = None,  # noqa: ASYNC109  (a scan's own limit: NotAnswered says its scan_id)
    ) -> Decision:
        """Asks the hub about one code. Waits through lost connections, at most `timeout` seconds.

        Raises NotAnswered (decide by yourself, then `replay`), ScanRefused, ValueError for what the hub would not take,
        and the final faults.
        """
        self._check()
        _require_sendable(code, device_info)
        item = ScanItem(scan_id or new_id(), code, direction, record, device_info)
        asked = Asked(item, len(self._codec.encode(item)))
        self._exchange.ask(asked)
        try:
            async with asyncio.timeout(timeout):
                return await asked.answer
        except TimeoutError:
            raise NotAnswered(item.scan_id) from None
        finally:
            self._exchange.forget(asked)

    async def replay(self, scans: Iterable[Replayed]) -> list[RecordedItem]:
        """Hands in scans that were decided here. Waits through lost connections; sending twice records once.

        Returns what became of each; those not `final` are to be sent again later. Raises ScanRefused when the hub
        cannot read them, and the final faults.
        """
        self._check()
        items = [replay_item(scan) for scan in scans]
        for item in items:
            _require_sendable(item.code, item.device_info)
        sizes = [len(self._codec.encode(item)) for item in items]
        limits = Limits() if self._welcome is None else self._welcome.limits
        results: list[RecordedItem] = []
        async with self._one_replay:
            for portion in replay_frames(items, sizes, limits):
                self._check()
                self._exchange.replay = frame = ReplayFrame(portion)
                self._exchange.wake.set()
                try:
                    results += await frame.answer
                finally:
                    self._exchange.replay = None
        return results

    def status(self, *, firmware: str | None = None, queued: int | None = None) -> None:
        """Tells the hub this reader's clock, and how many replays it still holds; sent with the next frames."""
        self._check()
        self._exchange.status = Status(rfc3339(datetime.now(UTC)), firmware, queued)
        self._exchange.wake.set()

    async def _run(self, session: aiohttp.ClientSession) -> None:
        try:
            await self._stay_connected(session)
        except ReaderError as fault:
            self._fail(fault)
        except Exception as error:
            log.exception("the reader's task failed")
            self._fail(ReaderClosed(f"the reader failed: {error!r}"))

    async def _stay_connected(self, session: aiohttp.ClientSession) -> None:
        """Raises the fault after which connecting again makes no sense."""
        attempt = 0
        while True:
            answers = self._exchange.answers
            connection = Connection(self.url, self._key, self._codec, self._exchange, self._heartbeat, self._tell)
            ended = await connection.run(session)
            self._connected = False
            if (fault := ended.final()) is not None:
                raise fault
            if connection.lived > STEADY_SECONDS or self._exchange.answers > answers:
                attempt = 0
            pause = self._backoff.after_restart() if ended.code == RESTART else self._backoff.pause(attempt)
            attempt += 1
            self._tell(Lost(ended.why, pause))
            await asyncio.sleep(pause)

    def _tell(self, event: Event) -> None:
        match event:
            case Connected(welcome):
                self._connected = True
                self._welcome, self._point = welcome, welcome.access_point
                self._opened.set()
            case Configured(point):
                self._point = point
        if self._on_event is not None:
            self._on_event(event)

    def _check(self) -> None:
        if self._fault is not None:
            raise type(self._fault)(*self._fault.args)

    def _fail(self, fault: ReaderError) -> None:
        """Nothing more will be answered; the first fault is the one that is told."""
        self._connected = False
        self._fault = self._fault or fault
        self._exchange.fail(self._fault)
        self._opened.set()


def _require_sendable(code: str, device_info: dict[str, Any] | None) -> None:
    """The hub would not read the frame that holds it, and so refuse its neighbours too."""
    if len(code) > MAX_CODE:
        raise ValueError(f"a code has at most {MAX_CODE} characters")
    if device_info is not None and len(msgspec.json.encode(device_info)) > MAX_DEVICE_INFO:
        raise ValueError(f"device_info is at most {MAX_DEVICE_INFO} bytes of JSON")
