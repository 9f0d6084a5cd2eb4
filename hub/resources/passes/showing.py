"""A pass as a picture of its code, and every check of what a door would say to it."""

from __future__ import annotations

import hashlib
import time
from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from msgspec import UNSET, Meta, UnsetType

from hub.domain import policy
from hub.domain.card import Card, pack, unpack
from hub.domain.clock import FIRST_MOMENT, LAST_MOMENT, day_number, micros, moment
from hub.domain.ids import NIL
from hub.domain.passes import PassStatus, PassType, StudentStatus
from hub.domain.policy import Door
from hub.domain.verdict import ACCESS_TYPE, DIRECTION_CODE, Reason, status_text
from hub.errors import NotFound
from hub.issuing.drawing import MEDIA, Correction, Drawing, Format
from hub.issuing.pictures import PICTURES
from hub.issuing.signing import known_zone
from hub.resources.passes.rules import Q, found, tells_of
from hub.rest.answer import File
from hub.rest.call import Call
from hub.rest.faults import fault, refusal
from hub.store.pg import Record

_A_DAY = 86_400_000_000


class QrQuery(msgspec.Struct, kw_only=True, frozen=True):
    """`size`: each side, in pixels; of a PDF, in points."""

    format: Format = "svg"
    size: Annotated[int, Meta(ge=100, le=2000)] = 400
    ecc: Annotated[Correction, Meta(description="how much of it may be damaged: 7, 15, 25 or 30 %")] = "M"


async def pass_qr(call: Call[QrQuery, None]) -> File:
    row = found(await (await call.tx()).fetchrow(Q.code_of_pass, call.id))
    tells_of(call, row["student_id"])
    query = call.query
    drawing = Drawing(row["qr_code"], query.format, query.size, query.ecc)
    body = await call.part(PICTURES).of(drawing)
    name = f"{row['pass_number']}.{query.format}"
    return File(
        MEDIA[query.format], name, body, tag=f'"{hashlib.sha256(msgspec.json.encode(drawing)).hexdigest()[:32]}"'
    )


class ExplainQuery(msgspec.Struct, kw_only=True, frozen=True):
    """`at`: now, when it is left out."""

    accessPointId: UUID
    at: Annotated[datetime, Meta(tz=True)] | UnsetType = UNSET
    direction: Literal["entry", "exit"] | None = None


class Check(msgspec.Struct, kw_only=True):
    """`reason`: what a denial would say when this fails."""

    reason: str
    passed: bool


class Explanation(msgspec.Struct, kw_only=True):
    """The first check that fails is the reason. By the tables as they are now, for the time that is asked for; a hub
    that is cut off from them may answer otherwise."""

    passId: UUID
    accessPointId: UUID
    at: Annotated[datetime, Meta(tz=True)]
    localDay: Annotated[str, Meta(description="the day that it is at the pass's school then")]
    decision: Literal["granted", "denied"]
    reason: str | None
    checks: list[Check]


async def explain_pass(call: Call[ExplainQuery, None]) -> Explanation:
    query, tx = call.query, await call.tx()
    row = found(await tx.fetchrow(Q.explained_pass, call.id))
    tells_of(call, row["student_id"])
    at_door = await tx.fetchrow(Q.explained_door, query.accessPointId)
    if at_door is None:
        raise NotFound("no such access point")
    at = time.time_ns() // 1000 if query.at is UNSET else micros(query.at)
    if not FIRST_MOMENT + _A_DAY <= at <= LAST_MOMENT - _A_DAY:
        raise refusal([fault("at", "is outside of the years 1 to 9999")])
    local = moment(at).astimezone(ZoneInfo(known_zone(row["timezone"]))).date()
    direction = DIRECTION_CODE[query.direction]
    checks = policy.explain(_card(row), _door(at_door), direction, day_number(local), 0.0)
    reason = next((failed for failed, passed in checks if not passed), Reason.granted)
    return Explanation(
        passId=call.id,
        accessPointId=query.accessPointId,
        at=moment(at).astimezone(UTC),
        localDay=local.isoformat(),
        decision="denied" if status_text(reason) == "denied" else "granted",
        reason=None if reason is Reason.granted else reason.name,
        checks=[Check(reason=checked.name, passed=passed) for checked, passed in checks],
    )


def _card(row: Record) -> Card:
    """As the index has it."""
    status = PassStatus[row["status"]]
    if status is PassStatus.active and row["max_uses"] is not None and row["uses"] >= row["max_uses"]:
        status = PassStatus.used_up
    days = [min(max(day_number(row[name]), 0), 65_535) for name in ("issue_date", "expiry_date")]
    student = row["student_id"]
    holder = NIL if student is None else student.bytes
    type_, flags = PassType[row["pass_type"]], (row["max_uses"] or 0) << 1
    return unpack(
        pack(
            row["id"].bytes,
            holder,
            row["school_number"],
            (days[0], days[1]),
            status,
            type_,
            _holder(row),
            flags,
            "",
            "",
        )
    )


def _holder(row: Record) -> StudentStatus:
    if row["student_id"] is None:
        return StudentStatus.none
    return StudentStatus.inactive if row["student_deleted"] is not None else StudentStatus[row["student_status"]]


def _door(row: Record) -> Door:
    return Door(
        row["school_number"],
        row["school_active"],
        row["is_active"],
        ACCESS_TYPE[row["access_type"]],
        row["max_staleness"],
        row["fail_open"],
    )
