"""A child's end of the control line."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterable
from typing import cast

import msgspec

from hub.control import AskMetrics, FromSupervisor, Metrics, Numbers, Ready, Retire
from hub.control.framing import Splitter, pack
from hub.telemetry import Collector, Family

_decoder = msgspec.msgpack.Decoder(FromSupervisor)
NUMBERS_SECONDS = 1.0


class ControlLine(asyncio.Protocol):
    """`gone` is set when the supervisor is no more, `retire` when it asks this process to make way."""

    def __init__(self) -> None:
        self.gone = asyncio.Event()
        self.retire = asyncio.Event()
        self._transport: asyncio.Transport | None = None
        self._splitter = Splitter()
        self._asked: list[asyncio.Future[str]] = []
        self._collectors: list[Collector] = []

    @classmethod
    async def open(cls, fd: int | None) -> ControlLine:
        """On the inherited descriptor; without one (a process started by hand) a line that never says anything."""
        line = cls()
        if fd is not None:
            sock = socket.socket(fileno=fd)
            sock.setblocking(False)
            os.set_inheritable(fd, False)
            await asyncio.get_running_loop().create_connection(lambda: line, sock=sock)
        return line

    def collect(self, *collectors: Collector) -> None:
        """Ask these for families when numbers are due."""
        self._collectors.extend(collectors)

    def ready(self) -> None:
        self._send(Ready())

    async def run(self) -> None:
        """Send the numbers each second, until cancelled."""
        while True:
            self._send(Numbers(list(self._families())))
            await asyncio.sleep(NUMBERS_SECONDS)

    def _families(self) -> Iterable[Family]:
        for collector in self._collectors:
            yield from collector()

    def send_numbers(self) -> None:
        """Now, not at the next second: before a process ends, or for a fresh reading."""
        self._send(Numbers(list(self._families())))

    async def metrics(self) -> str:
        """All processes' numbers in Prometheus' text format; this process's own are brought up to date first."""
        if self._transport is None:
            return ""
        self.send_numbers()
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._asked.append(future)
        self._send(AskMetrics())
        async with asyncio.timeout(5.0):
            return await future

    def _send(self, message: msgspec.Struct) -> None:
        if self._transport is not None:
            self._transport.write(pack(message))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast("asyncio.Transport", transport)  # uvloop has classes of its own
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        for body in self._splitter.feed(data):
            message = _decoder.decode(body)
            if isinstance(message, Retire):
                self.retire.set()
            elif isinstance(message, Metrics):
                self._answer(message.text)

    def _answer(self, text: str) -> None:
        # Asked in order, answered in order.
        future = self._asked.pop(0)
        if not future.done():
            future.set_result(text)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self.gone.set()
