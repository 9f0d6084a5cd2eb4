"""Where events of the past are read: from the host's recorder (its memory, its journal), else from PostgreSQL."""

from __future__ import annotations

import asyncio
from uuid import UUID

import structlog

from hub.domain.clock import moment
from hub.errors import StoreUnavailable
from hub.live.events import Scan
from hub.live.stream import Run, run_of
from hub.live.tally import Before
from hub.recorder.client import RecorderClient
from hub.recorder.wire import Fetch, Fetched
from hub.store.pg import InterfaceError, Pg, PostgresError, Record
from hub.store.queries import load_queries

log = structlog.get_logger(__name__)

#: The log cannot be read now: it is away, or a statement was cut off because something else holds it up.
UNREADABLE = (StoreUnavailable, PostgresError, InterfaceError, OSError, TimeoutError)
queries = load_queries("hub.live")
ANSWER_SECONDS = 5.0


class Log:
    """access_logs, read as hub_system."""

    def __init__(self, pg: Pg) -> None:
        self._pg = pg

    async def heads(self, schools: list[bytes]) -> dict[bytes, dict[bytes, int]]:
        """School → recorder → the number up to which the log is complete. Raises StoreUnavailable."""
        found: dict[bytes, dict[bytes, int]] = {school: {} for school in schools}
        async with self._pg.system() as tx:
            for row in await tx.fetch(queries["stream_heads"], [UUID(bytes=school) for school in schools]):
                found[row["school_id"].bytes][row["recorder_id"].bytes] = row["stream_seq"]
        return found

    async def fetch(self, school: bytes, recorder: bytes, first: int, until: int) -> Run:
        """What the log has of the range. The head is read before the rows: up to it none is missing."""
        where = (UUID(bytes=recorder), UUID(bytes=school))
        async with self._pg.system() as tx:
            head = await tx.fetchval(queries["stream_head"], where[1], where[0])
            reached = min(until, (head or 0) + 1)
            if reached <= first:
                return Run([], first)
            rows = await tx.fetch(queries["events_of_stream"], *where, first, reached)
        return Run([(row["stream_seq"], _scan(row)) for row in rows], reached)

    async def before(
        self, school: bytes, since: int, minutes_since: int, starts: dict[bytes, int]
    ) -> tuple[list[Before], dict[bytes, int]]:
        """How many scans doors had before the streams' first numbers, and when readers were heard last."""
        where = UUID(bytes=school)
        recorders = [UUID(bytes=recorder) for recorder in starts]
        times = moment(min(since, minutes_since)), moment(minutes_since)
        async with self._pg.system() as tx:
            rows = await tx.fetch(queries["scans_before"], where, *times, recorders, list(starts.values()))
            heard = await tx.fetch(queries["readers_heard"], where)
        before = [
            Before(row["access_point_id"].bytes, row["minute"], row["granted"], row["denied"], row["last"])
            for row in rows
        ]
        return before, {row["access_point_id"].bytes: row["heard"] for row in heard}


def _scan(row: Record) -> Scan:
    pass_id, student_id = row["pass_id"], row["student_id"]
    return Scan(
        row["id"].bytes,
        row["access_point_id"].bytes,
        row["at"],
        row["status"] == "granted",
        row["reason"],
        row["access_type"],
        row["lookup_key"] or b"",
        None if pass_id is None else pass_id.bytes,
        None if student_id is None else student_id.bytes,
        row["stale"],
        row["offline"],
        row["amends"],
        row["annulled"],
    )


class Past:
    """hub.live.stream.Sources: asks whoever has it. What cannot be had now is an empty Run."""

    def __init__(self, recorder: RecorderClient, log: Log) -> None:
        self._recorder = recorder
        self._log = log
        self._asks: dict[int, asyncio.Future[Fetched]] = {}
        self._count = 0

    async def fetch(self, school: bytes, recorder: bytes, first: int, until: int) -> Run:
        run = Run([], first)
        if recorder == self._recorder.recorder_id and self._recorder.connected:
            run = await self._ask(school, recorder, first, until)
            if run.scans:
                return run
        try:
            logged = await self._log.fetch(school, recorder, first, until)
        except UNREADABLE as error:
            log.debug("events of the past cannot be read now", error=str(error))
            return run
        return logged if logged.reached > first else run

    def nobody_answers(self) -> None:
        """The recorder that was asked is gone, and another will not answer for it."""
        for number in list(self._asks):
            self.hear(Fetched(number, []))

    def hear(self, fetched: Fetched) -> None:
        """The recorder's answer."""
        future = self._asks.pop(fetched.ask, None)
        if future is not None and not future.done():
            future.set_result(fetched)

    async def _ask(self, school: bytes, recorder: bytes, first: int, until: int) -> Run:
        self._count += 1
        number = self._count
        future = self._asks[number] = asyncio.get_running_loop().create_future()
        try:
            self._recorder.send(Fetch(number, school, first, until, recorder))
            async with asyncio.timeout(ANSWER_SECONDS):
                fetched = await future
        except TimeoutError:
            return Run([], first)
        finally:
            self._asks.pop(number, None)
        return run_of(first, fetched.entries) if fetched.entries else Run([], max(first, fetched.reached))
