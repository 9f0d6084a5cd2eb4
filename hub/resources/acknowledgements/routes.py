"""/acknowledgements and /hand-over. A new acknowledgement is on all screens of the school at once (hub/live)."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from hub.accounts.permissions import Permission
from hub.domain.ids import new_id
from hub.errors import NotFound
from hub.resources.acknowledgements.hand_over import HandOverItem, HandOverQuery, hand_over
from hub.resources.acknowledgements.model import (
    Acknowledgement,
    AcknowledgementsQuery,
    NewAcknowledgement,
    acknowledgement,
)
from hub.resources.acknowledgements.queries import Q
from hub.rest.call import Call
from hub.rest.changes import differing
from hub.rest.faults import fault, refusal
from hub.rest.pages import Page, read_page
from hub.rest.route import Route
from hub.store.keyset import Column, Filter, Listing
from hub.store.pg import Record

KIND = "acknowledgement"
LISTING = Listing(
    Q.list_acknowledgements,
    sorts={"createdAt": Column("created_at", datetime)},
    filters={
        "scanId": Filter("scan_id"),
        "accessPointId": Filter("access_point_id"),
        "userId": Filter("user_id"),
    },
)


async def acknowledge(call: Call[None, NewAcknowledgement]) -> Acknowledgement:
    body, tx, id_ = call.body, await call.tx(), new_id()
    if (body.scanId is None) == (body.accessPointId is None):
        raise refusal([fault("scanId", "say what: either scanId or accessPointId")])
    if body.scanId is not None:
        what = _found(await tx.fetchrow(Q.scan_to_acknowledge, body.scanId), "scan")
    else:
        what = _found(await tx.fetchrow(Q.door_to_acknowledge, body.accessPointId), "access point")
    school: UUID = what["school_id"]
    values = (what["access_point_id"], body.scanId, what["student_id"], call.identity.user_id, body.note)
    await tx.execute(Q.add_acknowledgement, id_, school, *values)
    made = acknowledgement(_found(await tx.fetchrow(Q.get_acknowledgement, id_), KIND))
    await call.audit("create", KIND, id_, new=differing(None, made), school=school, subject=what["student_id"])
    return made


async def get_acknowledgement(call: Call[None, None]) -> Acknowledgement:
    return acknowledgement(_found(await (await call.tx()).fetchrow(Q.get_acknowledgement, call.id), KIND))


async def list_acknowledgements(call: Call[AcknowledgementsQuery, None]) -> Page[Acknowledgement]:
    return await read_page(call, LISTING, acknowledgement)


def _found(row: Record | None, what: str) -> Record:
    if row is None:
        raise NotFound(f"no such {what}")
    return row


ROUTES = [
    Route(
        "GET",
        "/acknowledgements",
        list_acknowledgements,
        summary="List acknowledgements, newest first",
        permission=Permission.access_logs_read,
        query=AcknowledgementsQuery,
        answer=Page[Acknowledgement],
    ),
    Route(
        "POST",
        "/acknowledgements",
        acknowledge,
        summary="Acknowledge a scan, or a door that is silent; all screens of the school show it",
        permission=Permission.acknowledgements_create,
        body=NewAcknowledgement,
        answer=Acknowledgement,
        location="/acknowledgements/{id}",
        errors=(NotFound,),
        example={"scanId": "018bcfe5-6800-7000-8000-0000000000e1", "note": "forgot the card; sent to the office"},
    ),
    Route(
        "GET",
        "/acknowledgements/{id}",
        get_acknowledgement,
        summary="One acknowledgement",
        permission=Permission.access_logs_read,
        answer=Acknowledgement,
        errors=(NotFound,),
    ),
    Route(
        "GET",
        "/hand-over",
        hand_over,
        summary="What is open: denials, doors that are not there; and entries by hand and notes since a time",
        permission=Permission.access_logs_read,
        query=HandOverQuery,
        answer=Page[HandOverItem],
        reads="student",
    ),
]
