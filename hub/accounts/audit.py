"""What is kept of everything that people do, one entry each."""

from __future__ import annotations

import time
from typing import Any, Literal
from uuid import UUID

import msgspec

from hub.domain.ids import new_id

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


def by_program(
    action: Action,
    resource_type: str,
    resource_id: UUID | None,
    *,
    school: UUID | None = None,
    user: UUID | None = None,
    new: dict[str, Any] | None = None,
) -> AuditEntry:
    """What no request asked for: a job's doing, or a command's."""
    return AuditEntry(
        id=new_id(),
        at=time.time_ns() // 1000,
        school_id=school,
        user_id=user,
        action=action,
        resource_type=resource_type,
        resource_id=resource_id,
        new=new,
    )
