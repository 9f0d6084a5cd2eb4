"""One child process: started with a control line and, for a worker, its slot's listening socket."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from typing import cast

import msgspec
import structlog

from hub.config import Settings, to_environment
from hub.control import AskMetrics, FromChild, Metrics, Numbers, Ready, Retire
from hub.control.framing import Splitter, pack
from hub.telemetry import Family

log = structlog.get_logger(__name__)
_decoder = msgspec.msgpack.Decoder(FromChild)


class Child(asyncio.Protocol):
    """`ready` is set when it does its work, `ended` when the process is gone. `heard`: when it last sent anything,
    monotonic seconds; None before."""

    def __init__(self, name: str, role: str, metrics: Callable[[], str]) -> None:
        self.name = name
        self.role = role
        self.ready = asyncio.Event()
        self.ended = asyncio.Event()
        self.heard: float | None = None
        self.families: list[Family] = []
        self.returncode: int | None = None
        self._metrics = metrics
        self._process: asyncio.subprocess.Process | None = None
        self._transport: asyncio.Transport | None = None
        self._splitter = Splitter()

    @property
    def pid(self) -> int | None:
        return None if self._process is None or self.ended.is_set() else self._process.pid

    async def start(self, settings: Settings, arguments: list[str], listening: socket.socket | None) -> None:
        """Start the process. What it prints goes where the supervisor prints. Raises OSError."""
        ours, theirs = socket.socketpair()
        fds = [theirs.fileno()]
        command = [sys.executable, "-m", "hub.supervisor.child", self.role, f"--control-fd={theirs.fileno()}"]
        if listening is not None:
            fds.append(listening.fileno())
            command.append(f"--listen-fd={listening.fileno()}")
        env = {k: v for k, v in os.environ.items() if not k.startswith("HUB_")} | to_environment(settings)
        try:
            ours.setblocking(False)
            self._process = await asyncio.create_subprocess_exec(
                *command, *arguments, pass_fds=fds, env=env, stdin=asyncio.subprocess.DEVNULL, start_new_session=True
            )
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        await asyncio.get_running_loop().create_connection(lambda: self, sock=ours)

    async def wait(self) -> int:
        """Until the process is gone; its exit status."""
        assert self._process is not None
        self.returncode = await self._process.wait()
        self.ended.set()
        return self.returncode

    def retire(self) -> None:
        self._send(Retire())

    def signal(self, number: int) -> None:
        if self._process is not None and not self.ended.is_set():
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    async def stop(self, within: float) -> None:
        """SIGTERM, and SIGKILL for one that has not ended `within` seconds."""
        self.signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(within):
                await self.ended.wait()
        except TimeoutError:
            log.warning("a process did not stop in time and was killed", process=self.name)
            self.signal(signal.SIGKILL)
            await self.ended.wait()

    def _send(self, message: msgspec.Struct) -> None:
        if self._transport is not None:
            self._transport.write(pack(message))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast("asyncio.Transport", transport)  # uvloop has classes of its own
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self.heard = time.monotonic()
        for body in self._splitter.feed(data):
            message = _decoder.decode(body)
            if isinstance(message, Numbers):
                self.families = message.families
            elif isinstance(message, Ready):
                self.ready.set()
            elif isinstance(message, AskMetrics):
                self._send(Metrics(self._metrics()))

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
