"""/admin/audit-logs: newest first, and never written here. That somebody reads it is an entry too."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from hub.accounts.permissions import Permission
from hub.accounts.personal import student_keys
from hub.config import key_ring
from hub.domain.clock import LAST_MOMENT, moment
from hub.errors import NotFound
from hub.resources.audit_logs.model import AuditExportQuery, AuditLog, AuditLogsQuery, audit_log
from hub.rest.call import Call
from hub.rest.pages import Page, read_page
from hub.rest.route import Route
from hub.store.keyset import Column, Filter, Listing
from hub.store.pg import Record
from hub.store.queries import load_queries

Q = load_queries(__package__)
KIND = "audit_log"

LISTING = Listing(
    Q.list_entries,
    sorts={"createdAt": Column("created_at", datetime)},
    filters={
        "createdFrom": Filter("created_at", ">="),
        "createdUntil": Filter("created_at", "<"),
        "userId": Filter("user_id"),
        "action": Filter("action"),
        "resourceType": Filter("resource_type"),
        "resourceId": Filter("resource_id"),
        "studentId": Filter("subject_id"),
    },
)
#: How far an entry's time may be from its id's, which is made from the same clock a moment before.
APART = timedelta(minutes=5)
_LAST_MILLIS = LAST_MOMENT // 1000 - 86_400_000


async def list_entries(call: Call[Any, None]) -> Page[AuditLog]:
    page: Page[Record] = await read_page(call, LISTING, lambda row: row)
    return Page(data=await _opened(call, page.data), page=page.page)


async def export_entries(call: Call[AuditExportQuery, None]) -> Page[AuditLog]:
    part = await list_entries(call)
    await call.note("export", KIND, None, new={"filters": _asked(call.query), "count": len(part.data)})
    return part


def _asked(query: AuditExportQuery) -> dict[str, Any]:
    """The filters that were given, as JSON has them."""
    given: dict[str, Any] = msgspec.to_builtins(query)
    return {name: given[name] for name in LISTING.filters if name in given}


async def get_entry(call: Call[None, None]) -> AuditLog:
    made = _made(call.id)
    row = await (await call.tx()).fetchrow(Q.get_entry, call.id, made - APART, made + APART)
    if row is None:
        raise NotFound("no such audit entry")
    return (await _opened(call, [row]))[0]


async def _opened(call: Call[Any, None], rows: list[Record]) -> list[AuditLog]:
    """With the students' own values in clear; whose they are is kept with the entry of this reading."""
    students = list(dict.fromkeys(row["subject_id"] for row in rows if row["personal"] is not None))
    keys = await student_keys.keys_of(await call.tx(), key_ring(call.settings), students) if students else {}
    call.read = [student for student in students if student in keys]
    return [audit_log(row, keys.get(row["subject_id"])) for row in rows]


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
        summary="Export the audit log, in large parts; each is kept as an export",
        permission=Permission.audit_logs_export,
        query=AuditExportQuery,
        answer=Page[AuditLog],
        reads=KIND,
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
