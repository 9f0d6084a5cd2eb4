"""TLS 1.3: spoken when there is a certificate, renewed while connections go on, refused when it cannot be read."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from aiohttp import ClientError
from cryptography import x509

from hub.config import Settings, load_settings
from hub.errors import StartError
from hub.rest.tls import Tls
from tests.certificates import write_pair
from tests.integration.gate.place import furnish, recorder_running, worker_running


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while line := await reader.readline():
        writer.write(line)
    writer.close()


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[tuple[Tls, int]]:
    tls = Tls(*write_pair(tmp_path, "one"))
    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=tls.context)
    yield tls, server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()


async def dial(port: int, **limits: ssl.TLSVersion) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, str]:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    for name, value in limits.items():
        setattr(context, name, value)
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    name = x509.load_der_x509_certificate(der).subject.rfc4514_string()
    return reader, writer, name


async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, text: bytes) -> bytes:
    writer.write(text)
    return await reader.readline()


async def test_a_new_certificate_is_used_and_open_connections_go_on(served: tuple[Tls, int], tmp_path: Path) -> None:
    tls, port = served
    reader, writer, name = await dial(port)
    assert name == "CN=one"
    assert writer.get_extra_info("ssl_object").version() == "TLSv1.3"
    assert tls.look() is False
    write_pair(tmp_path, "two")
    assert tls.look() is True
    assert await say(reader, writer, b"still here\n") == b"still here\n"
    _, newer, name = await dial(port)
    assert name == "CN=two"
    for open_one in (writer, newer):
        open_one.close()
        await open_one.wait_closed()


async def test_a_broken_new_certificate_leaves_the_old_one(served: tuple[Tls, int], tmp_path: Path) -> None:
    tls, port = served
    (tmp_path / "cert.pem").write_text("not a certificate")
    assert tls.look() is False
    _, writer, name = await dial(port)
    assert name == "CN=one"
    writer.close()
    await writer.wait_closed()


async def test_older_versions_are_refused(served: tuple[Tls, int]) -> None:
    with pytest.raises((ssl.SSLError, ConnectionResetError)):
        await dial(served[1], maximum_version=ssl.TLSVersion.TLSv1_2)


async def test_a_worker_with_a_certificate_speaks_tls_alone(
    database: str, settings: Callable[..., Settings], tmp_path: Path
) -> None:
    cert, key = write_pair(tmp_path, "hub")
    own = settings(shutdown_timeout=0.2, workers=1, tls_cert=cert, tls_key=key)
    async with recorder_running(own), worker_running(own, await furnish(database)) as gate:
        async with gate.http.get(f"https://127.0.0.1:{gate.port}/health/live", ssl=False) as response:
            assert response.status == 200
            assert "max-age" in response.headers["Strict-Transport-Security"]
        with pytest.raises(ClientError):
            await gate.http.get(f"http://127.0.0.1:{gate.port}/health/live")


def test_a_pair_that_cannot_be_used_stops_the_start(tmp_path: Path) -> None:
    cert, key = write_pair(tmp_path, "one")
    (tmp_path / "other").mkdir()
    _, other = write_pair(tmp_path / "other", "two")
    empty = tmp_path / "empty.pem"
    empty.write_text("")
    for bad, words in (
        ((cert, tmp_path / "gone.pem"), "there is no .*gone.pem"),
        ((cert, other), "is not the key of"),
        ((empty, key), "is no PEM file"),
    ):
        with pytest.raises(StartError, match=words):
            Tls(*bad)


def test_a_certificate_without_its_key_is_no_setting(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="HUB_TLS_KEY"):
        Tls.of(load_settings(tls_cert=tmp_path / "cert.pem"))
    assert Tls.of(load_settings()) is None
