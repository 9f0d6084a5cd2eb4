"""/access-logs: newest first. Readers write it through the gate; people read it, and add what they decide by hand.

Readers replay what they decided alone at the same address, with their own key (hub/gate/http.py).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import UNSET

from hub.accounts.permissions import Permission
from hub.errors import BadRequest, Conflict, JournalError, NotFound, TooManyRequests
from hub.gate.annulling import ANNULLING, AnnulledScan
from hub.resources.access_logs.by_hand import record_entry
from hub.resources.access_logs.cells import HEADER, log_cells
from hub.resources.access_logs.counting import Counts, CountsQuery, count_logs
from hub.resources.access_logs.model import (
    AccessLog,
    AccessLogsExport,
    AccessLogsQuery,
    Annul,
    NewAccessLog,
    access_log,
)
from hub.resources.access_logs.queries import Q
from hub.rest.answer import File
from hub.rest.call import Call
from hub.rest.exporting import Export
from hub.rest.pages import Page, read_page
from hub.rest.route import Route
from hub.rest.sheets import FILES, Form
from hub.store.keyset import ALL, Column, Filter, Listing
from hub.store.pg import Connection

KIND = "access_log"

LISTING = Listing(
    Q.list_logs,
    sorts={"accessTime": Column("access_time", datetime)},
    filters={
        "accessTimeFrom": Filter("access_time", ">="),
        "accessTimeUntil": Filter("access_time", "<"),
        "studentId": Filter("student_id"),
        "passId": Filter("pass_id"),
        "accessPointId": Filter("access_point_id"),
        "accessType": Filter("access_type"),
        "status": Filter("status"),
        "reason": Filter("reason"),
        "offline": Filter("offline"),
        "stale": Filter("stale"),
        "conflict": Filter("conflict"),
        "recordedBy": Filter("recorded_by"),
    },
)


async def list_logs(call: Call[Any, None]) -> Page[AccessLog]:
    page = await read_page(call, LISTING, access_log, filters=_filters(call.query))
    call.read = _students(page.data)
    return page


async def export_logs(call: Call[AccessLogsExport, None]) -> Page[AccessLog] | File:
    asked: dict[str, Any] = msgspec.to_builtins(_filters(call.query))
    if call.query.format != "json":
        return await _as_file(call, call.query.format, asked)
    part = await list_logs(call)
    await call.note("export", KIND, None, new={"filters": asked, "count": len(part.data)})
    return part


def _filters(query: AccessLogsQuery) -> dict[str, Any]:
    return {name: value for name in LISTING.filters if (value := getattr(query, name)) is not UNSET}


async def _as_file(call: Call[AccessLogsExport, None], form: Form, asked: dict[str, Any]) -> File:
    query = call.query
    if query.cursor is not UNSET or query.total:
        raise BadRequest("cursor and total are of JSON: a file holds all scans")

    async def find(_: Connection) -> tuple[str, list[Any]]:
        return LISTING.page(query.sort, ALL, filters=_filters(query))

    export = Export(call, KIND, "Access logs", form, HEADER, log_cells, lambda row: row["student_id"], find)
    return await export.file(asked)


async def get_log(call: Call[None, None]) -> AccessLog:
    tx, id_ = await call.tx(), call.params["scanId"]
    row = await tx.fetchrow(Q.get_log, id_)
    if row is None:
        row = await tx.fetchrow(Q.get_old_log, id_)
    if row is None:
        raise NotFound("no such scan")
    found = access_log(row)
    call.read = _students([found])
    return found


async def annul_scan(call: Call[None, Annul]) -> AnnulledScan:
    scan_id, body = call.params["scanId"], call.body
    user = call.identity.user_id
    done, answer = await call.part(ANNULLING).by_person(await call.tx(), user, scan_id, body.accessPointId, body.reason)
    await call.note(
        *("update", KIND, scan_id),
        new={"annulled": True, "reason": body.reason, "accessPointId": str(done.accessPointId)},
        school=UUID(bytes=answer.school),
        subject=None if answer.student is None else UUID(bytes=answer.student),
    )
    return done


def _students(logs: list[AccessLog]) -> list[UUID]:
    """Whom these scans tell of."""
    return list(dict.fromkeys(log.studentId for log in logs if log.studentId is not None))


ROUTES = [
    Route(
        "GET",
        "/access-logs",
        list_logs,
        summary="List scans, newest first",
        permission=Permission.access_logs_read,
        query=AccessLogsQuery,
        answer=Page[AccessLog],
        reads="student",
    ),
    Route(
        "POST",
        "/access-logs",
        record_entry,
        summary="Record somebody who was let in, or sent away, by hand",
        permission=Permission.access_logs_create,
        body=NewAccessLog,
        answer=AccessLog,
        location="/access-logs/{id}",
        of_school=False,
        errors=(NotFound, Conflict, JournalError),
        example={
            "studentId": "018bcfe5-6800-7000-8000-0000000000a1",
            "accessPointId": "018bcfe5-6800-7000-8000-0000000000c1",
            "decision": "granted",
            "reason": "forgot the card; known to me",
        },
    ),
    Route(
        "GET",
        "/access-logs/export",
        export_logs,
        summary="Export scans, as CSV, as XLSX, or as JSON in large parts; each is kept as an export",
        permission=Permission.access_logs_export,
        query=AccessLogsExport,
        answer=Page[AccessLog],
        files=FILES,
        errors=(BadRequest, TooManyRequests),
        reads="student",
    ),
    Route(
        "GET",
        "/access-logs/counts",
        count_logs,
        summary="Count scans: by minute or hour, by door, and by reason",
        permission=Permission.access_logs_read,
        query=CountsQuery,
        answer=Counts,
    ),
    Route(
        "GET",
        "/access-logs/{scanId}",
        get_log,
        summary="One scan",
        permission=Permission.access_logs_read,
        answer=AccessLog,
        errors=(NotFound,),
        reads="student",
    ),
    Route(
        "POST",
        "/access-logs/{scanId}/annul",
        annul_scan,
        summary="Annul a scan: nobody passed after all",
        permission=Permission.access_logs_annul,
        body=Annul,
        answer=AnnulledScan,
        of_school=False,
        idempotent=False,
        errors=(NotFound, Conflict, JournalError),
        example={"reason": "the turnstile did not turn"},
    ),
]
