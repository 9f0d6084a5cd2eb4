"""The limits that ours is held against: the least that aiohttp + uvloop can do with the same request.

`python -m loadtests.bench.limits http PORT` decodes the same JSON with msgspec, hashes the code, looks it up in a dict
of a million keys and answers a body of the same size. `… echo PORT` sends every WebSocket message back. `… notify PORT
URL` listens for NOTIFY on the channel `bench` and writes the time of each to whoever connects. `… item PORT URL`
answers one access point by the hub's own statement, in the hub's own transaction of a school, and does nothing else.
"""

from __future__ import annotations

import asyncio
import hashlib
import sys
import time
from uuid import UUID

import asyncpg
import msgspec
import uvloop
from aiohttp import WSMsgType, web

from hub.config import load_settings
from hub.resources.access_points.model import point
from hub.store.pg import Pg, Role
from hub.store.queries import load_queries
from loadtests.bench.world import SCHOOL

points = load_queries("hub.resources.access_points")


class Verify(msgspec.Struct):
    qrCode: str
    scanId: str | None = None
    direction: str | None = None


def application(kind: str, url: str = "") -> web.Application:
    app = web.Application()
    if kind == "echo":
        app.router.add_get("/echo", echo)
        return app
    if kind == "item":
        app.router.add_get("/api/v1/access-points/{id}", Item(url).get)
        return app
    keys = {hashlib.sha256(f"SP1:BENCH{n}".encode()).digest()[:16]: n for n in range(1_000_000)}
    decode = msgspec.json.Decoder(Verify).decode
    body = (
        b'{"scanId":"01a20b5e-43c8-7239-bccf-dbace7c38898","decision":"granted","valid":true,"reason":null,'
        b'"student":{"id":"01a20b5c-6c27-7541-a370-6fc870afacf6","name":"Ada Lovelace Byron","photoUrl":null},'
        b'"pass":{"id":"01a20b5c-6c44-724e-828d-ecabb8f43c0b","passNumber":"BENCH-000019","expiryDate":"2028-07-05"},'
        b'"accessPointId":"01a20b5c-6768-7243-846d-cc0f5e516ec0","accessTime":"2026-11-24T02:24:16.840423Z",'
        b'"stale":false}'
    )

    async def verify(request: web.Request) -> web.Response:
        scan = decode(await request.read())
        keys.get(hashlib.sha256(scan.qrCode.encode()).digest()[:16])
        return web.Response(body=body, content_type="application/json")

    app.router.add_post("/api/v1/passes/verify", verify)
    return app


class Item:
    """What is left of GET /access-points/:id without the shell."""

    def __init__(self, url: str) -> None:
        self._settings = load_settings(database_url=url)
        self._pg: Pg | None = None

    async def get(self, request: web.Request) -> web.Response:
        if self._pg is None:
            self._pg = await Pg.open(self._settings, [Role.hub_api])
        async with self._pg.tenant(UUID(bytes=SCHOOL)) as tx:
            row = await tx.fetchrow(points["get_point"], UUID(request.match_info["id"]))
        assert row is not None
        return web.Response(body=msgspec.json.encode(point(row)), content_type="application/json")


async def echo(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(compress=False)
    await socket.prepare(request)
    async for message in socket:
        if message.type is WSMsgType.BINARY:
            await socket.send_bytes(message.data)
        elif message.type is WSMsgType.TEXT:
            await socket.send_str(message.data)
    return socket


async def tell_notifications(port: int, url: str) -> None:
    """A listener and nothing else, on a loop that has nothing else to do."""
    listener = await asyncpg.connect(url)
    hearers: list[asyncio.StreamWriter] = []

    def heard(*_: object) -> None:
        line = f"{time.time()!r}\n".encode()
        for hearer in hearers:
            if not hearer.transport.is_closing():
                hearer.write(line)

    await listener.add_listener("bench", heard)
    server = await asyncio.start_server(lambda _, writer: hearers.append(writer), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    if sys.argv[1] == "notify":
        uvloop.run(tell_notifications(int(sys.argv[2]), sys.argv[3]))
    uvloop.install()
    web.run_app(
        application(sys.argv[1], *sys.argv[3:]), host="127.0.0.1", port=int(sys.argv[2]), access_log=None, print=None
    )
