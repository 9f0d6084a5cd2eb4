"""Holds the index against the tables: how many passes each school has, and a checksum over them.

A change that arrives during the query makes a difference of its own. So only schools are judged that were quiet
meanwhile, and only a difference that two comparisons in a row have found is drift.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from hub.index.index import PassIndex
from hub.index.loader import queries
from hub.store.pg import Connection

log = structlog.get_logger(__name__)

ROUNDS = 5
QUERY_SECONDS = 120.0
SETTLE_SECONDS = 0.5
SLICE_ROWS = 500


async def find_drift(connection: Connection, index: PassIndex, settled: Callable[[], Awaitable[None]]) -> set[int]:
    """The numbers of the schools whose passes in the index are not those in the tables.

    `settled()` returns when every change that was notified is in the index.
    """
    suspects: set[int] = set()
    differing: set[int] = set()
    if not index.counted:
        await _recount(index)
    for _ in range(ROUNDS):
        writes = index.writes()
        rows = await connection.fetch(queries["checksums"], timeout=QUERY_SECONDS)
        theirs = {row["number"]: (row["passes"], row["sum"]) for row in rows}
        await asyncio.sleep(SETTLE_SECONDS)
        await settled()
        ours, now = index.checksums(), index.writes()
        differing = {school for school in ours.keys() | theirs.keys() if ours.get(school) != theirs.get(school)}
        if not differing:
            return set()
        quiet = {school for school in differing if writes.get(school) == now.get(school)}
        if quiet & suspects:
            return quiet & suspects
        suspects = quiet
    log.info("some schools could not be compared: they changed all the time", schools=len(differing))
    return set()


async def _recount(index: PassIndex) -> None:
    try:
        for _ in index.recount(SLICE_ROWS):
            await asyncio.sleep(0)
    except BaseException:
        index.counted = False  # half of a count would be taken for drift
        raise
