"""/admin/audit-logs/export: a list's filters, as a file, from a cursor on the server; read slowly, fetched slowly.

That it was asked for, with which filters, how far it was read, and which students' own values were in it, are entries
of the audit themselves.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

import msgspec

from hub.resources.audit_logs.model import AuditExportQuery, AuditLog
from hub.resources.audit_logs.reading import KIND, LISTING, in_clear
from hub.rest.answer import File
from hub.rest.call import Call
from hub.rest.pages import filters_of
from hub.rest.sheets import TYPES, CsvSheets, text_of
from hub.rest.streams import STREAMS
from hub.store.keyset import ALL

#: Entries that are fetched at once, and that are written in one go: this worker answers doors, too.
FETCHED, AT_ONCE = 500, 50
CSV, JSON_LINES = "text/csv", "application/x-ndjson"
HEADER = list(AuditLog.__struct_fields__)


class JsonLines:
    """An object a line, named as everywhere else."""

    def rows(self, entries: list[AuditLog]) -> bytes:
        return b"".join(msgspec.json.encode(entry) + b"\n" for entry in entries)

    def end(self) -> bytes:
        return b""


class Table:
    """CSV, whose values are JSON where they are no plain text."""

    def __init__(self) -> None:
        self._sheets = CsvSheets(HEADER)

    def rows(self, entries: list[AuditLog]) -> bytes:
        return self._sheets.rows([_text(getattr(entry, name)) for name in HEADER] for entry in entries)

    def end(self) -> bytes:
        return self._sheets.end()


async def export_entries(call: Call[AuditExportQuery, None]) -> File:
    format_ = call.query.format
    parts = call.part(STREAMS).add(_parts(call))
    await _note(call, KIND, {"filters": _asked(call.query)})
    media = TYPES["csv"] if format_ == "csv" else JSON_LINES
    return File(media, f"audit-log-{datetime.now(UTC).date()}.{format_}", parts)


async def _parts(call: Call[AuditExportQuery, None]) -> AsyncGenerator[bytes, None]:
    lines = Table() if call.query.format == "csv" else JsonLines()
    sent, whole_file = 0, False
    try:
        async with aclosing(_entries(call)) as found:
            async for entries in found:
                yield lines.rows(entries)
                sent += len(entries)
        if end := lines.end():
            yield end
        whole_file = True
    finally:
        await _note(call, KIND, {"count": sent, "complete": whole_file})


async def _entries(call: Call[AuditExportQuery, None]) -> AsyncGenerator[list[AuditLog], None]:
    sql, values = LISTING.page(call.query.sort, ALL, filters=_filters(call.query))
    async with call.transaction.another() as tx:
        cursor = await tx.cursor(sql, *values)
        while fetched := await cursor.fetch(FETCHED):
            entries, students = await in_clear(call, tx, fetched)
            if students:
                await _note(call, "student", {"of": KIND, "ids": [str(one) for one in students]})
            for start in range(0, len(entries), AT_ONCE):
                yield entries[start : start + AT_ONCE]
                await asyncio.sleep(0)


def _filters(query: AuditExportQuery) -> dict[str, Any]:
    return {name: value for name, value in filters_of(query).items() if name in LISTING.filters}


def _asked(query: AuditExportQuery) -> dict[str, Any]:
    """The filters that were given, as JSON has them."""
    asked: dict[str, Any] = msgspec.to_builtins(_filters(query))
    return asked


async def _note(call: Call[AuditExportQuery, None], kind: str, told: dict[str, Any]) -> None:
    await call.note("export", kind, None, new={"format": call.query.format, **told})


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode() if isinstance(value, dict) else text_of(value)
