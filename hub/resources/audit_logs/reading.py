"""Entries out of the table, with the students' own values in clear where their key is still there."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from hub.accounts.personal import student_keys
from hub.config import key_ring
from hub.resources.audit_logs.model import AuditLog, audit_log
from hub.rest.call import Call
from hub.store.keyset import Column, Filter, Listing
from hub.store.pg import Connection, Record
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


async def in_clear(call: Call[Any, None], tx: Connection, rows: list[Record]) -> tuple[list[AuditLog], list[UUID]]:
    """The entries, and the students whose own values are in them."""
    students = list(dict.fromkeys(row["subject_id"] for row in rows if row["personal"] is not None))
    keys = await student_keys.keys_of(tx, key_ring(call.settings), students) if students else {}
    return [audit_log(row, keys.get(row["subject_id"])) for row in rows], [one for one in students if one in keys]
