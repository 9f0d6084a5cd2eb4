"""A card reader, written from docs/readers.md: one connection that comes back, scans that are asked until they are
answered, decisions of its own while it is alone. It imports nothing of the hub.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import time
from datetime import UTC, datetime
from typing import Any, Self
from uuid import uuid4

import aiohttp

from tests.third_party import msgpack
from tests.third_party.offline import Denied, Keys, check, read_keys

Frame = dict[str, Any]
STOP = (1008, 1009, 4001, 4002)


class Refused(Exception):
    """The hub does not want this reader: `args[0]` is the close code, or the status of the handshake."""


class CardReader:
    """`url`: of the hub. `alone_may_open`: the school's setting. `heard`: every frame, for whoever looks on."""

    def __init__(self, url: str, key: str, *, binary: bool = False, alone_may_open: bool = False) -> None:
        self.url = url
        self.binary = binary
        self.alone_may_open = alone_may_open
        self.welcome: Frame = {}
        self.point: Frame = {}
        self.heard: list[Frame] = []
        self.closed_with: list[int] = []
        self.connected = asyncio.Event()
        self.keys: Keys = {}
        self.flash: list[Frame] = []
        self._clock = 0.0
        self._asked: dict[str, tuple[Frame, asyncio.Future[Frame]]] = {}
        self._replays: asyncio.Queue[list[Frame]] = asyncio.Queue()
        self._denied: dict[bytes, str] = {}
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._http = aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"})
        self._life = asyncio.create_task(self._live())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        self._life.cancel()
        await asyncio.gather(self._life, return_exceptions=True)
        await self._http.close()

    async def opened(self) -> Self:
        """Once the hub has said welcome; raises what the hub has against this reader."""
        waiting = asyncio.create_task(self.connected.wait())
        await asyncio.wait([waiting, self._life], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if self._life.done():
            self._life.result()
        return self

    async def ended(self) -> int:
        """The close code or status after which this reader stays away."""
        try:
            await self._life
        except Refused as refused:
            return int(refused.args[0])
        raise AssertionError("it never ends by itself")

    # Asking

    async def scan(self, code: str, **more: Any) -> Frame:
        """The hub's decision, however often the line is cut meanwhile."""
        return await self._ask({"scanId": uuid4(), "code": code, **more})

    async def scan_or_alone(self, code: str, patience: float = 2.0) -> tuple[str, str | None]:
        """What the door does: the hub's decision, or after `patience` seconds our own."""
        item = {"scanId": uuid4(), "code": code}
        try:
            async with asyncio.timeout(patience):
                answer = await self._ask(item)
        except TimeoutError:
            self._asked.pop(str(item["scanId"]), None)
        else:
            if answer["reason"] != "hub_unavailable":
                self._remember(code, answer["reason"])
                return answer["decision"], answer["reason"]
        reason = self.decide_alone(code)
        did = "denied" if reason else "granted"
        self.flash.append({**item, "at": self.moment(), "decision": did, "reason": reason})
        return did, reason

    async def ask_all(self, codes: list[str]) -> Frame:
        """One `scans` frame; its `decisions`, or the first error."""
        before = len(self.heard)
        await self.send({"type": "scans", "scans": [{"scanId": uuid4(), "code": code} for code in codes]})
        return await self.hear(before, "decisions", "error")

    async def tell(self, items: list[Frame] | None = None) -> list[Frame]:
        """Replay `items`, or what is on flash; what is final is struck off."""
        before, items = len(self.heard), self.flash if items is None else items
        await self.send({"type": "replay", "scans": items, "sentAt": self.moment()})
        results: list[Frame] = (await self.hear(before, "recorded"))["items"]
        done = {result["scanId"] for result in results if result["final"]}
        self.flash = [kept for kept in self.flash if str(kept["scanId"]) not in done]
        return results

    async def send(self, frame: Frame | str | bytes) -> None:
        """A frame as it is, or one of ours in the subprotocol's words."""
        assert self._socket is not None
        if isinstance(frame, dict):
            frame = msgpack.pack(frame) if self.binary else json.dumps(frame, default=str)
        await (self._socket.send_bytes(frame) if isinstance(frame, bytes) else self._socket.send_str(frame))

    async def hear(self, after: int, *types: str) -> Frame:
        """The first frame of one of these types after the first `after` frames."""
        async with asyncio.timeout(120):
            while True:
                for frame in self.heard[after:]:
                    if frame["type"] in types:
                        return frame
                await asyncio.sleep(0.005)

    async def post(self, path: str, body: Frame) -> tuple[int, Frame]:
        """Chapter 10."""
        async with self._http.post(self.url + path, data=json.dumps(body, default=str)) as response:
            return response.status, await response.json()

    async def _ask(self, item: Frame) -> Frame:
        future: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        frame = {"type": "scan", **item}
        self._asked[str(item["scanId"])] = frame, future
        if self.connected.is_set():
            await self._send_again(frame)
        return await future

    async def _send_again(self, frame: Frame) -> None:
        try:
            await self.send(frame)
        except (aiohttp.ClientError, ConnectionError):
            self.connected.clear()

    # Alone

    def moment(self) -> str:
        """Now, by the hub's clock as far as we know it."""
        return datetime.fromtimestamp(time.time() + self._clock, UTC).isoformat()

    def decide_alone(self, code: str) -> str | None:
        """None for a grant."""
        if not self.alone_may_open or self._life.done():
            return "alone"
        if not self.point.get("isActive"):
            return "access_point_inactive"
        try:
            check(code, self.keys, self.welcome["schoolId"], int(time.time() + self._clock))
        except Denied as denied:
            return str(denied)
        return self._denied.get(hashlib.sha256(code.encode()).digest())

    async def fetch_keys(self) -> None:
        """The whole set anew."""
        async with self._http.get(self.url + "/.well-known/passhub-keys.json") as response:
            self.keys = read_keys(await response.json(content_type=None))

    def _remember(self, code: str, reason: str | None) -> None:
        name = hashlib.sha256(code.encode()).digest()
        if reason is None:
            self._denied.pop(name, None)
        else:
            self._denied[name] = reason

    # The connection

    async def _live(self) -> None:
        attempt = 0
        while True:
            code, began, answered = 0, time.monotonic(), len(self.heard)
            try:
                code = await self._connection()
            except aiohttp.WSServerHandshakeError as error:
                if error.status == 401:
                    raise Refused(error.status) from None
            except (aiohttp.ClientError, OSError):
                code = 1006
            self.connected.clear()
            self.closed_with.append(code)
            if code in STOP:
                raise Refused(code)
            decided = any(frame["type"] in {"decision", "decisions"} for frame in self.heard[answered:])
            attempt = 0 if decided or time.monotonic() - began > 5 else attempt
            pause = min(15, 0.25 * 2 ** min(attempt, 9)) * random.uniform(0.5, 1)
            await asyncio.sleep(random.uniform(0, 0.5) if code == 1012 and attempt == 0 else pause)
            attempt += 1

    async def _connection(self) -> int:
        """One connection; its close code."""
        protocol = "passhub.v1.msgpack" if self.binary else "passhub.v1.json"
        where = self.url + "/api/v1/readers/connect"
        async with self._http.ws_connect(where, protocols=[protocol], heartbeat=15) as socket:
            self._socket = socket
            async for message in socket:
                frame = msgpack.unpack(message.data) if self.binary else json.loads(message.data)
                await self._take(frame)
                self.heard.append(frame)
            return socket.close_code or 1006

    async def _take(self, frame: Frame) -> None:
        match frame["type"]:
            case "welcome":
                self.welcome, self.point = frame, frame["accessPoint"]
                self._clock = datetime.fromisoformat(frame["serverTime"]).timestamp() - time.time()
                await self.fetch_keys()
                self.connected.set()
                for asked, _ in list(self._asked.values()):
                    await self._send_again(asked)
            case "config":
                self.point = frame["accessPoint"]
            case "decision":
                _, future = self._asked.pop(frame["scanId"], ({}, None))
                if future is not None and not future.done():
                    future.set_result(frame)
            case "error" if frame["code"] == "slow_down" and frame["scanId"] in self._asked:
                await asyncio.sleep(0.01)
                await self._send_again(self._asked[frame["scanId"]][0])
