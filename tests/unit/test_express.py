"""The short way of a question: what takes it, what does not, and that nobody can tell from the answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from multidict import CIMultiDictProxy

from hub.rest.express import Ask, Express
from hub.rest.protocol import Runner

BODY = b'{"qrCode":"SP1:1"}'
PATIENCE = 30.0


def asked(body: bytes = BODY, path: str = "/ask", head: bytes = b"", version: bytes = b"1.1") -> bytes:
    length = b"" if b"chunked" in head else b"Content-Length: %d\r\n" % len(body)
    return b"POST %b HTTP/%b\r\nHost: x\r\n%b%b\r\n%b" % (path.encode(), version, length, head, body)


def whole(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


class Hub:
    """A server with a question at /ask. It says which way each took: `short` or `long`, then the body."""

    def __init__(self) -> None:
        self.open = True
        #: What the short way is told: True, False, or to wait until `answer_all`.
        self.takes = True
        self.waits = False
        self.own: Ask | None = None
        self.waiting: list[Callable[[], None]] = []
        self.came = asyncio.Event()
        self.counted: list[int] = []
        self.ways: list[str] = []
        self.port = 0

    def ask(self, headers: CIMultiDictProxy[str], body: bytes, answer: Callable[[bytes], None]) -> bool:
        if self.own is not None:
            return self.own(headers, body, answer)
        if not self.takes:
            return False
        self.ways.append("short")
        if self.waits:
            self.waiting.append(lambda: answer(whole(b"short " + body)))
            self.came.set()
        else:
            answer(whole(b"short " + body))
        return True

    async def handler(self, request: web.Request) -> web.Response:
        self.ways.append("long")
        return web.Response(body=b"long " + await request.read())

    def answer_all(self) -> None:
        waiting, self.waiting = self.waiting, []
        self.came.clear()
        for one in waiting:
            one()


@asynccontextmanager
async def serving(body_max_bytes: int = 8_000) -> AsyncIterator[Hub]:
    hub = Hub()
    app = web.Application()
    app.router.add_post("/ask", hub.handler)
    app.router.add_get("/other", hub.handler)
    express = Express(
        "POST", "/ask", body_max_bytes, hub.ask, lambda: hub.open, lambda status, seconds: hub.counted.append(status)
    )
    runner = Runner(app, {}, express, access_log=None, handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    hub.port = runner.addresses[0][1]
    try:
        yield hub
    finally:
        await runner.cleanup()


class Client:
    """A raw connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, *pieces: bytes) -> None:
        """Each piece by itself, as far as that can be had: joined by TCP they would be answered the same."""
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()
            await asyncio.sleep(0.02)

    async def answer(self) -> tuple[int, bytes]:
        head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), PATIENCE)
        lines = head.decode().lower().split("\r\n")
        length = next(int(line.partition(":")[2]) for line in lines if line.startswith("content-length:"))
        return int(lines[0].split()[1]), await self.reader.readexactly(length)


@asynccontextmanager
async def connected(hub: Hub) -> AsyncIterator[Client]:
    """A client whose connection has had its first answer: from then on the server waits for requests."""
    reader, writer = await asyncio.open_connection("127.0.0.1", hub.port)
    client = Client(reader, writer)
    try:
        await client.send(b"GET /other HTTP/1.1\r\nHost: x\r\n\r\n")
        assert await client.answer() == (200, b"long ")
        hub.ways.clear()
        yield client
    finally:
        writer.close()


async def test_a_whole_question_takes_the_short_way_and_is_counted() -> None:
    async with serving() as hub, connected(hub) as client:
        for number in range(3):
            await client.send(asked(b"%d" % number))
            assert await client.answer() == (200, b"short %d" % number)
        assert (hub.ways, hub.counted) == (["short"] * 3, [200] * 3)


@pytest.mark.parametrize(
    "sent",
    [
        asked(path="/ask?x=1"),
        asked(path="/ask#x"),
        asked(head=b"Connection: close\r\n"),
        asked(version=b"1.0"),
        asked(head=b"Expect: 100-continue\r\n"),
        asked(head=b"Connection: upgrade\r\nUpgrade: websocket\r\n"),
        asked(b"x" * 8_001),
        asked(b""),
    ],
    ids=["query", "fragment", "close", "http10", "expect", "upgrade", "large", "empty"],
)
async def test_what_is_odd_takes_the_long_way(sent: bytes) -> None:
    async with serving() as hub, connected(hub) as client:
        await client.send(sent)
        if b"Expect" in sent:
            assert (await asyncio.wait_for(client.reader.readuntil(b"\r\n\r\n"), PATIENCE)).startswith(b"HTTP/1.1 100")
        status, body = await client.answer()
        assert status == 200
        assert body.startswith(b"long ")
        assert hub.ways == ["long"]


async def test_what_is_compressed_is_not_taken_for_what_it_says() -> None:
    async with serving() as hub, connected(hub) as client:
        await client.send(asked(b"not gzip", head=b"Content-Encoding: gzip\r\n"))
        assert (await client.answer())[0] == 400
        assert "short" not in hub.ways


