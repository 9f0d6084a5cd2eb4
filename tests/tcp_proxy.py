"""A TCP port in front of a unix socket, or of another port, that can be cut in the ways in which networks cut.

    with TcpProxy(directory / ".s.PGSQL.5432") as proxy:
        proxy.url(database)          # the same database, through the proxy
        proxy.cut("reset")           # or "close", or "silence": nothing arrives any more, and nobody is told
        proxy.heal()

It runs in a thread of its own, so that tests with and without an event loop use it alike.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Coroutine
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import quote, urlsplit

How = Literal["reset", "close", "silence"]
HOWS: tuple[How, ...] = ("reset", "close", "silence")


class Link:
    """One connection and the one behind it."""

    def __init__(self, front: asyncio.StreamWriter, back: asyncio.StreamWriter) -> None:
        self.front = front
        self.back = back
        self.flowing = asyncio.Event()
        self.flowing.set()

    async def pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(65_536):
            await self.flowing.wait()
            sink.write(data)
            await sink.drain()
        await self.flowing.wait()  # in silence, not even the end is heard

    def end(self, how: How) -> None:
        if how == "reset":
            raw = self.front.get_extra_info("socket")
            # With a linger of zero, closing sends RST.
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.front.transport.abort()
        else:
            self.front.close()
        self.back.close()


class TcpProxy:
    """`port` on 127.0.0.1. `links`: connections through it, oldest first; `accepted`: how many there have been."""

    def __init__(self, target: Path | int) -> None:
        self.port = 0
        self.links: list[Link] = []
        self.accepted = 0
        self._target = target
        self._how: How | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="tcp proxy", daemon=True)

    def url(self, database_url: str) -> str:
        """A URL of a database behind the unix socket, changed to come through here."""
        parts = urlsplit(database_url)
        assert parts.password is not None
        who = f"{parts.username}:{quote(parts.password, safe='')}"
        return f"{parts.scheme}://{who}@127.0.0.1:{self.port}{parts.path}?sslmode=disable"

    def cut(self, how: How) -> None:
        """Every connection there is, and every one that comes until `heal`."""
        self._run(self._cut(how))

    def silence(self, index: int) -> None:
        """One connection of those that are open now, oldest first; new ones pass."""
        self._run(self._silence(self.links[index]))

    def heal(self) -> None:
        """What was silent is closed (its packets are lost for good); new connections pass."""
        self._run(self._heal())

    async def _cut(self, how: How) -> None:
        self._how = how
        for link in list(self.links):
            if how == "silence":
                link.flowing.clear()
            else:
                link.end(how)

    async def _silence(self, link: Link) -> None:
        link.flowing.clear()

    async def _heal(self) -> None:
        self._how = None
        for link in list(self.links):
            if not link.flowing.is_set():
                link.end("reset")
                link.flowing.set()

    async def _serve(self, reader: asyncio.StreamReader, front: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self.accepted += 1
        try:
            back_reader, back = await self._connect()
        except OSError:
            front.close()
            return
        link = Link(front, back)
        self.links.append(link)
        if self._how == "silence":
            link.flowing.clear()
        elif self._how is not None:
            link.end(self._how)
        pumps = [asyncio.create_task(link.pump(reader, back)), asyncio.create_task(link.pump(back_reader, front))]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            self.links.remove(link)
            link.end("close")

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self._target, int):
            return await asyncio.open_connection("127.0.0.1", self._target)
        return await asyncio.open_unix_connection(str(self._target))

    async def _open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        self._server.close()
        for link in self.links:
            link.front.transport.abort()
            link.back.transport.abort()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()
        await asyncio.sleep(0.01)  # aborted transports close in the next turns

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(60.0)

    def __enter__(self) -> Self:
        self._thread.start()
        self._run(self._open())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(60.0)
        self._loop.close()
