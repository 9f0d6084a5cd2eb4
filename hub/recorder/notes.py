"""The worker's end for audit rows: on disk before the answer that they tell of, in the commit that scans are in.

Rows of one loop turn go as one note. What was not acknowledged when the recorder died is sent again to the next one; a
row that is journaled twice is logged once. Nothing here is on the path of a scan.

Concurrency: one loop. Memory: at most `backlog` rows wait for a recorder that is away; more are refused.
"""

from __future__ import annotations

import asyncio

from hub.control.framing import pack
from hub.domain.audit_row import AuditRow
from hub.errors import JournalError
from hub.recorder.wire import Note, Noted


class Notes:
    """Part of a RecorderClient, which tells it of the connection and hands it what the recorder says."""

    def __init__(self, timeout_ms: int, backlog: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._timeout = timeout_ms / 1000
        self._backlog = backlog
        self._sequence = 0
        self._rows: list[AuditRow] = []
        self._kept: asyncio.Future[None] = self._loop.create_future()
        self._outstanding: dict[int, tuple[Note, asyncio.Future[None]]] = {}
        self._waiting = 0
        self._transport: asyncio.WriteTransport | None = None

    async def keep(self, row: AuditRow) -> None:
        """Returns once the row is on disk. Raises JournalError when it is not known to be within the journal's timeout.

        It may be kept nevertheless, which then tells of a read that was not answered.
        """
        if self._waiting >= self._backlog:
            raise JournalError("too many audit rows wait for the journal")
        if not self._rows:
            self._loop.call_soon(self._flush)
        self._rows.append(row)
        self._waiting += 1
        try:
            async with asyncio.timeout(self._timeout):
                await asyncio.shield(self._kept)
        except TimeoutError:
            raise JournalError("the journal did not keep an audit row in time") from None

    def _flush(self) -> None:
        self._sequence += 1
        note = Note(self._sequence, self._rows)
        self._outstanding[note.seq] = (note, self._kept)
        self._rows, self._kept = [], self._loop.create_future()
        if self._transport is not None:
            self._transport.write(pack(note))

    def connected_to(self, transport: asyncio.WriteTransport) -> None:
        """A recorder is there: send again what the last one did not acknowledge."""
        self._transport = transport
        for note, _ in self._outstanding.values():
            transport.write(pack(note))

    def disconnected(self) -> None:
        self._transport = None

    def hear(self, noted: Noted) -> None:
        """What became of a note."""
        note, kept = self._outstanding.pop(noted.seq)
        self._waiting -= len(note.rows)
        if noted.fault is None:
            kept.set_result(None)
        else:
            kept.set_exception(JournalError(noted.fault))
            kept.exception()  # whoever waited may be gone
