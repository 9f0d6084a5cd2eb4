"""The worker's end for annulments: on disk before anybody is told so, whether PostgreSQL is there or not.

What was not answered when the recorder died is sent again to the next one; a scan that is annulled twice is annulled
once. Nothing here is on the path of a scan.
"""

from __future__ import annotations

import asyncio

import msgspec

from hub.control.framing import pack
from hub.errors import JournalError
from hub.recorder.wire import Annul, Annulled

MOST_WAITING = 1_000


class Annulments:
    """Part of a RecorderClient, which tells it of the connection and hands it what the recorder says."""

    def __init__(self, timeout_ms: int) -> None:
        self._timeout = timeout_ms / 1000
        self._sequence = 0
        self._outstanding: dict[int, tuple[Annul, asyncio.Future[Annulled]]] = {}
        self._transport: asyncio.WriteTransport | None = None

    async def ask(self, asked: Annul) -> Annulled:
        """What became of it. Raises JournalError when it is not known to be on disk within the journal's timeout; it
        may be kept nevertheless, and asking again does no harm."""
        if len(self._outstanding) >= MOST_WAITING:
            raise JournalError("too many annulments wait for the journal")
        self._sequence += 1
        own = msgspec.structs.replace(asked, seq=self._sequence)
        answer: asyncio.Future[Annulled] = asyncio.get_running_loop().create_future()
        self._outstanding[own.seq] = (own, answer)
        if self._transport is not None:
            self._transport.write(pack(own))
        try:
            async with asyncio.timeout(self._timeout):
                annulled = await asyncio.shield(answer)
        except TimeoutError:
            raise JournalError("the journal did not keep the annulment in time") from None
        if annulled.fault is not None:
            raise JournalError(annulled.fault)
        return annulled

    def connected_to(self, transport: asyncio.WriteTransport) -> None:
        """A recorder is there: send again what the last one did not answer."""
        self._transport = transport
        for asked, _ in self._outstanding.values():
            transport.write(pack(asked))

    def disconnected(self) -> None:
        self._transport = None

    def hear(self, annulled: Annulled) -> None:
        """What became of one."""
        _, answer = self._outstanding.pop(annulled.seq)
        answer.set_result(annulled)
