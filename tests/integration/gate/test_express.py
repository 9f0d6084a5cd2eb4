"""A question that takes the short way (hub/rest/express.py) is answered as by the long one, by a real worker."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import pytest

from hub.config import Settings
from hub.domain.ids import new_id
from hub.gate.http import HttpDoor
from tests.integration.gate.place import DENIED, Gate, Place, recorder_running, worker_running

PATIENCE = 60.0


@pytest.fixture
def ways(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Of each question that might have taken the short way, whether it did."""
    found: list[bool] = []
    ask = HttpDoor.verify_at_once

    def seen(self: HttpDoor, headers: Mapping[str, str], body: bytes, answer: Callable[[bytes], None]) -> bool:
        found.append(ask(self, headers, body, answer))
        return found[-1]

    monkeypatch.setattr(HttpDoor, "verify_at_once", seen)
    return found


@pytest.fixture
async def gate(place: Place, quick: Callable[..., Settings], ways: list[bool]) -> AsyncIterator[Gate]:
    own = quick()
    async with recorder_running(own), worker_running(own, place) as running:
        assert ways == []
        yield running


def whole(body: bytes, authorization: str | None) -> tuple[bytes, bytes]:
    """Head and body of a question."""
    head = f"POST /api/v1/passes/verify HTTP/1.1\r\nHost: hub\r\nContent-Length: {len(body)}\r\n"
    if authorization is not None:
        head += f"Authorization: {authorization}\r\n"
    return head.encode() + b"\r\n", body


async def told(gate: Gate, *pieces: bytes) -> tuple[str, dict[str, str], Any]:
    """Status line, headers and body, on a connection that has had an answer before."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gate.port)
    try:
        async with asyncio.timeout(PATIENCE):
            await _answer(reader, writer, b"GET /health HTTP/1.1\r\nHost: hub\r\n\r\n")
            return await _answer(reader, writer, *pieces)
    finally:
        writer.close()


async def _answer(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *pieces: bytes
) -> tuple[str, dict[str, str], Any]:
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0.02)  # or TCP may join them, and the long way would not be taken
    head = (await reader.readuntil(b"\r\n\r\n")).decode().rstrip().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in head[1:])
    return head[0], headers, json.loads(await reader.readexactly(int(headers["content-length"])))


def timeless(answer: tuple[str, dict[str, str], Any]) -> tuple[str, dict[str, str], Any]:
    status, headers, body = answer
    gone = {"date", "content-length", "x-request-id"}
    passing = {"accessTime", "requestId", "scanId", "timestamp"}
    body = {name: value for name, value in body.items() if name not in passing}
    kept = {name: value for name, value in headers.items() if name not in gone and "ratelimit" not in name}
    return status, kept, body


async def test_each_verdict_is_the_same_both_ways(gate: Gate, ways: list[bool]) -> None:
    for what in ["granted", *DENIED, "nonsense", "SP1:AAAA"]:
        scan = {"qrCode": gate.place.codes.get(what, what), "deviceInfo": {"firmware": "2.1"}}
        key = f"Bearer {gate.place.keys['gate']}"
        short = await told(gate, b"".join(whole(json.dumps(scan).encode(), key)))
        assert ways.pop() is True, what
        long = await told(gate, *whole(json.dumps(scan).encode(), key))
        assert ways == [], what
        assert timeless(short) == timeless(long)
        assert short[0] == "HTTP/1.1 200 OK"
    rows = await gate.place.rows(2 * (3 + len(DENIED)))
    assert len(rows) == 2 * (3 + len(DENIED)), "every scan of both ways is in the log"


async def test_the_same_scan_both_ways_is_one(gate: Gate, ways: list[bool]) -> None:
    scan_id = str(new_id())
    body = json.dumps({"qrCode": gate.place.codes["granted"], "scanId": scan_id}).encode()
    key = f"bearer  {gate.place.keys['gate']}"
    short = await told(gate, b"".join(whole(body, key)))
    long = await told(gate, *whole(body, key))
    again = await told(gate, b"".join(whole(body, key)))
    assert short[2] == long[2] == again[2]
    assert ways == [True, True]
    assert len(await gate.place.rows(1)) == 1


REFUSED = [
    (b"", "Bearer {key}"),
    (b"{", "Bearer {key}"),
    (b"[]", "Bearer {key}"),
    (b'{"qrCode":"\xff"}', "Bearer {key}"),
    (b'{"qrCode":7}', "Bearer {key}"),
    (b'{"qrCode":"x","what":1}', "Bearer {key}"),
    (b'{"qrCode":"x","scanId":"y"}', "Bearer {key}"),
    (b'{"qrCode":"' + b"x" * 20_000 + b'"}', "Bearer {key}"),
    (b'{"qrCode":"x","deviceInfo":{"a":"\\u0000"}}', "Bearer {key}"),
    (b'{"qrCode":"x","deviceInfo":{"a":"' + b"x" * 2_000 + b'"}}', "Bearer {key}"),
    (b'{"qrCode":' * 5_000, "Bearer {key}"),
    (b'{"qrCode":"x"}', None),
    (b'{"qrCode":"x"}', "Bearer {key}x"),
    (b'{"qrCode":"x"}', "Basic {key}"),
    (b'{"qrCode":"x"}', "Bearer a.b.c"),
]


async def test_what_is_refused_is_refused_in_the_same_words(gate: Gate, ways: list[bool]) -> None:
    for body, authorization in REFUSED:
        header = None if authorization is None else authorization.format(key=gate.place.keys["gate"])
        short = await told(gate, b"".join(whole(body, header)))
        assert True not in ways, body[:60]
        long = await told(gate, *whole(body, header))
        assert timeless(short) == timeless(long), body[:60]
        assert short[0].split()[1] in {"400", "401"}, body[:60]


async def test_a_reader_that_asks_too_often_is_told_so_and_counted_once(
    place: Place, quick: Callable[..., Settings], ways: list[bool]
) -> None:
    own = quick(rate_device=1)  # ten in ten seconds
    async with recorder_running(own), worker_running(own, place) as gate:
        statuses = [(await gate.post("/api/v1/passes/verify", {"qrCode": "x"}))[0] for _ in range(14)]
    assert statuses == [200] * 10 + [429] * 4
    assert ways.count(True) == 10
