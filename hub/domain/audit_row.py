"""A row of audit_logs as it travels: through the journal or in a request's transaction, nothing personal in clear."""

from __future__ import annotations

import msgspec


class AuditRow(msgspec.Struct, array_like=True, frozen=True):
    """Ids are 16 bytes; `at`: µs since 1970; `old`, `new`: JSON texts; `personal`: sealed under the student's key.

    It is kept in journals: new fields go to the end, with a default.
    """

    id: bytes
    at: int
    school: bytes | None
    user: bytes | None
    action: str
    resource_type: str
    resource: bytes | None
    old: str | None
    new: str | None
    address: str | None
    user_agent: str | None
    request_id: str | None
    subject: bytes | None
    personal: bytes | None
    salt: bytes
