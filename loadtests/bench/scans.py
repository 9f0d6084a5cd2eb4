"""Scans by HTTP and by WebSocket against the least that aiohttp can do, in turn, round by round."""

from __future__ import annotations

import contextlib
import itertools
import random
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import uvloop

from loadtests.bench.clients import HttpLoop, Result, SocketLoop, drive
from loadtests.bench.world import SERVER_CORE, cpu_seconds, device_key, pin, wait_open, wait_ready

HTTP_CONNECTIONS = 64
READERS = 50
IN_FLIGHT = 8
WARM_UP = 1.0


def http_client(passes: int) -> Callable[[int, Result], HttpLoop]:
    """A reader that asks by HTTP, one scan at a time, each of another random pass, with scanIds of its own."""

    def make(number: int, result: Result) -> HttpLoop:
        head = (
            b"POST /api/v1/passes/verify HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %b\r\n"
            b"Content-Type: application/json\r\nContent-Length: " % device_key(number).encode()
        )
        # UUIDs of this connection: only the last twelve digits change. What a client spends is not the server's.
        start = b'","scanId":"%b-' % str(uuid.uuid4()).rpartition("-")[0].encode()
        count = itertools.count()
        rest = len(b'{"qrCode":"SP1:BENCH' + start) + len(b'123456789abc","direction":"entry"}')

        def request() -> bytes:
            pass_ = b"%d" % int(random.random() * passes)
            return b'%b%d\r\n\r\n{"qrCode":"SP1:BENCH%b%b%012x","direction":"entry"}' % (
                *(head, rest + len(pass_), pass_, start),
                next(count),
            )

        return HttpLoop(request, b'"granted"', result)

    return make


def socket_client(passes: int, *, echo: bool) -> Callable[[int, Result], SocketLoop]:
    """A reader that stays connected, with scans in flight; the same frames go to the echo."""

    def make(number: int, result: Result) -> SocketLoop:
        def message() -> bytes:
            scan_id = str(uuid.uuid4()).encode()
            return b'{"type":"scan","scanId":"%b","code":"SP1:BENCH%d","direction":"entry"}' % (
                scan_id,
                random.randrange(passes),
            )

        if echo:
            return SocketLoop("/echo", {}, IN_FLIGHT, message, b"scan", result, binary=False, greeting=False)
        headers = {"Authorization": f"Bearer {device_key(number)}", "Sec-WebSocket-Protocol": "passhub.v1.json"}
        path = "/api/v1/readers/connect"
        return SocketLoop(path, headers, IN_FLIGHT, message, b"granted", result, binary=False, greeting=True)

    return make


@contextlib.contextmanager
def limit(kind: str, port: int, *more: str) -> Iterator[int]:
    """A bare server on the server core; yields its process id."""
    process = subprocess.Popen([sys.executable, "-m", "loadtests.bench.limits", kind, str(port), *more])
    pin(SERVER_CORE, process.pid)
    try:
        if kind == "notify":
            wait_open(port)
        else:
            wait_ready(port, "/")
        yield process.pid
    finally:
        process.kill()
        process.wait()


def run(
    make: Callable[[int, Result], Any], port: int, connections: int, pids: list[int], seconds: float
) -> dict[str, float]:
    """One round: rate, latencies, and the servers' CPU time (µs) a scan, warm-up included on both sides."""
    before = cpu_seconds(pids)
    started = time.perf_counter()
    summary = uvloop.run(drive(make, port, connections, seconds, WARM_UP))
    elapsed = time.perf_counter() - started
    summary["cpu_us"] = (cpu_seconds(pids) - before) / (summary["rate"] * elapsed) * 1e6
    if summary["errors"]:
        raise RuntimeError(f"{summary['errors']:.0f} answers were not what they should be")
    return summary
