"""When each door's reader was heard last, in PostgreSQL: what is asked when no worker has its connection any more.

Written every ten seconds for all devices of a worker in one statement, and at once when a connection ends. A worker
that is killed writes nothing more; then the time tells.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any
from uuid import UUID

import structlog

from hub.domain.clock import moment
from hub.errors import StoreUnavailable
from hub.gate.connections import Connections, Place
from hub.store.pg import InterfaceError, Pg, PostgresError
from hub.store.queries import load_queries

log = structlog.get_logger(__name__)
Q = load_queries("hub.gate")

WRITE_SECONDS = 10.0
AWAY = (StoreUnavailable, PostgresError, InterfaceError, OSError, TimeoutError)


class Presence:
    """`run()` until cancelled. While PostgreSQL is away only the newest word on each door is kept."""

    def __init__(self, connections: Connections, pg: Pg) -> None:
        self._connections = connections
        self._pg = pg
        self._gone: dict[bytes, tuple[Any, ...]] = {}
        self._wake = asyncio.Event()
        connections.on_gone = self._note_end

    async def run(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(WRITE_SECONDS):
                    await self._wake.wait()
            self._wake.clear()
            try:
                await self.write()
            except AWAY as error:
                log.debug("when readers were heard is not written now", error=str(error))
                await asyncio.sleep(WRITE_SECONDS)

    async def write(self) -> None:
        """What there is now."""
        gone, self._gone = self._gone, {}
        rows = gone | {place.connection.point.id: _row(place) for place in self._connections.devices()}
        if not rows:
            return
        try:
            async with self._pg.system() as tx:
                await tx.execute(Q.note_readers, *map(list, zip(*rows.values(), strict=True)))
        except AWAY:
            self._gone = gone | self._gone
            raise

    def _note_end(self, place: Place) -> None:
        row = _row(place)
        self._gone[place.connection.point.id] = (*row[:-1], row[-2])
        self._wake.set()


def _row(place: Place) -> tuple[Any, ...]:
    """Door, school, since, heard, gone."""
    point, heard = place.connection.point, place.connection.state().heard
    return UUID(bytes=point.id), UUID(bytes=point.school_id), moment(place.since), moment(heard), None