async def test_chunks_that_are_all_there_are_one_body() -> None:
    async with serving() as hub, connected(hub) as client:
        chunks = b"2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n"
        await client.send(asked(chunks, head=b"Transfer-Encoding: chunked\r\n"))
        assert await client.answer() == (200, b"short abcde")


@pytest.mark.parametrize("cut", [5, len(asked()) - len(BODY), len(asked()) - 3])
async def test_a_question_in_pieces_is_answered_all_the_same(cut: int) -> None:
    async with serving() as hub, connected(hub) as client:
        await client.send(asked()[:cut], asked()[cut:])
        status, body = await client.answer()
        assert (status, body.partition(b" ")[2]) == (200, BODY)


async def test_what_is_declined_reaches_the_handler_with_its_body() -> None:
    async with serving() as hub, connected(hub) as client:
        hub.takes = False
        await client.send(asked())
        assert await client.answer() == (200, b"long " + BODY)
        hub.takes = True
        await client.send(asked())
        assert await client.answer() == (200, b"short " + BODY)


async def test_what_fails_on_the_short_way_is_the_handlers_to_answer() -> None:
    def fail(*_: Any) -> bool:
        raise RuntimeError("the test breaks it")

    async with serving() as hub, connected(hub) as client:
        hub.own = fail
        await client.send(asked())
        assert await client.answer() == (200, b"long " + BODY)
        hub.own = None
        await client.send(asked())
        assert await client.answer() == (200, b"short " + BODY)


async def test_a_worker_that_makes_way_takes_the_long_way() -> None:
    async with serving() as hub, connected(hub) as client:
        hub.open = False
        await client.send(asked())
        assert await client.answer() == (200, b"long " + BODY)


async def test_answers_come_in_the_order_of_the_questions() -> None:
    async with serving() as hub, connected(hub) as client:
        hub.waits = True
        await client.send(asked(b"0"))
        await asyncio.wait_for(hub.came.wait(), PATIENCE)
        # All behind the one that is out: a question, another address, two at once, and half of one.
        await client.send(
            asked(b"1"), b"GET /other HTTP/1.1\r\nHost: x\r\n\r\n", asked(b"2") + asked(b"3"), asked()[:9]
        )
        assert hub.ways == ["short"]
        hub.waits = False
        hub.answer_all()
        told = [await client.answer() for _ in range(5)]
        assert [(status, body.partition(b" ")[2]) for status, body in told] == [
            (200, text) for text in (b"0", b"1", b"", b"2", b"3")
        ]
        await client.send(asked()[9:])
        assert (await client.answer())[1].endswith(BODY)
        await client.send(asked())
        assert await client.answer() == (200, b"short " + BODY), "and then it is as before"


async def test_two_at_once_are_both_answered_in_order() -> None:
    async with serving() as hub, connected(hub) as client:
        await client.send(asked(b"0") + asked(b"1"))
        assert [(await client.answer())[1][-1:] for _ in range(2)] == [b"0", b"1"]


async def test_garbage_behind_a_question_does_not_cost_its_answer() -> None:
    async with serving() as hub, connected(hub) as client:
        hub.waits = True
        await client.send(asked(), b"\x16\x03\x01 no HTTP at all\r\n\r\n")
        assert hub.ways == ["short"]
        hub.answer_all()
        assert await client.answer() == (200, b"short " + BODY)
        assert (await client.answer())[0] == 400
        assert await asyncio.wait_for(client.reader.read(), PATIENCE) == b""


async def test_an_answer_for_who_is_gone_is_dropped(caplog: pytest.LogCaptureFixture) -> None:
    async with serving() as hub:
        async with connected(hub) as client:
            hub.waits = True
            await client.send(asked())
            await asyncio.wait_for(hub.came.wait(), PATIENCE)
        await client.writer.wait_closed()
        async with connected(hub) as other:
            hub.answer_all()
            hub.waits = False
            await other.send(asked())
            assert await other.answer() == (200, b"short " + BODY)
    assert not [record for record in caplog.records if record.levelname in {"WARNING", "ERROR"}]


async def test_who_asks_and_does_not_listen_is_cut_off() -> None:
    large = whole(b"x" * 1_000_000)

    def ask(*given: Any) -> bool:
        given[2](large)
        return True

    async with serving() as hub, connected(hub) as client:
        hub.own = ask
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        async with asyncio.timeout(PATIENCE):
            while not client.writer.is_closing():
                client.writer.write(asked())
                await asyncio.sleep(0.01)


async def test_the_end_of_the_server_ends_a_connection_with_a_question_out() -> None:
    async with serving() as hub, connected(hub) as client:
        hub.waits = True
        await client.send(asked())
        await asyncio.wait_for(hub.came.wait(), PATIENCE)
        left: Any = client
    assert await asyncio.wait_for(left.reader.read(), PATIENCE) == b""
    hub.answer_all()
