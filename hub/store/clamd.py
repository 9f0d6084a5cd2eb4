"""clamd, which looks for viruses: one file a connection, over TCP or a unix socket."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterable, AsyncIterator
from urllib.parse import unquote, urlsplit

from hub.errors import HubError

LENGTH = 4
_LONGEST_ANSWER = 4096


class ClamdAway(HubError):
    """It does not answer, or not with a verdict: nothing is known of the file."""

    status = 503
    code = "unavailable"


class Clamd:
    """`url`: tcp://host:port or unix:///path; `timeout`: seconds for a file, all in all."""

    def __init__(self, url: str, timeout: float) -> None:
        self._parts = urlsplit(url)
        self._timeout = timeout

    async def scan(self, chunks: AsyncIterable[bytes]) -> str | None:
        """The name of what was found, or None. Raises ClamdAway."""
        async with self._connected() as (reader, writer):
            writer.write(b"zINSTREAM\0")
            try:
                async for chunk in chunks:
                    if chunk:
                        writer.write(len(chunk).to_bytes(LENGTH, "big") + chunk)
                        await writer.drain()
                writer.write(bytes(LENGTH))
                await writer.drain()
            except ConnectionError:
                # It has said why, and left: more than its StreamMaxLength.
                raise ClamdAway(f"clamd takes no more: {await _answer(reader) or 'it has left'}") from None
            return _verdict(await _answer(reader))

    async def version(self) -> str:
        """Of the program and its signatures. Raises ClamdAway."""
        async with self._connected() as (reader, writer):
            writer.write(b"zVERSION\0")
            answer = await _answer(reader)
        if not answer.startswith("ClamAV"):
            raise ClamdAway("what answers there is no clamd")
        return answer

    @contextlib.asynccontextmanager
    async def _connected(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        writer = None
        try:
            async with asyncio.timeout(self._timeout):
                reader, writer = await self._open()
                yield reader, writer
        except (OSError, TimeoutError, asyncio.LimitOverrunError) as error:
            raise ClamdAway(f"clamd does not answer: {getattr(error, 'strerror', None) or 'no word'}") from error
        finally:
            if writer is not None:
                writer.transport.abort()

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._parts.scheme == "unix":
            return await asyncio.open_unix_connection(unquote(self._parts.path))
        return await asyncio.open_connection(self._parts.hostname, self._parts.port)


async def _answer(reader: asyncio.StreamReader) -> str:
    answer = bytearray()
    with contextlib.suppress(ConnectionError):
        while len(answer) < _LONGEST_ANSWER and (piece := await reader.read(_LONGEST_ANSWER)):
            answer += piece
            if piece.endswith(b"\0"):
                break
    return answer.rstrip(b"\0\n").decode("utf-8", "replace")


def _verdict(answer: str) -> str | None:
    """Raises ClamdAway for anything that is no verdict."""
    if answer == "stream: OK":
        return None
    if answer.startswith("stream: ") and answer.endswith(" FOUND"):
        return answer.removeprefix("stream: ").removesuffix(" FOUND")
    raise ClamdAway(f"clamd says no verdict: {answer[:200] or 'nothing'}")
