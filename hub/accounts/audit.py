"""What is kept of everything that people do, one entry each."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

import msgspec

Action = Literal[
    "create", "read", "update", "delete", "login", "logout", "refuse", "export", "grant", "lockdown", "verify"
]


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One row of audit_logs. `old` and `new` hold only what differs, sensitive fields masked; `at`: µs since 1970."""

    id: UUID
    at: int
    school_id: UUID | None
    user_id: UUID | None
    action: Action
    resource_type: str
    resource_id: UUID | None = None
    old: dict[str, Any] | None = None
    new: dict[str, Any] | None = None
    address: str | None = None
    user_agent: str | None = None
    request_id: str | None = None
    #: The student whom the entry is about, if any: personal values in it are sealed under that student's own key.
    subject_id: UUID | None = None
