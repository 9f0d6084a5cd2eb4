"""/students/export: a list's filters, as a file, from a cursor on the server; slowly read, it is slowly fetched."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from hub.accounts.permissions import Permission
from hub.config import key_ring
from hub.errors import BadRequest, TooManyRequests
from hub.resources.exports.rows import HEADER, cells
from hub.rest.answer import File
from hub.rest.call import Call
from hub.rest.route import Route
from hub.rest.sheets import CsvSheets, Sheets, XlsxSheets
from hub.rest.streams import STREAMS
from hub.rest.students.query import StudentFilters, chosen
from hub.rest.students.whole import whole

#: Rows that are fetched at once, and that are written in one go: this worker answers doors, too.
FETCHED, AT_ONCE = 500, 25
CSV = "text/csv; charset=utf-8"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class ExportQuery(StudentFilters, kw_only=True, frozen=True):
    format: Literal["csv", "xlsx"] = "csv"


async def export_students(call: Call[ExportQuery, None]) -> File:
    chosen(call.query, key_ring(call.settings), call.school)  # raises for what is not asked so
    day = datetime.now(UTC).date()
    parts = call.part(STREAMS).add(_parts(call))
    await _note(call, {"filters": _asked(call.query)})
    return File(CSV if call.query.format == "csv" else XLSX, f"students-{day}.{call.query.format}", parts)


async def _parts(call: Call[ExportQuery, None]) -> AsyncGenerator[bytes, None]:
    """The file, bit by bit; that it was read to its end, or how far, is kept as well."""
    sheets: Sheets = CsvSheets(HEADER) if call.query.format == "csv" else XlsxSheets(HEADER, "Students")
    sent, whole_file = 0, False
    try:
        async with aclosing(_rows(call)) as found:
            async for rows in found:
                if part := sheets.rows(rows):
                    yield part
                sent += len(rows)
        yield sheets.end()
        whole_file = True
    finally:
        await _note(call, {"count": sent, "complete": whole_file})


async def _rows(call: Call[ExportQuery, None]) -> AsyncGenerator[list[list[str]], None]:
    ring = key_ring(call.settings)
    async with call.transaction.another() as tx:
        found = await whole(tx, call.query, ring, call.school)
        if found is None:
            return
        sql, values = found
        cursor = await tx.cursor(sql, *values)
        while fetched := await cursor.fetch(FETCHED):
            for start in range(0, len(fetched), AT_ONCE):
                yield [cells(ring, row) for row in fetched[start : start + AT_ONCE]]
                await asyncio.sleep(0)


async def _note(call: Call[ExportQuery, None], told: dict[str, Any]) -> None:
    await call.note("export", "student", None, new={"format": call.query.format, **told})


def _asked(query: ExportQuery) -> dict[str, Any]:
    """The filters that were given, as JSON has them."""
    given: dict[str, Any] = msgspec.to_builtins(query)
    return {name: "…" if name == "q" else value for name, value in given.items() if name != "format"}


ROUTES = [
    Route(
        "GET",
        "/students/export",
        export_students,
        summary="All students that filters mean, as CSV or XLSX",
        permission=Permission.students_export,
        query=ExportQuery,
        files=("text/csv", XLSX),
        errors=(BadRequest, TooManyRequests),
    ),
]
