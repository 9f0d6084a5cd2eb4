"""Audit rows of the journal → audit_logs, in order, each once: (created_at, id) is the key, and a row may come twice.

A row that PostgreSQL refuses because of its data is kept whole in audit_logs_rejected, and holds up no other.
"""

from __future__ import annotations

from uuid import UUID

import msgspec
import structlog

from hub.domain.audit_row import AuditRow
from hub.recorder.access_log import queries
from hub.store.pg import Connection, is_data_fault

log = structlog.get_logger(__name__)

_IDS = ("id", "school", "user", "resource", "subject")
_COLUMNS = (
    *("id", "at", "school", "user", "action", "resource_type", "resource", "old", "new", "address", "user_agent"),
    *("request_id", "subject", "personal", "salt"),
)


async def insert(connection: Connection, rows: list[AuditRow]) -> None:
    """Add those that the log does not have. Needs no transaction: what is done twice changes nothing."""
    if not rows:
        return
    try:
        async with connection.transaction():
            await connection.execute(queries["add_audit_rows"], *([_value(row, c) for row in rows] for c in _COLUMNS))
    except Exception as error:
        if not is_data_fault(error):
            raise
        await _split(connection, rows, error)


async def _split(connection: Connection, rows: list[AuditRow], error: Exception) -> None:
    """Halve until the row that PostgreSQL refuses stands alone."""
    if len(rows) > 1:
        middle = len(rows) // 2
        await insert(connection, rows[:middle])
        await insert(connection, rows[middle:])
        return
    id_ = UUID(bytes=rows[0].id)
    log.error("PostgreSQL refused an audit row; it is in audit_logs_rejected", row=str(id_), error=str(error))
    await connection.execute(queries["reject_audit_row"], id_, msgspec.msgpack.encode(rows[0]), str(error))


def _value(row: AuditRow, column: str) -> object:
    value = getattr(row, column)
    return UUID(bytes=value) if column in _IDS and value is not None else value
