"""Scans that PostgreSQL refused: listed for people, and put into the log once what was wrong is mended."""

from __future__ import annotations

import msgspec

from hub.config import Settings
from hub.domain.clock import moment_text
from hub.domain.ids import id_text
from hub.domain.verdict import status_text
from hub.recorder import access_log
from hub.recorder.access_log import Refused, queries
from hub.store.pg import is_data_fault


class Reject(msgspec.Struct):
    """One refused scan. Times are texts, UTC."""

    id: int
    scan_id: str
    access_point: str
    access_time: str
    decision: str
    rejected_at: str
    error: str


async def listed(settings: Settings) -> list[Reject]:
    """All that wait, oldest first. Raises StoreUnavailable."""
    connection = await access_log.open_connection(settings)
    try:
        rows = await connection.fetch(queries["open_rejects"], None)
    finally:
        await connection.close()
    return [_reject(row["id"], row["entry"], row["rejected_at"], row["error"]) for row in rows]


def _reject(id_: int, raw: bytes, rejected_at: str, error: str) -> Reject:
    entry = msgspec.msgpack.decode(raw, type=Refused).entry
    at = moment_text(entry.access_time)
    return Reject(id_, id_text(entry.scan_id), id_text(entry.device), at, status_text(entry.code), rejected_at, error)


async def replay(settings: Settings, ids: list[int] | None) -> tuple[list[int], dict[int, str]]:
    """Try these again (all when None). Returns those that are in the log now, and why the others are not."""
    connection = await access_log.open_connection(settings)
    done: list[int] = []
    failed: dict[int, str] = {}
    try:
        for row in await connection.fetch(queries["open_rejects"], ids):
            refused = msgspec.msgpack.decode(row["entry"], type=Refused)
            try:
                async with connection.transaction():
                    await access_log.insert(connection, row["recorder_id"].bytes, [(refused.entry, refused.stream_seq)])
                    await access_log.note_late(connection, row["recorder_id"], refused)
                    await connection.execute(queries["settle_reject"], row["id"])
            except Exception as error:
                if not is_data_fault(error):
                    raise
                failed[row["id"]] = str(error)
            else:
                done.append(row["id"])
    finally:
        await connection.close()
    return done, failed
