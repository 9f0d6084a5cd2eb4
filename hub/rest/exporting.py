"""Files of rows, from a cursor on the server; slowly read, they are slowly fetched.

Whose rows they are is kept before they are sent, part by part: who asks later who has read a student finds it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from hub.rest.answer import File
from hub.rest.call import Call
from hub.rest.sheets import TYPES, Form, sheets_of
from hub.rest.streams import STREAMS
from hub.store.pg import Connection, Record

Q = TypeVar("Q")

#: Rows that are fetched at once, and that are written in one go: this worker answers doors, too.
FETCHED, AT_ONCE = 500, 25


@dataclass(frozen=True)
class Export(Generic[Q]):
    """`kind`: what is exported, as the audit has it; `header` and `cells` of a row; `student`: whose it is, if it is
    anybody's; `find`: SQL and its parameters, None where nothing can be meant."""

    call: Call[Q, None]
    kind: str
    name: str
    form: Form
    header: Sequence[str]
    cells: Callable[[Record], list[str]]
    student: Callable[[Record], UUID | None]
    find: Callable[[Connection], Awaitable[tuple[str, list[Any]] | None]]

    async def file(self, filters: dict[str, Any]) -> File:
        """The answer, and that it was asked for. Raises TooManyRequests."""
        parts = self.call.part(STREAMS).add(self._parts())
        await self._note(self.kind, {"filters": filters})
        day = datetime.now(UTC).date()
        return File(TYPES[self.form], f"{self.name.lower().replace(' ', '-')}-{day}.{self.form}", parts)

    async def _parts(self) -> AsyncGenerator[bytes, None]:
        """The file, bit by bit; that it was read to its end, or how far, is kept as well."""
        sheets = sheets_of(self.form, list(self.header), self.name)
        sent, whole_file = 0, False
        try:
            async with aclosing(self._rows()) as found:
                async for rows in found:
                    if part := sheets.rows(rows):
                        yield part
                    sent += len(rows)
            yield sheets.end()
            whole_file = True
        finally:
            await self._note(self.kind, {"count": sent, "complete": whole_file})

    async def _rows(self) -> AsyncGenerator[list[list[str]], None]:
        async with self.call.transaction.another() as tx:
            found = await self.find(tx)
            if found is None:
                return
            sql, values = found
            cursor = await tx.cursor(sql, *values)
            while fetched := await cursor.fetch(FETCHED):
                await self._keep_whose(fetched)
                for start in range(0, len(fetched), AT_ONCE):
                    yield [self.cells(row) for row in fetched[start : start + AT_ONCE]]
                    await asyncio.sleep(0)

    async def _keep_whose(self, rows: Sequence[Record]) -> None:
        whose = dict.fromkeys(student for row in rows if (student := self.student(row)) is not None)
        if whose:
            await self._note("student", {"of": self.kind, "ids": [str(student) for student in whose]})

    async def _note(self, kind: str, told: dict[str, Any]) -> None:
        await self.call.note("export", kind, None, new={"format": self.form, **told})
