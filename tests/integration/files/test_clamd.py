"""clamd itself: asked over TCP and over a unix socket, killed, silent, and not clamd at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from hub.config import load_settings
from hub.errors import SettingsError
from hub.store.clamd import Clamd, ClamdAway
from tests.clamd import EICAR, ClamdProcess


@pytest.fixture(params=["unix", "tcp"])
def scanner(request: pytest.FixtureRequest) -> Iterator[ClamdProcess]:
    with ClamdProcess(tcp=request.param == "tcp") as running:
        yield running


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def test_it_finds_what_is_split_and_buried(scanner: ClamdProcess) -> None:
    clamd = Clamd(scanner.url, 10)
    assert await clamd.scan(chunks(b"nothing")) is None
    assert await clamd.scan(chunks()) is None
    assert await clamd.scan(chunks(EICAR)) == "Hub.Eicar-Test.UNOFFICIAL"
    assert await clamd.scan(chunks(bytes(300_000), EICAR[:20], b"", EICAR[20:])) == "Hub.Eicar-Test.UNOFFICIAL"
    assert (await clamd.version()).startswith("ClamAV")


async def test_more_than_it_takes_is_no_verdict(scanner: ClamdProcess) -> None:
    with pytest.raises(ClamdAway):
        await Clamd(scanner.url, 10).scan(chunks(*[bytes(2**20)] * 8))


async def test_killed_it_is_away_and_back_when_it_is(scanner: ClamdProcess) -> None:
    clamd = Clamd(scanner.url, 10)
    scanner.kill()
    with pytest.raises(ClamdAway):
        await clamd.scan(chunks(b"x"))
    scanner.start()
    assert await clamd.scan(chunks(b"x")) is None


async def test_killed_in_the_middle_it_is_away(scanner: ClamdProcess) -> None:
    async def kill() -> AsyncIterator[bytes]:
        yield bytes(100_000)
        await asyncio.to_thread(scanner.kill)
        yield bytes(100_000)
        yield EICAR

    with pytest.raises(ClamdAway):
        await Clamd(scanner.url, 10).scan(kill())


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"", b"stream: what? ERROR\0", None])
async def test_what_is_no_clamd_gives_no_verdict(answer: bytes | None) -> None:
    done = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        if answer is None:
            await done.wait()
        else:
            writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    clamd = Clamd(f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}", 0.3)
    with pytest.raises(ClamdAway):
        await clamd.scan(chunks(b"x"))
    with pytest.raises(ClamdAway):
        await clamd.version()
    done.set()
    server.close()


@pytest.mark.parametrize("url", ["clamd:3310", "tcp://host", "tcp://host:x", "unix://a/b", "http://h:1"])
def test_an_address_that_is_none_stops_the_start(url: str) -> None:
    with pytest.raises(SettingsError, match="HUB_CLAMD_URL"):
        load_settings(clamd_url=url)
