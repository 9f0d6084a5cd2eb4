"""/admin/audit-logs: newest first, and never written here. That somebody reads it is an entry too."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from hub.accounts.permissions import Permission
from hub.domain.clock import LAST_MOMENT, moment
from hub.errors import NotFound, TooManyRequests
from hub.resources.audit_logs.exporting import CSV, JSON_LINES, export_entries
from hub.resources.audit_logs.model import AuditExportQuery, AuditLog, AuditLogsQuery
from hub.resources.audit_logs.reading import KIND, LISTING, Q, in_clear
from hub.rest.call import Call
from hub.rest.pages import Page, read_page
from hub.rest.route import Route
from hub.store.pg import Record

#: How far an entry's time may be from its id's, which is made from the same clock a moment before.
APART = timedelta(minutes=5)
_LAST_MILLIS = LAST_MOMENT // 1000 - 86_400_000


async def list_entries(call: Call[Any, None]) -> Page[AuditLog]:
    page: Page[Record] = await read_page(call, LISTING, lambda row: row)
    return Page(data=await _shown(call, page.data), page=page.page)


async def get_entry(call: Call[None, None]) -> AuditLog:
    made = _made(call.id)
    row = await (await call.tx()).fetchrow(Q.get_entry, call.id, made - APART, made + APART)
    if row is None:
        raise NotFound("no such audit entry")
    return (await _shown(call, [row]))[0]


async def _shown(call: Call[Any, None], rows: list[Record]) -> list[AuditLog]:
    """Whose values they are is kept with the entry of this reading."""
    entries, call.read = await in_clear(call, await call.tx(), rows)
    return entries


def _made(id_: UUID) -> datetime:
    """When a UUIDv7 was made; what is none is found nowhere."""
    millis = min(id_.int >> 80, _LAST_MILLIS) if id_.version == 7 else 0
    return moment(millis * 1000)


ROUTES = [
    Route(
        "GET",
        "/admin/audit-logs",
        list_entries,
        summary="List the audit log, newest first",
        permission=Permission.audit_logs_read,
        query=AuditLogsQuery,
        answer=Page[AuditLog],
        reads=KIND,
    ),
    Route(
        "GET",
        "/admin/audit-logs/export",
        export_entries,
        summary="The audit log as a file: all that filters mean, as CSV or as lines of JSON",
        permission=Permission.audit_logs_export,
        query=AuditExportQuery,
        files=(CSV, JSON_LINES),
        errors=(TooManyRequests,),
    ),
    Route(
        "GET",
        "/admin/audit-logs/{id}",
        get_entry,
        summary="One entry of the audit log",
        permission=Permission.audit_logs_read,
        answer=AuditLog,
        errors=(NotFound,),
        reads=KIND,
    ),
]
