"""Journal → access_logs: in order, each scan once, however often the way there is cut.

A batch is one transaction: COPY into a temporary table, then only the identities never seen go on (`scan_ids`). It
never sends a NOTIFY. A batch that PostgreSQL refuses because of its data is halved until the bad scans stand alone;
those go to access_logs_rejected and hold nobody up.

Concurrency: one task in the recorder's loop. Encoding goes in chunks, with a turn of the loop between them, so that
a commit never waits for a batch.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import msgspec
import structlog

from hub.config import Settings
from hub.domain.verdict import REASON_TEXT, status_text
from hub.errors import StoreUnavailable
from hub.recorder import copying
from hub.recorder.backlog import Backlog
from hub.recorder.journal import Journal
from hub.recorder.wire import Amendment, Entry, Merge
from hub.store.pg import Connection, Role, connect, is_data_fault, is_outage
from hub.store.queries import load_queries

log = structlog.get_logger(__name__)
queries = load_queries("hub.recorder")

COALESCE_SECONDS = 0.1
BACKOFF_SECONDS = (0.1, 0.2, 0.5, 1.0, 2.0)


class _SomeKnown(Exception):
    """Some staged scans were in the log before: a drain that was cut, or a replay of an old scan."""


class Drain:
    """The task. `drained` and `rejected` count since the start; `fault` says why it waits, None when it does not."""

    def __init__(self, settings: Settings, journal: Journal) -> None:
        self._settings = settings
        self._journal = journal
        self.backlog = Backlog(journal)
        self._wake = asyncio.Event()
        self._connection: Connection | None = None
        self._stopping = False
        self.drained = 0
        self.rejected = 0
        self.batches = 0
        self.fault: str | None = None
        self.open = False

    def wake(self) -> None:
        """There is something in the journal."""
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled. An outage is waited out; anything else surfaces."""
        attempt = 0
        try:
            while True:
                await self._wake.wait()
                await asyncio.sleep(COALESCE_SECONDS)
                self._wake.clear()
                try:
                    # While scans stream in there is always something more: only a backlog is taken without a pause.
                    while await self.drain_batch() >= self._settings.drain_batch // 2:
                        attempt = 0
                    attempt = 0
                    if self._journal.waiting:
                        self._wake.set()
                except Exception as error:
                    if not (isinstance(error, StoreUnavailable | OSError | TimeoutError) or is_outage(error)):
                        log.exception("drain failed; trying again")
                    self.fault = str(error) or type(error).__name__
                    await self._disconnect()
                    self._wake.set()
                    await asyncio.sleep(BACKOFF_SECONDS[min(attempt, len(BACKOFF_SECONDS) - 1)])
                    attempt += 1
        finally:
            await self._disconnect()

    async def drain_batch(self) -> int:
        """One transaction of journal rows. How many scans it held; 0 when there was nothing to do."""
        if not self.open:
            return 0
        batch = self.backlog.next(self._settings.drain_batch)
        if batch is None:
            return 0
        connection = await self._connected()
        recorder = self._journal.recorder_id
        await self._write(connection, recorder, batch.scans, batch.rows, batch.later)
        self.fault = None
        self.drained += batch.recorded
        self.batches += 1
        if recorder == self._journal.recorder_id and self._still_open():
            self._journal.note_drained(batch.last_row, batch.recorded)
        return batch.recorded

    def _still_open(self) -> bool:
        """The journal may have failed, and been opened anew, while PostgreSQL was written to."""
        return self.open

    async def _connected(self) -> Connection:
        if self._connection is None or self._connection.is_closed():
            connection = await connect(self._settings, Role.hub_system)
            self._connection = connection
            # Times go as they are: a datetime would be rounded, and year 1's first moment is -infinity to asyncpg.
            await connection.set_type_codec(
                "timestamptz", schema="pg_catalog", encoder=_since_2000, decoder=tuple, format="tuple"
            )
            await connection.execute(queries["create_stage"])
        return self._connection

    async def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def _write(
        self,
        connection: Connection,
        recorder: bytes,
        scans: list[tuple[Entry, int]],
        rows: list[int],
        later: list[Amendment | Merge],
    ) -> None:
        try:
            async with connection.transaction():
                if scans:
                    await self._insert(connection, recorder, scans)
                for change in later:
                    await self._apply(connection, change)
        except Exception as error:
            if not is_data_fault(error):
                raise
            await self._split(connection, recorder, scans, rows, later, error)

    async def _split(
        self,
        connection: Connection,
        recorder: bytes,
        scans: list[tuple[Entry, int]],
        rows: list[int],
        later: list[Amendment | Merge],
        error: Exception,
    ) -> None:
        """Halve until the scan that PostgreSQL refuses stands alone; changes to scans come after all of them."""
        if len(scans) == 1:
            await self._reject(connection, recorder, scans[0][0], rows[0], error)
        elif scans:
            middle = len(scans) // 2
            await self._write(connection, recorder, scans[:middle], rows[:middle], [])
            await self._write(connection, recorder, scans[middle:], rows[middle:], [])
        elif len(later) == 1:
            log.error("a change to a recorded scan was refused", change=later[0], error=str(error))
            self.rejected += 1
            return
        for change in later:
            await self._write(connection, recorder, [], [], [change])

    async def _insert(self, connection: Connection, recorder: bytes, scans: list[tuple[Entry, int]]) -> None:
        await connection.copy_to_table("drain_stage", source=_chunks(scans, recorder), format="binary")
        try:
            async with connection.transaction():
                claimed = await connection.execute(queries["claim_all"])
                if claimed != f"INSERT 0 {len(scans)}":
                    raise _SomeKnown  # noqa: TRY301 - what rolls the savepoint back
                await connection.execute(queries["add_staged"])
        except _SomeKnown:
            await connection.execute(queries["add_new_scans"])
        if any(entry.report is not None for entry, _ in scans):
            await connection.execute(queries["merge_replays_of_known_scans"])

    async def _apply(self, connection: Connection, change: Amendment | Merge) -> None:
        where = (change.access_time, UUID(bytes=change.scan_id), UUID(bytes=change.device))
        if isinstance(change, Amendment):
            await connection.execute(queries["amend"], *where, status_text(change.code), REASON_TEXT[change.code])
            return
        report = change.report
        status = "granted" if report.granted else "denied"
        await connection.execute(
            queries["merge"], *where, status, report.reason, report.at, report.skew_ms, change.conflict
        )

    async def _reject(self, connection: Connection, recorder: bytes, entry: Entry, row: int, error: Exception) -> None:
        log.error("PostgreSQL refused a scan; kept in access_logs_rejected", journal_row=row, error=str(error))
        await connection.execute(
            queries["reject"], UUID(bytes=recorder), row, msgspec.msgpack.encode(entry), str(error)
        )
        self.rejected += 1


def _since_2000(micros: int) -> tuple[int]:
    """Microseconds since 1970 as PostgreSQL's timestamptz."""
    return (micros - copying.EPOCH_2000,)


async def _chunks(scans: list[tuple[Entry, int]], recorder: bytes) -> AsyncIterator[bytes]:
    for chunk in copying.stream(scans, recorder):
        yield chunk
        await asyncio.sleep(0)
