"""Reads what changed, and with it the passes as they are now, in one round trip.

Planning that query takes five times as long as running it for one key, so the plan for a few is kept. A kept plan
knows how large the tables were: an import into empty ones would make it read them whole for each key. Many keys are
therefore planned each time, and after a thousand changes the kept plan is made anew.
"""

from __future__ import annotations

from collections.abc import Sequence

from hub.index.loader import queries
from hub.store.pg import Connection, Record

FEW = 16
GROWTH = 1_000


class Changes:
    """For one connection, which it has to itself."""

    def __init__(self, connection: Connection, timeout: float) -> None:
        self._connection = connection
        self._timeout = timeout
        self._keeps: bool | None = None
        self._planned_at = 0

    async def warm(self) -> None:
        """Prepare and plan, so that the first revocation need not wait for it."""
        newest = await self._connection.fetchval(queries["newest_change"], timeout=self._timeout)
        self._planned_at = newest
        await self.read([(newest, newest)])

    async def read(self, ranges: Sequence[tuple[int, int]]) -> list[Record]:
        """(seq, kind, key, packed) of every change in the ranges; `packed` is None for a key that no pass has.

        Raises TimeoutError when PostgreSQL takes longer than `timeout` seconds.
        """
        await self._plan(sum(high - low + 1 for low, high in ranges), max(high for _, high in ranges))
        lows, highs = [low for low, _ in ranges], [high for _, high in ranges]
        return await self._connection.fetch(queries["changes_in"], lows, highs, timeout=self._timeout)

    async def _plan(self, numbers: int, newest: int) -> None:
        keep = numbers <= FEW
        if keep is not self._keeps:
            mode = "force_generic_plan" if keep else "force_custom_plan"
            await self._connection.fetchval(queries["plan_mode"], mode, timeout=self._timeout)
            self._keeps = keep
        if keep and newest - self._planned_at > GROWTH:
            await self._connection.execute(queries["forget_plans"], timeout=self._timeout)
            self._planned_at = newest
