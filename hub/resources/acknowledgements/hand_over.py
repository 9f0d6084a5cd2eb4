"""/hand-over: what is open, for whoever comes and whoever goes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from hub.resources.acknowledgements.queries import Q
from hub.rest.call import Call
from hub.rest.faults import fault, refusal
from hub.rest.pages import ListQuery, Page, read_page
from hub.store.keyset import Column, Filter, Listing
from hub.store.pg import Record

Kind = Literal["denial", "door", "entry", "note"]
Moment = Annotated[datetime, Meta(tz=True)]

LISTING = Listing(Q.hand_over, sorts={"at": Column("at", datetime)}, filters={"kind": Filter("kind")})
#: A shift, and how far back somebody may look.
SHIFT, FURTHEST = timedelta(hours=12), timedelta(days=7)
#: Workers write every ten seconds when readers were heard last, and a healthy one is heard every twenty.
SILENT_SECONDS = 45.0


class HandOverStudent(msgspec.Struct, kw_only=True):
    id: UUID
    name: str
    photoUrl: str | None


class HandOverItem(msgspec.Struct, kw_only=True):
    """`denial`: nobody has acknowledged it; `id` is the scan's. `door`: its reader is not there, `at` being when it was
    heard last and `reason` offline or silent; `id` is the door's. `entry`: somebody was let in or sent away by hand.
    `note`: an acknowledgement. `userId`: who entered or acknowledged."""

    id: UUID
    kind: Kind
    at: Moment
    schoolId: UUID
    accessPointId: UUID
    accessPoint: str
    scanId: UUID | None
    decision: str | None
    reason: str | None
    note: str | None
    student: HandOverStudent | None
    userId: UUID | None
    userName: str | None


class HandOverQuery(ListQuery, kw_only=True, frozen=True):
    sort: Literal["at", "-at"] = "-at"
    since: (
        Annotated[datetime, Meta(tz=True, description="at most seven days ago; as it is, twelve hours")] | UnsetType
    ) = UNSET
    kind: Kind | UnsetType = UNSET


async def hand_over(call: Call[HandOverQuery, None]) -> Page[HandOverItem]:
    query = call.query
    filters = {} if query.kind is UNSET else {"kind": query.kind}
    page = await read_page(call, LISTING, _item, base=(_since(query), SILENT_SECONDS), filters=filters)
    call.read = list(dict.fromkeys(item.student.id for item in page.data if item.student is not None))
    return page


def _since(query: HandOverQuery) -> datetime:
    now = datetime.now(UTC)
    if query.since is UNSET:
        return now - SHIFT
    if query.since < now - FURTHEST:
        raise refusal([fault("since", "must be within the last seven days")])
    return query.since


def _item(row: Record) -> HandOverItem:
    return HandOverItem(
        id=row["id"],
        kind=row["kind"],
        at=row["at"],
        schoolId=row["school_id"],
        accessPointId=row["access_point_id"],
        accessPoint=row["access_point"],
        scanId=row["scan_id"],
        decision=row["status"],
        reason=row["reason"],
        note=row["note"],
        student=_student(row),
        userId=row["user_id"],
        userName=row["user_name"],
    )


def _student(row: Record) -> HandOverStudent | None:
    id_: Any = row["student_id"]
    if id_ is None:
        return None
    photo = f"/api/v1/students/{id_}/photo" if row["has_photo"] else None
    return HandOverStudent(id=id_, name=row["student_name"] or "", photoUrl=photo)
