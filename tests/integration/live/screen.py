"""A screen that speaks the frames itself: Engine.IO 4 and Socket.IO 5 over a WebSocket of aiohttp."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp import WSMsgType

PATH = "/socket.io/?EIO=4&transport=websocket"


class Screen:
    """`ids` are those of all events so far; `closed`: code and reason of the end."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.events: list[dict[str, Any]] = []
        self.others: list[tuple[str, Any]] = []
        self.cursor: str | None = None
        self.refusal: dict[str, Any] | None = None
        self.joined = False
        self.answers_pings = True
        self.end: tuple[int | None, str] | None = None

    @property
    def ids(self) -> list[str]:
        return [event["id"] for event in self.events]

    async def send(self, text: str) -> None:
        await self.socket.send_str(text)

    async def read(self) -> None:
        """One message."""
        message = await self.socket.receive(timeout=120)
        if message.type is WSMsgType.CLOSE:
            self.end = (message.data, str(message.extra))
        elif message.type is not WSMsgType.TEXT:
            self.end = self.end or (self.socket.close_code, "")
        else:
            await self._take(message.data)

    async def _take(self, text: str) -> None:
        if text == "2":
            if self.answers_pings:
                await self.send("3")
        elif text.startswith("40/live,"):
            self.joined = True
        elif text.startswith("44/live,"):
            self.refusal = json.loads(text[8:])
        elif text.startswith("42/live,"):
            name, body = json.loads(text[8:])
            if name == "events":
                assert self.joined, "events came before the answer to the connect packet"
                self.events += body["events"]
            else:
                self.others.append((name, body))
            self.cursor = body.get("cursor", self.cursor)

    async def until(self, true: Callable[[], object]) -> None:
        async with asyncio.timeout(120):
            while not true() and self.end is None:
                await self.read()
        assert true(), f"the connection ended before: {self.end}"

    async def until_ids(self, ids: list[str]) -> None:
        """Exactly these, in this order."""
        await self.until(lambda: len(self.events) >= len(ids))
        assert self.ids == ids

    async def until_end(self) -> tuple[int | None, str]:
        async with asyncio.timeout(120):
            while self.end is None:
                await self.read()
        return self.end


@asynccontextmanager
async def connected(http: aiohttp.ClientSession, url: str, auth: object = None, **more: Any) -> AsyncIterator[Screen]:
    """A connection that has said `auth`; None says nothing."""
    async with http.ws_connect(url + PATH, max_msg_size=0, **more) as socket:
        screen = Screen(socket)
        if auth is not None:
            await screen.send("40/live," + json.dumps(auth))
        yield screen


@asynccontextmanager
async def watching(
    http: aiohttp.ClientSession, url: str, token: str, cursor: str | None = None, **more: Any
) -> AsyncIterator[Screen]:
    """A screen that has joined and knows where it is."""
    auth = {"token": token} | ({} if cursor is None else {"cursor": cursor})
    async with connected(http, url, auth, **more) as screen:
        await screen.until(lambda: screen.cursor is not None)
        yield screen
