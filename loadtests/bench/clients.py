"""Closed-loop clients that cost as little as possible: raw asyncio protocols on uvloop, one process.

Each connection keeps `depth` requests under way and sends the next when an answer comes. They check every answer's
shape, count, and keep latencies; they do not parse more than the count needs.
"""

from __future__ import annotations

import asyncio
import base64
import os
import struct
import time
from collections.abc import Callable
from functools import partial
from typing import Any, cast


class Result:
    """What a run of `seconds` saw. Latencies in seconds."""

    def __init__(self) -> None:
        self.answers = 0
        self.latencies: list[float] = []
        self.errors = 0

    def summary(self, seconds: float) -> dict[str, float]:
        ordered = sorted(self.latencies)

        def at(q: float) -> float:
            return ordered[min(len(ordered) - 1, int(len(ordered) * q))] if ordered else float("nan")

        return {
            "rate": self.answers / seconds,
            "p50": at(0.50),
            "p99": at(0.99),
            "errors": self.errors,
            "answers": self.answers,
        }


class HttpLoop(asyncio.Protocol):
    """One kept-alive connection; `next_request()` gives whole requests."""

    def __init__(self, next_request: Callable[[], bytes], expect: bytes, result: Result) -> None:
        self._next = next_request
        self._expect = expect
        self._result = result
        self._buffer = b""
        self._sent = 0.0
        self.running = True
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._send()

    def _send(self) -> None:
        assert self._transport is not None
        self._sent = time.perf_counter()
        self._transport.write(self._next())

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data if self._buffer else data
        # An answer that is there in one piece, as nearly all are, ends in its body's last brace.
        if not buffer.endswith(b"}") or self._buffer:
            end = buffer.find(b"\r\n\r\n")
            if end < 0 or len(buffer) < end + 4 + content_length(buffer):
                self._buffer = buffer
                return
            self._buffer = b""
        self._result.answers += 1
        self._result.latencies.append(time.perf_counter() - self._sent)
        if buffer[9:12] != b"200" or self._expect not in buffer:
            self._result.errors += 1
        if self.running:
            self._send()

    def close(self) -> None:
        self.running = False
        if self._transport is not None:
            self._transport.close()


class SocketLoop(asyncio.Protocol):
    """One WebSocket with `depth` messages in flight; `next_message()` gives payloads."""

    def __init__(
        self,
        path: str,
        headers: dict[str, str],
        depth: int,
        next_message: Callable[[], bytes],
        expect: bytes,
        result: Result,
        *,
        binary: bool,
        greeting: bool,
    ) -> None:
        self._head = handshake(path, headers)
        self._depth = depth
        self._next = next_message
        self._expect = expect
        self._result = result
        self._opcode = 0x82 if binary else 0x81
        self._skip = 1 if greeting else 0
        self._buffer = bytearray()
        self._open = False
        self._sent: list[float] = []
        self.running = True
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._head)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._open:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            if not self._buffer.startswith(b"HTTP/1.1 101"):
                raise RuntimeError(bytes(self._buffer[:400]).decode(errors="replace"))
            del self._buffer[: end + 4]
            self._open = True
            self._send(self._depth)
        answered = self._take()
        if answered and self.running:
            self._send(answered)

    def _take(self) -> int:
        buffer, start, count = self._buffer, 0, 0
        now = time.perf_counter()
        while len(buffer) - start >= 2:
            size, head = buffer[start + 1], 2
            if size == 126:
                if len(buffer) - start < 4:
                    break
                (size,) = struct.unpack_from(">H", buffer, start + 2)
                head = 4
            if len(buffer) - start < head + size:
                break
            opcode = buffer[start] & 0x0F
            if opcode in {1, 2}:
                if self._skip:
                    self._skip -= 1
                else:
                    count += 1
                    if buffer.find(self._expect, start + head, start + head + size) < 0:
                        self._result.errors += 1
                    self._result.latencies.append(now - self._sent.pop(0))
            start += head + size
        del buffer[:start]
        self._result.answers += count
        return count

    def _send(self, count: int) -> None:
        assert self._transport is not None
        frames = []
        now = time.perf_counter()
        for _ in range(count):
            frames.append(masked(self._opcode, self._next()))
            self._sent.append(now)
        self._transport.write(b"".join(frames))

    def close(self) -> None:
        self.running = False
        if self._transport is not None:
            self._transport.abort()


def content_length(head: bytes) -> int:
    """Of an answer, whichever way its server writes the header."""
    at = head.find(b"Content-Length: ")
    if at < 0:
        at = head.find(b"content-length: ")
    return int(head[at + 16 : head.find(b"\r", at)])


def masked(opcode: int, payload: bytes) -> bytes:
    """A client's frame; a mask of zeros is a mask (RFC 6455 asks for an unpredictable one, for proxies' sake)."""
    size = len(payload)
    if size < 126:
        return bytes((opcode, 0x80 | size)) + b"\0\0\0\0" + payload
    return struct.pack(">BBH", opcode, 0x80 | 126, size) + b"\0\0\0\0" + payload


def handshake(path: str, headers: dict[str, str]) -> bytes:
    """The request that opens a WebSocket."""
    lines = [
        f"GET {path} HTTP/1.1",
        "Host: localhost",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
        "Sec-WebSocket-Version: 13",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def drive(
    make: Callable[[int, Result], Any], port: int, connections: int, seconds: float, warm_up: float
) -> dict[str, float]:
    """Connect, warm up, measure for `seconds`, close."""
    loop = asyncio.get_running_loop()
    result = Result()
    protocols = []
    for number in range(connections):
        _, protocol = await loop.create_connection(partial(make, number, result), "127.0.0.1", port)
        protocols.append(protocol)
    await asyncio.sleep(warm_up)
    result.answers, result.errors = 0, 0
    result.latencies.clear()
    started = time.perf_counter()
    await asyncio.sleep(seconds)
    summary = result.summary(time.perf_counter() - started)
    for protocol in protocols:
        protocol.close()
    await asyncio.sleep(0.1)
    return summary
