"""People who sign in all at once, from many addresses, each again as soon as they are in.

`python -m loadtests.bench.flood PORT ADDRESSES` is a process of so many clients, each bound to a loopback address of
its own: it prints `ready` when all are connected and have begun, and when its input ends, how often they were let in.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from functools import partial

import uvloop

from loadtests.bench.clients import HttpLoop, Result
from loadtests.bench.world import ADMIN, PASSWORD

FIRST_ADDRESS = 10


def _request() -> bytes:
    body = json.dumps({"email": ADMIN, "password": PASSWORD}).encode()
    return (
        b"POST /api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\n"
        b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    )


async def _flood(port: int, addresses: int) -> None:
    loop, result, clients = asyncio.get_running_loop(), Result(), []
    for number in range(addresses):
        make = partial(HttpLoop, _request, b'"accessToken"', result)
        own = (f"127.0.0.{FIRST_ADDRESS + number}", 0)
        clients.append((await loop.create_connection(make, "127.0.0.1", port, local_addr=own))[1])
    print("ready", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    print(json.dumps({"signed_in": result.answers - result.errors, "refused": result.errors}))
    for client in clients:
        client.close()


if __name__ == "__main__":
    os.nice(19)  # those who measure on this core come first
    uvloop.run(_flood(int(sys.argv[1]), int(sys.argv[2])))
