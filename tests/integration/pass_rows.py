"""Random passes and students as people have them: every script, every state, any dates. One seed, one set."""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import NamedTuple
from uuid import UUID

import asyncpg

from hub.domain.card import HAS_PHOTO, pack
from hub.domain.clock import day_number
from hub.domain.ids import NIL
from hub.domain.passes import PassStatus, PassType, StudentStatus
from tests.integration.rows import add_school, lookup_key

ALPHABETS = ("abcXYZ '-", "ÅéñßŁ", "Ωжשع", "陳王李", "\U00020bb7\U0001f393\U00010348", "e\u0301\u200d")
LAST_DAY = 65_535


class Expected(NamedTuple):
    """What the index is to hold."""

    key: bytes
    packed: bytes


async def add_random(connection: asyncpg.Connection, seed: int, count: int) -> dict[bytes, bytes]:
    """Writes `count` passes in two schools of their own; key → the card as Python packs it."""
    chance = random.Random(seed)
    schools = [await add_school(connection, f"{seed}-{i}") for i in range(2)]
    numbers = {row["id"]: row["number"] for row in await connection.fetch("SELECT id, number FROM schools")}
    rows = [await _add(connection, chance, f"{seed}-{i}", chance.choice(schools), numbers) for i in range(count)]
    return dict(rows)


async def _add(
    connection: asyncpg.Connection, chance: random.Random, tag: str, school: UUID, numbers: dict[UUID, int]
) -> Expected:
    name, student, student_status, flags = "", None, StudentStatus.none, 0
    if chance.random() < 0.85:
        first, last = _name(chance), _name(chance)
        middle = chance.choice([None, "", _name(chance)])
        stored = chance.choice([s for s in StudentStatus if s is not StudentStatus.none])
        deleted, photo = chance.random() < 0.2, chance.random() < 0.5
        student = await connection.fetchval(
            "INSERT INTO students (student_id, first_name, middle_name, last_name, school_id, status, photo_url,"
            " deleted_at) VALUES ($1, $2, $3, $4, $5, $6, $7, CASE WHEN $8 THEN now() END) RETURNING id",
            *(tag, first, middle, last, school, stored.name, "/photo" if photo else None, deleted),
        )
        name = " ".join([first, middle, last] if middle else [first, last])
        student_status = StudentStatus.inactive if deleted else stored
        flags = HAS_PHOTO if photo else 0
    issued = date(1960, 1, 1) + timedelta(days=chance.randrange(80_000))
    expires = date.max if chance.random() < 0.1 else issued + timedelta(days=chance.randrange(9_000))
    status: PassStatus = chance.choice([s for s in PassStatus if s is not PassStatus.used_up])
    type_ = chance.choice(list(PassType))
    limit = chance.choice([None, 1, 100]) if type_ is PassType.visitor else None
    uses, visitor = chance.choice([0, 1]), chance.choice([None, _name(chance)])
    code, number = f"code {tag} {_name(chance)}", f"{tag}{_name(chance)}"[:50]
    id_ = await connection.fetchval(
        "INSERT INTO passes (school_id, student_id, pass_number, qr_code, issue_date, expiry_date, status, pass_type,"
        " max_uses, uses, visitor_name) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) RETURNING id",
        *(school, student, number, code, issued, expires, status.name, type_.name, limit, uses, visitor),
    )
    if status is PassStatus.active and limit is not None and uses >= limit:
        status = PassStatus.used_up
    days = tuple(min(max(day_number(day), 0), LAST_DAY) for day in (issued, expires))
    student_id = student.bytes if student else NIL
    packed = pack(
        id_.bytes,
        student_id,
        numbers[school],
        (days[0], days[1]),
        status,
        type_,
        student_status,
        flags | (limit or 0) << 1,
        name if student else visitor or "",
        number,
    )
    return Expected(lookup_key(code), packed)


def _name(chance: random.Random) -> str:
    alphabet = chance.choice(ALPHABETS)
    return "".join(chance.choices(alphabet, k=chance.choice([1, 5, 12, 59, 60, 61, 100])))
