"""Scans → access_logs: the statements of the drain, and of those who replay what was refused.

Times go to PostgreSQL as microseconds, untouched: a datetime would be rounded, and year 1's first moment would be
-infinity to asyncpg.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

import msgspec

from hub.config import Settings
from hub.domain.verdict import DIRECTION_TEXT, REASON_TEXT, Flag, Reason, status_text
from hub.recorder import copying
from hub.recorder.uses import takes_use
from hub.recorder.wire import Amendment, Annulment, Entry, Merge
from hub.store.pg import Connection, Role, connect
from hub.store.queries import load_queries

queries = load_queries("hub.recorder")
#: Far more than any statement here takes: behind a lock that is held, or a network that went silent, it is tried again.
#: The server's comes first.
STATEMENT_SECONDS, COMMAND_SECONDS = 60.0, 75.0
#: What was learnt of scans after they were recorded, in order.
Later = Sequence[Amendment | Merge | Annulment]


class Refused(msgspec.Struct, array_like=True):
    """A scan in access_logs_rejected.entry, as msgpack."""

    entry: Entry
    stream_seq: int


class _SomeKnown(Exception):
    """Some staged scans were in the log before: a drain that was cut, or a replay of an old scan."""


async def open_connection(settings: Settings) -> Connection:
    """A connection that the functions below can use. Raises StoreUnavailable; they raise TimeoutError, too."""
    connection = await connect(
        settings, Role.hub_system, statement_timeout=STATEMENT_SECONDS, command_timeout=COMMAND_SECONDS
    )
    try:
        await connection.set_type_codec(
            "timestamptz", schema="pg_catalog", encoder=_since_2000, decoder=tuple, format="tuple"
        )
        await connection.execute(queries["create_stage"])
    except BaseException:
        connection.terminate()
        raise
    return connection


async def insert(connection: Connection, recorder: bytes, scans: list[tuple[Entry, int]]) -> None:
    """Add the scans that the log does not have; each comes with its stream_seq. Needs a transaction.

    A replayed scan that the log has is merged into it. What amends a scan goes beside it, for screens.
    """
    amending = [(entry, sequence) for entry, sequence in scans if entry.amends]
    if amending:
        await connection.executemany(queries["add_amending"], [_amending(*one, recorder) for one in amending])
        scans = [(entry, sequence) for entry, sequence in scans if not entry.amends]
    if not scans:
        return
    await connection.copy_to_table("drain_stage", source=_chunks(scans, recorder), format="binary")
    try:
        async with connection.transaction():
            claimed = await connection.execute(queries["claim_all"])
            if claimed != f"INSERT 0 {len(scans)}":
                raise _SomeKnown  # noqa: TRY301 - what rolls the savepoint back
            await connection.execute(queries["add_staged"])
    except _SomeKnown:
        await connection.execute(queries["add_new_scans"])
    if any(entry.report is not None for entry, _ in scans):
        await connection.execute(queries["merge_replays_of_known_scans"])


async def apply(connection: Connection, change: Amendment | Merge | Annulment) -> None:
    """What was learnt of a scan after it was recorded."""
    if isinstance(change, Annulment):
        ids = (UUID(bytes=change.device), UUID(bytes=change.scan_id), UUID(bytes=change.school))
        await connection.execute(queries["annul"], *ids, change.at, _id(change.by), change.reason)
        return
    where = (change.access_time, UUID(bytes=change.scan_id), UUID(bytes=change.device))
    if isinstance(change, Amendment):
        await connection.execute(queries["amend"], *where, status_text(change.code), REASON_TEXT[change.code])
        return
    report = change.report
    status = "granted" if report.granted else "denied"
    await connection.execute(
        queries["merge"], *where, status, report.reason, report.at, report.skew_ms, change.conflict, _id(report.by)
    )


async def count_uses(connection: Connection, scans: list[tuple[Entry, int]], later: Later) -> None:
    """Uses of passes that have so many, each scan once; those that were none after all are given back. In
    transactions of its own: the one that uses up a pass wakes the workers, and scans must wake nobody."""
    used = [entry for entry, _ in scans if takes_use(entry)]
    if used:
        await connection.execute(
            queries["count_uses"],
            [UUID(bytes=entry.device) for entry in used],
            [UUID(bytes=entry.scan_id) for entry in used],
            [UUID(bytes=entry.pass_id) for entry in used if entry.pass_id is not None],
            [entry.access_time for entry in used],
        )
    undone = [one for one in later if isinstance(one, Annulment) or (isinstance(one, Amendment) and one.code)]
    if undone:
        devices, ids = [UUID(bytes=one.device) for one in undone], [UUID(bytes=one.scan_id) for one in undone]
        await connection.execute(queries["return_uses"], devices, ids)


async def note_heads(connection: Connection, recorder: bytes, scans: list[tuple[Entry, int]]) -> None:
    """How far the log holds this recorder's streams: up to here nothing will follow any more."""
    heads: dict[bytes, int] = {}
    for entry, sequence in scans:
        heads[entry.school] = sequence
    schools = [UUID(bytes=school) for school in heads]
    await connection.execute(queries["note_heads"], UUID(bytes=recorder), schools, list(heads.values()))


async def note_late(connection: Connection, recorder: UUID, refused: Refused) -> None:
    """A refused scan is in the log after all, behind the head of its stream."""
    scan, device = UUID(bytes=refused.entry.scan_id), UUID(bytes=refused.entry.device)
    await connection.execute(queries["note_late"], scan, device, recorder, refused.stream_seq)


async def reject(connection: Connection, recorder: bytes, row: int, refused: Refused, error: Exception) -> None:
    """Keep a scan that PostgreSQL refuses, with the refusal. `row`: of the journal."""
    await connection.execute(queries["reject"], UUID(bytes=recorder), row, msgspec.msgpack.encode(refused), str(error))


def _amending(entry: Entry, sequence: int, recorder: bytes) -> tuple[Any, ...]:
    report = entry.report
    granted = entry.code == Reason.granted if report is None else report.granted
    return (
        *(
            UUID(bytes=recorder),
            UUID(bytes=entry.school),
            sequence,
            UUID(bytes=entry.device),
            UUID(bytes=entry.scan_id),
        ),
        *(entry.access_time, "granted" if granted else "denied"),
        REASON_TEXT[entry.code] if report is None else report.reason,
        *(DIRECTION_TEXT[entry.direction], entry.key, _id(entry.pass_id), _id(entry.student_id)),
        *(bool(entry.flags & flag) for flag in (Flag.stale, Flag.offline, Flag.annulled)),
    )


def _id(raw: bytes | None) -> UUID | None:
    return None if raw is None else UUID(bytes=raw)


def _since_2000(micros: int) -> tuple[int]:
    """Microseconds since 1970 as PostgreSQL's timestamptz."""
    return (micros - copying.EPOCH_2000,)


async def _chunks(scans: list[tuple[Entry, int]], recorder: bytes) -> AsyncIterator[bytes]:
    """In pieces, with a turn of the loop between them: a commit of the journal must not wait for a batch."""
    for chunk in copying.stream(scans, recorder):
        yield chunk
        await asyncio.sleep(0)
