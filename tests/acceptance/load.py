"""Readers that never rest: HTTP on kept connections and WebSocket with scans in flight, in a thread of their own.

    with Load(hub.port, school.doors) as load:
        load.wait_kept(500)
    check(school, load.ledger)

They are as stubborn as real ones: what was not answered on a broken connection is sent again on a new one, with the
same scanId. Each door has one reader. The wire is written out here, so that a reset, an end without an answer and a
close frame are told apart.
"""

from __future__ import annotations

import asyncio
import json
import struct
import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

from tests.acceptance.ledger import Ledger, Scan
from tests.acceptance.school import Door

SILENCE = 30.0  # seconds without an answer that count as a fault
PAUSE = 0.05  # before another attempt to connect
CLOSE, PING, PONG = 8, 9, 10


class Broken(Exception):
    """A connection ended; the words say how."""


#: What a fault is called; None: by its own words. The first that fits.
_WORDS: dict[type[Exception], str | None] = {
    Broken: None,
    asyncio.IncompleteReadError: "ended without an answer",
    TimeoutError: "silent",
    ConnectionRefusedError: "refused",
    OSError: "reset",
}


class Load:
    """`http` doors ask over HTTP, the `sockets` next ones over WebSocket with `in_flight` scans; `pace` in seconds."""

    def __init__(
        self,
        port: int,
        doors: Sequence[Door],
        *,
        http: int = 6,
        sockets: int = 4,
        in_flight: int = 6,
        pace: float = 0.02,
        info: dict[str, str] | None = None,
    ) -> None:
        assert http + sockets <= len(doors)
        self.ledger = Ledger()
        self._port = port
        self._doors = doors
        self._http, self._sockets = http, sockets
        self._in_flight = in_flight
        self._pace = pace
        self._info = info
        self._stopping = False
        self._patience = SILENCE
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="load", daemon=True)
        self._failure: BaseException | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self, *, at_once: bool = False) -> None:
        """No new scans; returns when the last has its answer, or nobody gave one for long (`at_once`: not so long)."""
        self._stopping = True
        self._patience = 0.0 if at_once else SILENCE
        self._thread.join(120.0)
        assert not self._thread.is_alive(), "the load does not end"
        if self._failure is not None:
            raise self._failure

    def wait_kept(self, more: int, seconds: float = 120.0) -> None:
        """Until so many more scans have an answer that may not be lost."""
        goal = self.ledger.kept + more
        self.wait(lambda: self.ledger.kept >= goal, f"{more} more answers", seconds)

    def wait_unavailable(self, more: int, seconds: float = 120.0) -> None:
        """Until so many more scans were answered hub_unavailable."""
        goal = self.ledger.unavailable + more
        self.wait(lambda: self.ledger.unavailable >= goal, f"{more} more hub_unavailable", seconds)

    def wait(self, condition: Callable[[], bool], what: str, seconds: float = 120.0) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert self._thread.is_alive(), f"the load has ended: {self._failure}"
            assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}; {dict(self.ledger.faults)}"
            time.sleep(0.01)

    async def _run(self) -> None:
        doors = self._doors
        readers = [(door, self._ask_by_http) for door in doors[: self._http]]
        readers += [(door, self._ask_by_socket) for door in doors[self._http : self._http + self._sockets]]
        try:
            async with asyncio.TaskGroup() as tasks:
                for door, ask in readers:
                    tasks.create_task(self._read(door, ask))
        except BaseException as error:
            self._failure = error
            raise

    async def _read(self, door: Door, ask: Any) -> None:
        """One reader's life: connect, ask, and after a break connect again with what has no answer yet."""
        due: list[Scan] = []
        stopped = 0.0
        while due or not self._stopping:
            if self._stopping:
                stopped = stopped or time.monotonic()
                if time.monotonic() > stopped + self._patience:
                    return
            try:
                await self._connect(door, ask, due)
            except tuple(_WORDS) as error:
                word = next(word for kind, word in _WORDS.items() if isinstance(error, kind))
                self.ledger.faults[word or str(error)] += 1
                await asyncio.sleep(PAUSE)

    async def _connect(self, door: Door, ask: Any, due: list[Scan]) -> None:
        async with asyncio.timeout(SILENCE):
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            await ask(door, reader, writer, due)
        finally:
            writer.close()

    # HTTP

    async def _ask_by_http(
        self, door: Door, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, due: list[Scan]
    ) -> None:
        last = False
        while not last and (due or not self._stopping):
            if not due:
                due.append(self.ledger.next(door))
            writer.write(self._request(door, due[0]))
            async with asyncio.timeout(SILENCE):
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                size = int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
                body = await reader.readexactly(size)
            last = b"connection: close" in head
            if not head.startswith(b"http/1.1 200"):
                raise Broken(f"status {head[9:12].decode()}")
            self.ledger.answered(due.pop(), json.loads(body))
            await asyncio.sleep(self._pace)

    def _request(self, door: Door, scan: Scan) -> bytes:
        message: dict[str, Any] = {"qrCode": scan.code, "scanId": scan.id}
        if self._info is not None:
            message["deviceInfo"] = self._info
        body = json.dumps(message).encode()
        head = (
            f"POST /api/v1/passes/verify HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer {door.key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    # WebSocket

    async def _ask_by_socket(
        self, door: Door, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, due: list[Scan]
    ) -> None:
        writer.write(
            b"GET /api/v1/readers/connect HTTP/1.1\r\nHost: hub\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            b"Sec-WebSocket-Protocol: passhub.v1.json\r\nAuthorization: Bearer " + door.key.encode() + b"\r\n\r\n"
        )
        async with asyncio.timeout(SILENCE):
            head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 101"):
            raise Broken(f"status {head[9:12].decode()}")
        if not await self._hear(reader, writer, {}):
            return
        while due or not self._stopping:
            due += [self.ledger.next(door) for _ in range(self._in_flight - len(due)) if not self._stopping]
            waiting = {scan.id: scan for scan in due}
            writer.write(b"".join(self._frame(scan) for scan in due))
            while waiting:
                if not await self._hear(reader, writer, waiting):
                    due[:] = waiting.values()
                    return
                due[:] = waiting.values()
            await asyncio.sleep(self._pace)
        writer.write(_masked(CLOSE, struct.pack(">H", 1000)))

    async def _hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, waiting: dict[str, Scan]) -> bool:
        """One frame. False when the hub has closed, and was told goodbye in turn."""
        async with asyncio.timeout(SILENCE):
            opcode, body = await _read_frame(reader)
        if opcode == PING:
            writer.write(_masked(PONG, body))
        elif opcode == CLOSE:
            self.ledger.closes[struct.unpack_from(">H", body)[0]] += 1
            writer.write(_masked(CLOSE, body[:2]))
            async with asyncio.timeout(SILENCE):
                await reader.read()
            return False
        elif opcode == 1:
            message = json.loads(body)
            if message["type"] == "decision":
                scan = waiting.pop(message["scanId"], None)
                if scan is None:
                    self.ledger.faults["an answer that nobody waits for"] += 1
                else:
                    self.ledger.answered(scan, message)
            elif message["type"] == "error":
                raise Broken(f"error frame: {message['code']}")
        return True

    def _frame(self, scan: Scan) -> bytes:
        message: dict[str, Any] = {"type": "scan", "scanId": scan.id, "code": scan.code}
        if self._info is not None:
            message["deviceInfo"] = self._info
        return _masked(1, json.dumps(message).encode())


async def _read_frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    first, second = await reader.readexactly(2)
    size = second & 0x7F
    if size == 126:
        (size,) = struct.unpack(">H", await reader.readexactly(2))
    elif size == 127:
        (size,) = struct.unpack(">Q", await reader.readexactly(8))
    return first & 0x0F, await reader.readexactly(size)


def _masked(opcode: int, body: bytes) -> bytes:
    """A client's frame. The mask is zero, which leaves the body as it is."""
    size = len(body)
    if size < 126:
        return bytes((0x80 | opcode, 0x80 | size)) + bytes(4) + body
    return struct.pack(">BBH", 0x80 | opcode, 0x80 | 126, size) + bytes(4) + body
