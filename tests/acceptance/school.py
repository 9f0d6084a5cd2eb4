"""A small school in a fresh database: doors with keys, codes of which the answer is known, and a guard."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from hub.accounts.hashing import hasher
from tests.integration.rows import add_door, add_school, add_student

DOORS_A_SCHOOL = 10
GRANTED_A_SCHOOL = 20
PASSWORD = "two owls and a lantern"
#: What becomes of a code, by the word that it starts with.
REASONS = {"granted": None, "revoked": "revoked_pass", "expired": "expired_pass", "nobody": "malformed_code"}


@dataclass(frozen=True)
class Door:
    id: str
    key: str
    codes: tuple[str, ...]


@dataclass(frozen=True)
class School:
    """`doors` of two schools in turn, each with the codes that are presented there, three of four granted."""

    url: str
    doors: tuple[Door, ...]

    @property
    def door(self) -> Door:
        """The last one: load takes doors from the front."""
        return self.doors[-1]

    def fetch(self, statement: str, *values: object) -> list[Any]:
        """Rows, asked as the schema's owner."""
        return asyncio.run(_fetch(self.url, statement, values))

    def execute(self, statement: str, *values: object) -> None:
        self.fetch(statement, *values)

    def rows(self, scan_id: str) -> list[Any]:
        """What access_logs has of a scan."""
        return self.fetch("SELECT * FROM access_logs WHERE id = $1", scan_id)


def expected(code: str) -> str | None:
    """The reason with which a code is denied, None for one that is granted."""
    return REASONS[code.split("-", 1)[0]]


def guard(school: str) -> str:
    """The e-mail address of the school's guard, who signs in with PASSWORD."""
    return f"guard@{school.lower()}.example"


def furnish(url: str) -> School:
    """Fills an empty, migrated database."""
    return asyncio.run(_furnish(url))


async def _fetch(url: str, statement: str, values: tuple[object, ...]) -> list[Any]:
    connection = await asyncpg.connect(url)
    try:
        return list(await connection.fetch(statement, *values))
    finally:
        await connection.close()


async def _furnish(url: str) -> School:
    connection = await asyncpg.connect(url)
    password_hash = hasher().hash(PASSWORD)
    try:
        async with connection.transaction():
            schools = [await _one(connection, name, password_hash) for name in ("North", "South")]
    finally:
        await connection.close()
    return School(url, tuple(door for pair in zip(*schools, strict=True) for door in pair))


async def _one(connection: asyncpg.Connection, name: str, password_hash: str) -> list[Door]:
    school = await add_school(connection, name)
    await connection.execute(
        "INSERT INTO users (email, password_hash, first_name, last_name, role_id, school_id)"
        " SELECT $1, $2, 'Gil', 'Guard', id, $3 FROM roles WHERE name = 'security' AND school_id IS NULL",
        *(guard(name), password_hash, school),
    )
    today = datetime.now(UTC).date()
    granted = [f"granted-{name}-{number}" for number in range(GRANTED_A_SCHOOL)]
    for number, code in enumerate((*granted, f"revoked-{name}", f"expired-{name}")):
        student = await add_student(connection, school, f"S{number}")
        await connection.execute(
            "INSERT INTO passes (school_id, student_id, pass_number, qr_code, issue_date, expiry_date, status)"
            " VALUES ($1, $2, $3, $3, $4, $5, $6)",
            school,
            student,
            code,
            today - timedelta(days=100),
            today + timedelta(days=-2 if code.startswith("expired") else 100),
            "revoked" if code.startswith("revoked") else "active",
        )
    codes = (*granted, f"revoked-{name}", f"expired-{name}", f"nobody-{name}", *granted[:3])
    doors = []
    for _ in range(DOORS_A_SCHOOL):
        door, key = await add_door(connection, school), secrets.token_urlsafe(32)
        await connection.execute(
            "INSERT INTO device_keys (school_id, access_point_id, key_hash) VALUES ($1, $2, $3)",
            school,
            door,
            hashlib.sha256(key.encode()).digest(),
        )
        doors.append(Door(str(door), key, codes))
    return doors
