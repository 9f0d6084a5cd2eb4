"""Rows for tests of the schema, written as the owner with plain SQL; and what the feed says about them."""

from __future__ import annotations

import asyncio
import hashlib
from types import TracebackType
from typing import Self
from uuid import UUID

import asyncpg


def lookup_key(code: str) -> bytes:
    return hashlib.sha256(code.encode()).digest()[:16]


async def add_school(connection: asyncpg.Connection, code: str) -> UUID:
    id_: UUID = await connection.fetchval("INSERT INTO schools (name, code) VALUES ($1, $1) RETURNING id", code)
    return id_


async def add_student(connection: asyncpg.Connection, school: UUID, number: str = "S1") -> UUID:
    id_: UUID = await connection.fetchval(
        "INSERT INTO students (student_id, first_name, last_name, school_id) VALUES ($2, 'Ada', 'Lovelace', $1)"
        " RETURNING id",
        school,
        number,
    )
    return id_


async def add_pass(connection: asyncpg.Connection, school: UUID, student: UUID | None, code: str) -> UUID:
    id_: UUID = await connection.fetchval(
        "INSERT INTO passes (school_id, student_id, pass_number, qr_code, issue_date, expiry_date)"
        " VALUES ($1, $2, $3, $3, '2026-09-01', '2027-08-31') RETURNING id",
        school,
        student,
        code,
    )
    return id_


async def add_door(connection: asyncpg.Connection, school: UUID) -> UUID:
    id_: UUID = await connection.fetchval(
        "INSERT INTO access_points (name, school_id) VALUES ('Gate', $1) RETURNING id", school
    )
    return id_


class Feed:
    """Listens as the program does. `took()` gives what was written since, and checks that NOTIFY said the same."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._heard: list[str] = []
        self._seq = 0

    async def __aenter__(self) -> Self:
        self._connection = await asyncpg.connect(self._url)
        await self._connection.add_listener("hub_index", self._hear)
        self._seq = await self._connection.fetchval("SELECT coalesce(max(seq), 0) FROM index_changes")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._connection.close()

    def _hear(self, connection: object, pid: int, channel: str, payload: object) -> None:
        self._heard.append(str(payload))

    async def took(self) -> set[tuple[str, bytes]]:
        """(kind, key) of the changes since the last call, of which the notified ranges cover exactly all."""
        rows = await self._connection.fetch(
            "SELECT seq, kind, key FROM index_changes WHERE seq > $1 ORDER BY seq", self._seq
        )
        await asyncio.sleep(0)  # notifications that came with the answer are handed over in this turn
        covered = {seq for heard in self._heard for seq in range(*_bounds(heard))}
        assert covered == {row["seq"] for row in rows}
        self.statements = len(self._heard)
        self._heard.clear()
        self._seq = max((row["seq"] for row in rows), default=self._seq)
        return {(row["kind"], row["key"]) for row in rows}


def _bounds(payload: str) -> tuple[int, int]:
    low, high = payload.split("-")
    return int(low), int(high) + 1
