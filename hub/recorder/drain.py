"""Journal → access_logs and audit_logs: in order, each scan once, however often the way there is cut.

A batch is one transaction: COPY into a temporary table, then only the identities never seen go on (`scan_ids`). It
never sends a NOTIFY; uses of visitors' passes, which may, are counted in a transaction of their own. A batch that
PostgreSQL refuses because of its data is halved until the bad scans stand alone; those go to access_logs_rejected and
hold nobody up.

Concurrency: one task in the recorder's loop. Encoding goes in chunks, with a turn of the loop between them, so that
a commit never waits for a batch.
"""

from __future__ import annotations

import asyncio

import structlog

from hub.config import Settings
from hub.domain.ids import id_text
from hub.errors import StoreUnavailable
from hub.recorder import access_log, audit_log
from hub.recorder.backlog import Backlog
from hub.recorder.journal import Journal
from hub.recorder.wire import Amendment, Annulment, Entry, Merge
from hub.store.pg import Connection, is_data_fault, is_outage

log = structlog.get_logger(__name__)

COALESCE_SECONDS = 0.1
BACKOFF_SECONDS = (0.1, 0.2, 0.5, 1.0, 2.0)


class Drain:
    """The task. `drained` and `rejected` count since the start; `fault` says why it waits, None when it does not."""

    def __init__(self, settings: Settings, journal: Journal) -> None:
        self._settings = settings
        self._journal = journal
        self.backlog = Backlog(journal)
        self._wake = asyncio.Event()
        self._connection: Connection | None = None
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
                    if self._journal.behind:
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
        """One transaction of journal rows. How many scans and audit rows it held; 0 when there was nothing to do."""
        if not self.open:
            return 0
        batch = self.backlog.next(self._settings.drain_batch)
        if batch is None:
            return 0
        connection = await self._connected()
        recorder, opening = self._journal.recorder_id, self._journal.openings
        await self._write(connection, recorder, batch.scans, batch.rows, batch.later)
        await access_log.count_uses(connection, batch.scans, batch.later)
        await audit_log.insert(connection, batch.notes)
        self.fault = None
        self.drained += batch.recorded
        self.batches += 1
        # The journal may have failed, and been opened anew, while PostgreSQL was written to: then this goes again.
        if opening == self._journal.openings and self._is_open():
            self._journal.note_drained(batch.last_row, batch.recorded)
        return batch.size

    def _is_open(self) -> bool:
        return self.open

    async def _connected(self) -> Connection:
        if self._connection is None or self._connection.is_closed():
            self._connection = await access_log.open_connection(self._settings)
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
        later: list[Amendment | Merge | Annulment],
    ) -> None:
        try:
            async with connection.transaction():
                if scans:
                    await access_log.insert(connection, recorder, scans)
                for change in later:
                    await access_log.apply(connection, change)
                if scans:
                    await access_log.note_heads(connection, recorder, scans)
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
        later: list[Amendment | Merge | Annulment],
        error: Exception,
    ) -> None:
        """Halve until the scan that PostgreSQL refuses stands alone; changes to scans come after all of them, one by
        one, for it may be one of these that it refuses."""
        if scans and later:
            await self._write(connection, recorder, scans, rows, [])
        elif len(scans) == 1:
            log.error("PostgreSQL refused a scan; `passhub rejected` lists it", journal_row=rows[0], error=str(error))
            await access_log.reject(connection, recorder, rows[0], access_log.Refused(*scans[0]), error)
            await access_log.note_heads(connection, recorder, scans)
            self.rejected += 1
        elif scans:
            middle = len(scans) // 2
            await self._write(connection, recorder, scans[:middle], rows[:middle], [])
            await self._write(connection, recorder, scans[middle:], rows[middle:], [])
        elif len(later) == 1:
            scan = id_text(later[0].scan_id)
            log.error("a change to a recorded scan was refused", scan=scan, error=str(error))
            self.rejected += 1
            return
        for change in later:
            await self._write(connection, recorder, [], [], [change])
