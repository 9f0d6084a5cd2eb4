"""Nobody passed after all: the turnstile did not turn. By the reader within a quarter of an hour, or by a guard.

It is kept by the host's journal, like a scan. The journal knows the scans that this host has answered since yesterday,
whether they are in PostgreSQL yet or not; what another host has answered, or what is older, PostgreSQL has.
"""

from __future__ import annotations

import time
from uuid import UUID

import msgspec
from aiohttp import web

from hub.domain.clock import micros
from hub.domain.verdict import DIRECTION_CODE, Flag, Reason
from hub.errors import Conflict, NotFound
from hub.index.directory import AccessPoint
from hub.recorder.client import RecorderClient
from hub.recorder.wire import Annul, Annulled, Entry, Report
from hub.store.pg import Connection, Pg, Record
from hub.store.queries import load_queries

Q = load_queries(__package__)
DEVICE_MICROS = 15 * 60 * 1_000_000


class AnnulledScan(msgspec.Struct):
    """Nobody passed after this scan."""

    scanId: UUID
    accessPointId: UUID
    annulled: bool = True


class Annulling:
    """One a worker."""

    def __init__(self, recorder: RecorderClient, pg: Pg) -> None:
        self._recorder = recorder
        self._pg = pg

    async def by_device(self, point: AccessPoint, scan_id: UUID, reason: str | None) -> AnnulledScan:
        """Raises NotFound, Conflict for a denied or an older one, JournalError; StoreUnavailable when only PostgreSQL
        could tell, and is away."""
        now = time.time_ns() // 1000
        since = now - DEVICE_MICROS
        asked = Annul(0, scan_id.bytes, [point.id], point.school_id, now, None, reason, since)
        answer = await self._recorder.annulments.ask(asked)
        if answer.outcome == "unknown":
            async with self._pg.tenant(UUID(bytes=point.school_id)) as tx:
                row = _one(await tx.fetch(Q.find_scan, scan_id, UUID(bytes=point.id)))
            if row is None:
                raise NotFound("no such scan of this access point")
            if micros(row["received_at"]) < since:
                raise _too_old()
            answer = await self._recorder.annulments.ask(_found(asked, row))
        return _done(answer, scan_id)

    async def by_person(
        self, tx: Connection, user: UUID, scan_id: UUID, door: UUID | None, reason: str | None
    ) -> tuple[AnnulledScan, Annulled]:
        """A scan that the caller's transaction may see, of any age. Raises NotFound, Conflict for a denied one or when
        two doors have a scan of this id and none is named, JournalError."""
        asked = Annul(0, scan_id.bytes, [], b"", time.time_ns() // 1000, user.bytes, reason)
        row = _one(await tx.fetch(Q.find_scan, scan_id, door))
        if row is None:
            doors = [one["id"].bytes for one in await tx.fetch(Q.doors, door)]
            answer = await self._recorder.annulments.ask(msgspec.structs.replace(asked, devices=doors))
        else:
            answer = await self._recorder.annulments.ask(_found(asked, row))
            if row["student_id"] is not None:
                answer = msgspec.structs.replace(answer, student=row["student_id"].bytes)
        return _done(answer, scan_id), answer


ANNULLING = web.AppKey("annulling", Annulling)


def _found(asked: Annul, row: Record) -> Annul:
    """The same of a scan that PostgreSQL has."""
    if row["status"] != "granted":
        raise _denied()
    scan = _scan(row)
    return msgspec.structs.replace(asked, devices=[scan.device], school=scan.school, found=True, scan=scan)


def _scan(row: Record) -> Entry:
    """For screens. Its reason, if it has one, is what a person or a reader has said."""
    at, reason = micros(row["access_time"]), row["reason"]
    return Entry(
        row["id"].bytes,
        row["access_point_id"].bytes,
        row["school_id"].bytes,
        row["lookup_key"] or b"",
        at,
        Reason.granted,
        int(Flag.stale) * row["stale"] | int(Flag.offline) * row["offline"],
        DIRECTION_CODE[row["access_type"]],
        _bytes(row["pass_id"]),
        _bytes(row["student_id"]),
        report=None if reason is None else Report(at, True, reason),
    )


def _bytes(id_: UUID | None) -> bytes | None:
    return None if id_ is None else id_.bytes


def _one(rows: list[Record]) -> Record | None:
    if len(rows) > 1:
        raise Conflict("several doors have a scan of this id; say which one, with accessPointId")
    return rows[0] if rows else None


def _done(answer: Annulled, scan_id: UUID) -> AnnulledScan:
    if answer.outcome == "unknown":
        raise NotFound("no such scan")
    if answer.outcome == "denied":
        raise _denied()
    if answer.outcome == "too_old":
        raise _too_old()
    return AnnulledScan(scan_id, UUID(bytes=answer.device))


def _denied() -> Conflict:
    return Conflict("this scan was denied: there is nothing to annul")


def _too_old() -> Conflict:
    return Conflict("this scan is older than 15 minutes; a guard may still annul it")
