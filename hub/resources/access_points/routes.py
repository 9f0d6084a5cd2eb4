"""/access-points: the doors of a school. A change reaches every worker's memory through the feed."""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from hub.accounts.permissions import Permission
from hub.accounts.tokens import new_opaque
from hub.domain.ids import new_id
from hub.errors import Conflict, NotFound, PreconditionFailed
from hub.resources.access_points.model import (
    AccessPoint,
    AccessPointsQuery,
    ChangedAccessPoint,
    EnrolledAccessPoint,
    NewAccessPoint,
    RotatedKey,
    Ticket,
    enrolled,
    point,
)
from hub.rest.call import Call
from hub.rest.changes import changed, differing
from hub.rest.pages import Page, read_page
from hub.rest.route import Route
from hub.store.keyset import Column, Filter, Listing
from hub.store.pg import Connection, Record, conflicts
from hub.store.queries import load_queries

Q = load_queries(__package__)
KIND = "access_point"
TICKET_SECONDS = 30

LISTING = Listing(
    Q.list_points,
    sorts={"name": Column("name", str), "createdAt": Column("created_at", datetime)},
    filters={"accessType": Filter("access_type"), "isActive": Filter("is_active")},
    search=("name", "location"),
)
EXAMPLE: dict[str, Any] = {"name": "North gate", "location": "North wing", "accessType": "both"}


async def list_points(call: Call[AccessPointsQuery, None]) -> Page[AccessPoint]:
    return await read_page(call, LISTING, point)


async def get_point(call: Call[None, None]) -> AccessPoint:
    return point(_found(await (await call.tx()).fetchrow(Q.get_point, call.id)))


async def create_point(call: Call[None, NewAccessPoint]) -> EnrolledAccessPoint:
    body, tx, id_ = call.body, await call.tx(), new_id()
    school = call.school_for(body.schoolId)
    with conflicts(
        access_points_device_id_key="deviceId is in use", access_points_school_id_fkey=NotFound("no such school")
    ):
        row = await tx.fetchrow(
            Q.insert_point,
            *(id_, school, body.name, body.location, body.deviceId, body.accessType, body.isActive),
            *(body.maxStalenessSeconds, body.failOpen),
        )
    made = _found(row)
    key = await _new_key(tx, school, id_)
    await call.audit("create", KIND, id_, new=differing(None, point(made)), school=school)
    return enrolled(made, key)


async def update_point(call: Call[None, ChangedAccessPoint]) -> AccessPoint:
    tx = await call.tx()
    old = point(_found(await tx.fetchrow(Q.lock_point, call.id)))
    call.match(old)
    wanted = changed(old, call.body)
    with conflicts(access_points_device_id_key="deviceId is in use"):
        row = await tx.fetchrow(
            Q.update_point,
            *(call.id, wanted.name, wanted.location, wanted.deviceId, wanted.accessType, wanted.isActive),
            *(wanted.maxStalenessSeconds, wanted.failOpen),
        )
    new = point(_found(row))
    await call.audit("update", KIND, call.id, old=differing(new, old), new=differing(old, new), school=old.schoolId)
    return new


async def delete_point(call: Call[None, None]) -> None:
    tx = await call.tx()
    old = point(_found(await tx.fetchrow(Q.lock_point, call.id)))
    await tx.execute(Q.delete_point, call.id)
    await tx.execute(Q.revoke_keys, call.id, call.identity.user_id)
    await call.audit("delete", KIND, call.id, old=differing(None, old), school=old.schoolId)


async def rotate_key(call: Call[None, None]) -> RotatedKey:
    tx = await call.tx()
    door = point(_found(await tx.fetchrow(Q.lock_point, call.id)))
    until = datetime.now(UTC) + timedelta(hours=call.settings.device_key_overlap)
    await tx.execute(Q.expire_keys, call.id, until)
    key = await _new_key(tx, door.schoolId, call.id)
    await call.audit("update", KIND, call.id, new={"deviceKey": "rotated"}, school=door.schoolId)
    return RotatedKey(deviceKey=key, oldKeysExpireAt=until)


async def make_ticket(call: Call[None, None]) -> Ticket:
    """For this person's browser, and as long as they are signed in."""
    tx, identity = await call.tx(), call.identity
    door = point(_found(await tx.fetchrow(Q.get_point, call.id)))
    ticket, hash_ = new_opaque()
    await tx.execute(
        Q.insert_ticket, hash_, door.schoolId, door.id, identity.user_id, identity.session_id, TICKET_SECONDS
    )
    await call.audit("create", "reader_ticket", door.id, school=door.schoolId)
    return Ticket(ticket=ticket, expiresIn=TICKET_SECONDS)


async def _new_key(tx: Connection, school: UUID, door: UUID) -> str:
    """A key for the reader of a door; what is kept of it opens nothing."""
    key = f"phk_{secrets.token_urlsafe(32)}"
    await tx.execute(Q.insert_key, new_id(), school, door, hashlib.sha256(key.encode()).digest())
    return key


def _found(row: Record | None) -> Record:
    if row is None:
        raise NotFound("no such access point")
    return row


ROUTES = [
    Route(
        "GET",
        "/access-points",
        list_points,
        summary="List access points",
        permission=Permission.access_points_read,
        query=AccessPointsQuery,
        answer=Page[AccessPoint],
    ),
    Route(
        "POST",
        "/access-points",
        create_point,
        summary="Create an access point; its reader's key is shown once",
        permission=Permission.access_points_create,
        body=NewAccessPoint,
        answer=EnrolledAccessPoint,
        location="/access-points/{id}",
        errors=(NotFound, Conflict),
        example=EXAMPLE,
    ),
    Route(
        "GET",
        "/access-points/{id}",
        get_point,
        summary="One access point",
        permission=Permission.access_points_read,
        answer=AccessPoint,
        errors=(NotFound,),
    ),
    Route(
        "PUT",
        "/access-points/{id}",
        update_point,
        summary="Change an access point",
        permission=Permission.access_points_update,
        body=ChangedAccessPoint,
        answer=AccessPoint,
        errors=(NotFound, Conflict, PreconditionFailed),
        example={"location": "South wing"},
    ),
    Route(
        "DELETE",
        "/access-points/{id}",
        delete_point,
        summary="Delete an access point; its reader's keys stop working",
        permission=Permission.access_points_delete,
        errors=(NotFound,),
    ),
    Route(
        "POST",
        "/access-points/{id}/rotate-key",
        rotate_key,
        summary="Make a new key for the reader; the old one works on for a while",
        permission=Permission.access_points_update,
        answer=RotatedKey,
        errors=(NotFound,),
    ),
    Route(
        "POST",
        "/access-points/{id}/tickets",
        make_ticket,
        summary="A single-use ticket with which one's browser connects as a reader there",
        permission=Permission.access_points_scan,
        answer=Ticket,
        status=201,
        idempotent=False,
        errors=(NotFound,),
    ),
]
