"""One connection to the hub, from the handshake to its end, and how long to wait before the next."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import aiohttp
import msgspec
from aiohttp import WSMsgType

from hub.reader.events import Configured, Connected, Event, Refusal
from hub.reader.exchange import Exchange
from hub.reader.faults import ProtocolFault, ReaderError, RefusedKey, Replaced
from hub.reader.messages import (
    Codec,
    Config,
    DecisionFrame,
    Decisions,
    Error,
    Frame,
    FromHub,
    Limits,
    Recorded,
    Replay,
    Scan,
    ScanItem,
    Scans,
    Welcome,
    rfc3339,
)

log = logging.getLogger(__name__)

WELCOME_SECONDS = 15.0  # for the handshake, then for the first frame; a starting hub keeps callers waiting a while
RESTART = 1012
_WHY = {
    1000: "the hub ended the connection",
    1008: "the hub could not read what this reader sent",
    1009: "a frame was larger than the hub takes",
    1011: "a fault of the hub; its log says which",
    1012: "the hub restarts",
    4001: "the device key was revoked or replaced",
    4002: "a newer connection with the same device key took over",
    4003: "the hub heard nothing from this reader",
}
_FINAL: dict[int, type[ReaderError]] = {1008: ProtocolFault, 1009: ProtocolFault, 4001: RefusedKey, 4002: Replaced}


@dataclass(frozen=True, slots=True)
class Backoff:
    """Pauses before connecting again, in seconds: doubling from `first` to `longest`, each shortened at random by up to
    a half, so that the readers of a school do not come back all at once. After a restart that the hub announced:
    anything up to `restart`."""

    first: float = 0.25
    longest: float = 15.0
    restart: float = 0.5

    def pause(self, attempt: int) -> float:
        """`attempt` counts from 0."""
        return min(self.longest, self.first * 2.0 ** min(attempt, 30)) * random.uniform(0.5, 1.0)  # noqa: S311

    def after_restart(self) -> float:
        return random.uniform(0.0, self.restart)  # noqa: S311


@dataclass(frozen=True, slots=True)
class Ended:
    """Why there is no connection (any more); `code` is the one in the hub's close frame, if it sent one."""

    why: str
    code: int | None = None

    def final(self) -> ReaderError | None:
        """The fault after which connecting again makes no sense."""
        fault = _FINAL.get(self.code or 0)
        return None if fault is None else fault(self.why)


class Connection:
    """Connects with `run`; `lived` is how many seconds the hub listened, 0 when it never said welcome."""

    def __init__(
        self,
        url: str,
        key: str,
        codec: Codec,
        exchange: Exchange,
        heartbeat: float,
        tell: Callable[[Event], None],
    ) -> None:
        self._url = url
        self._key = key
        self._codec = codec
        self._exchange = exchange
        self._heartbeat = heartbeat
        self._tell = tell
        self._welcomed_at: float | None = None

    @property
    def lived(self) -> float:
        return 0.0 if self._welcomed_at is None else asyncio.get_running_loop().time() - self._welcomed_at

    async def run(self, session: aiohttp.ClientSession) -> Ended:
        """Until it ends. Raises RefusedKey when the hub does not let this key in."""
        try:
            async with asyncio.timeout(WELCOME_SECONDS):
                socket = await session.ws_connect(
                    self._url,
                    headers={"Authorization": f"Bearer {self._key}"},
                    protocols=(self._codec.subprotocol,),
                    heartbeat=self._heartbeat,
                    timeout=aiohttp.ClientWSTimeout(ws_close=2.0),
                )
        except aiohttp.WSServerHandshakeError as error:
            if error.status == 401:
                raise RefusedKey("the hub does not know this device key") from None
            return Ended(f"the hub answered {error.status}")
        except TimeoutError:
            return Ended("the hub did not answer")
        except (aiohttp.ClientError, OSError) as error:
            return Ended(f"no connection: {error}")
        async with socket:
            if socket.protocol != self._codec.subprotocol:
                return Ended(f"what answers there does not speak {self._codec.subprotocol}")
            return await self._talk(socket)

    async def _talk(self, socket: aiohttp.ClientWebSocketResponse) -> Ended:
        sender: asyncio.Task[None] | None = None
        try:
            async with asyncio.timeout(WELCOME_SECONDS) as waiting, asyncio.TaskGroup() as tasks:
                while (message := await socket.receive()).type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    heard = self._read(message.data)
                    if isinstance(heard, Welcome) and sender is None:
                        waiting.reschedule(None)
                        self._welcomed_at = asyncio.get_running_loop().time()
                        self._tell(Connected(heard))
                        sender = tasks.create_task(self._send_all(socket, heard.limits))
                    elif heard is not None:
                        self._heard(heard)
                if sender is not None:
                    sender.cancel()
        except TimeoutError:
            return Ended("the hub did not say welcome")
        finally:
            self._exchange.cut()
        # An error on this side has a code too, which says nothing about what the hub wants.
        code = socket.close_code if message.type is WSMsgType.CLOSE else None
        return Ended(_WHY.get(code or 0, "the connection was cut"), code)

    def _read(self, data: str | bytes) -> FromHub | None:
        try:
            return self._codec.decode(data)
        except msgspec.MsgspecError as error:
            log.warning("a frame of the hub was not understood: %s", error)
            return None

    def _heard(self, message: FromHub) -> None:
        match message:
            case DecisionFrame():
                self._exchange.decided(message)
            case Decisions():
                for decision in message.decisions:
                    self._exchange.decided(decision)
            case Recorded():
                self._exchange.recorded(message.items)
            case Error():
                self._exchange.refused(message)
                if message.scan_id is None:
                    self._tell(Refusal(message.code, message.message))
            case Config():
                self._tell(Configured(message.access_point))

    async def _send_all(self, socket: aiohttp.ClientWebSocketResponse, limits: Limits) -> None:
        """Sends whatever waits, whenever something does. A connection that breaks here is noticed by who receives."""
        exchange = self._exchange
        try:
            while True:
                exchange.wake.clear()
                while scans := exchange.take_scans(limits):
                    await self._send(socket, _scan_frame(scans))
                if items := exchange.take_replay():
                    await self._send(socket, Replay(items, rfc3339(datetime.now(UTC))))
                if status := exchange.take_status():
                    await self._send(socket, status)
                await exchange.wake.wait()
        except (aiohttp.ClientError, ConnectionError) as error:
            log.debug("could not send: %s", error)

    async def _send(self, socket: aiohttp.ClientWebSocketResponse, frame: Frame) -> None:
        await socket.send_frame(self._codec.encode(frame), WSMsgType.TEXT if self._codec.text else WSMsgType.BINARY)


def _scan_frame(scans: list[ScanItem]) -> Frame:
    if len(scans) > 1:
        return Scans(scans)
    scan = scans[0]
    return Scan(scan.scan_id, scan.code, scan.direction, scan.record, scan.device_info)
