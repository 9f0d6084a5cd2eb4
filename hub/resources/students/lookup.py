"""/students/lookup: who stands there, and whether they may pass. A face, a name, a number, and no more.

Who it is comes from PostgreSQL; whether the pass works comes from where a reader's answer would: the index in memory
and the policy, with how stale the index is.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from hub.domain.verdict import DIRECTION_CODE, REASON_TEXT, Reason
from hub.errors import NotFound
from hub.gate.desk import DESK, Desk
from hub.resources.students.leaving import Q
from hub.rest.call import Call
from hub.rest.pages import Asked
from hub.rest.students.query import PRESENT
from hub.rest.students.search import Searched
from hub.store.pg import Record

MOST, LOOKED_AT = 8, 40


class LookupQuery(msgspec.Struct, kw_only=True, frozen=True):
    q: Annotated[str, Meta(min_length=2, max_length=100, description="words of the name, the number or the e-mail")]
    accessPointId: Annotated[UUID, Meta(description="whether the pass works there, now")] | UnsetType = UNSET


class LookedUpPass(msgspec.Struct, kw_only=True):
    """`works` and `reason` are null where no access point was named; `reason` too for a pass that works."""

    id: UUID
    passNumber: str
    works: bool | None
    reason: str | None


class LookedUpStudent(msgspec.Struct, kw_only=True):
    """`pass`: the one that works, else the one that would most likely be shown; null when there is none."""

    id: UUID
    studentId: str
    name: str
    program: str | None
    photoUrl: str | None
    pass_: LookedUpPass | None = msgspec.field(name="pass")


class LookedUp(msgspec.Struct, kw_only=True):
    """At most eight, the best match first."""

    students: list[LookedUpStudent]


async def lookup_students(call: Call[LookupQuery, None]) -> LookedUp:
    query, tx = call.query, await call.tx()
    door = None if query.accessPointId is UNSET else query.accessPointId
    if door is not None and not await tx.fetchval(Q.is_door, door):
        raise NotFound("no such access point")
    asked = Asked("lastName", LOOKED_AT, None, {}, query.q)
    rows = await Searched(PRESENT, everywhere=call.school is None).page(tx, asked)
    rows = sorted(rows, key=lambda row: _distance(row, query.q))[:MOST]
    passes: dict[UUID, list[Record]] = {}
    for row in await tx.fetch(Q.passes_to_show, [row["id"] for row in rows]) if rows else []:
        passes.setdefault(row["student_id"], []).append(row)
    call.read = [row["id"] for row in rows]
    desk = call.part(DESK)
    return LookedUp(students=[_student(row, _pass(desk, door, passes.get(row["id"], ()))) for row in rows])


def _distance(row: Record, q: str) -> int:
    """How far from what was meant: the number itself, one that begins so, a name that begins so, whatever else holds
    it. The order of names among equals."""
    typed, number = q.strip().casefold(), row["student_id"].casefold()
    if typed == number:
        return 0
    if f"{row['first_name']} {row['last_name']}".casefold() == typed or row["last_name"].casefold() == typed:
        return 1
    if row["last_name"].casefold().startswith(typed) or number.startswith(typed):
        return 2
    return 3 if row["first_name"].casefold().startswith(typed) else 4


def _pass(desk: Desk, door: UUID | None, passes: Iterable[Record]) -> LookedUpPass | None:
    """By what readers are answered from; passes are in the order in which they would be shown."""
    first: LookedUpPass | None = None
    for row in passes:
        shown = LookedUpPass(id=row["id"], passNumber=row["pass_number"], works=None, reason=None)
        if door is not None:
            code = desk.opinion(door, row["lookup_key"], DIRECTION_CODE[None], time.time_ns() // 1000)
            shown.works, shown.reason = code == Reason.granted, REASON_TEXT[code]
        if shown.works:
            return shown
        first = first or shown
    return first


def _student(row: Record, shown: LookedUpPass | None) -> LookedUpStudent:
    id_: Any = row["id"]
    names = (row["first_name"], row["middle_name"], row["last_name"])
    return LookedUpStudent(
        id=id_,
        studentId=row["student_id"],
        name=" ".join(name for name in names if name),
        program=row["program"],
        photoUrl=None if row["photo_url"] is None else f"/api/v1/students/{id_}/photo",
        pass_=shown,
    )
