"""/schools: made by super admins, changed by their own administrators. A change reaches every worker's memory through
the feed: another time zone is the doors' at once."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID
from zoneinfo import available_timezones

import msgspec
from msgspec import UNSET, UnsetType

from hub.accounts.permissions import GUARD_DESK, Permission
from hub.domain.ids import new_id
from hub.errors import Conflict, Forbidden, NotFound, PreconditionFailed, Unprocessable
from hub.resources.schools.logo import FIELD, Logo, delete_logo, get_logo, upload_logo
from hub.resources.schools.model import ChangedSchool, GivenSettings, NewSchool, School, SchoolsQuery, school, stored
from hub.resources.schools.rules import KIND, Q, found
from hub.rest.call import Call
from hub.rest.changes import differing
from hub.rest.faults import Fault, fault, refusal
from hub.rest.files.photos import MEDIA
from hub.rest.pages import Page, read_page
from hub.rest.route import Route
from hub.store.keyset import Column, Filter, Listing
from hub.store.pg import Connection, Role, conflicts

#: How long a logo may be on its way, in seconds.
PATIENCE = 120.0

LISTING = Listing(
    Q.list_schools,
    sorts={
        "name": Column("name", str),
        "code": Column("code", str),
        "createdAt": Column("created_at", datetime),
    },
    filters={"code": Filter("code"), "isActive": Filter("is_active"), "timezone": Filter("timezone")},
    search=("name", "code"),
)
TAKEN = {"schools_code_key": "another school has this code"}
EXAMPLE: dict[str, Any] = {"name": "North School", "code": "NORTH", "timezone": "Europe/Lisbon"}


async def list_schools(call: Call[SchoolsQuery, None]) -> Page[School]:
    return await read_page(call, LISTING, school)


async def get_school(call: Call[None, None]) -> School:
    return school(found(await (await call.tx()).fetchrow(Q.get_school, call.id)))


async def create_school(call: Call[None, NewSchool]) -> School:
    body, tx, id_ = call.body, await call.tx(), new_id()
    await _check(tx, id_, body.timezone, body.settings)
    _check_desk(call, body.settings)
    with conflicts(**TAKEN):
        row = await tx.fetchrow(
            Q.insert_school,
            *(id_, body.name, body.code, body.address, body.phone, body.email, body.website, body.logoUrl),
            *(body.isActive, body.timezone, body.maxStalenessSeconds, stored(body.settings)),
        )
    made = school(found(row))
    await call.audit("create", KIND, id_, new=differing(None, made), school=id_)
    return made


async def update_school(call: Call[None, ChangedSchool]) -> School:
    body, tx = call.body, await call.tx()
    old = school(found(await tx.fetchrow(Q.lock_school, call.id)))
    call.match(old)
    if body.isActive is not UNSET and body.isActive != old.isActive and call.identity.school_id is not None:
        raise Forbidden("only a super admin closes or opens a school")
    await _check(tx, call.id, body.timezone, body.settings)
    if not old.settings.guardDesk:
        _check_desk(call, body.settings)
    sent = {name: getattr(body, name) for name in body.__struct_fields__ if name != "settings"}
    wanted = msgspec.structs.replace(old, **{name: value for name, value in sent.items() if value is not UNSET})
    with conflicts(**TAKEN):
        row = await tx.fetchrow(
            Q.update_school,
            *(call.id, wanted.name, wanted.code, wanted.address, wanted.phone, wanted.email, wanted.website),
            *(wanted.logoUrl, wanted.isActive, wanted.timezone, wanted.maxStalenessSeconds, stored(body.settings)),
        )
    new = school(found(row))
    await call.audit("update", KIND, call.id, old=differing(new, old), new=differing(old, new), school=call.id)
    return new


async def _check(tx: Connection, id_: UUID, zone: str | UnsetType, given: GivenSettings | UnsetType) -> None:
    """What only the tables can tell. Raises BadRequest."""
    faults: list[Fault] = []
    if zone is not UNSET and not (zone in _zones() and await tx.fetchval(Q.knows_zone, zone)):
        faults.append(fault("timezone", "must be a time zone of the tz database, as in Europe/Lisbon"))
    names = [] if given is UNSET or given.secondFactor is UNSET else given.secondFactor
    known = {row["name"] for row in await tx.fetch(Q.roles_named, id_, names)} if names else set()
    faults += [
        fault(f"settings.secondFactor.{place}", "is no role of this school")
        for place, name in enumerate(names)
        if name not in known
    ]
    if faults:
        raise refusal(faults)


def _check_desk(call: Call[Any, Any], given: GivenSettings | UnsetType) -> None:
    """The guard desk is a grant to all guards of a school: nobody grants what they do not hold. Raises Forbidden."""
    if given is UNSET or given.guardDesk is not True:
        return
    missing = sorted(GUARD_DESK - call.identity.permissions)
    if missing:
        raise Forbidden(f"guardDesk: you do not hold {', '.join(missing)}")


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


ROUTES = [
    Route(
        "GET",
        "/schools",
        list_schools,
        summary="List schools: one's own, or for super admins all",
        permission=Permission.schools_read,
        query=SchoolsQuery,
        answer=Page[School],
    ),
    Route(
        "POST",
        "/schools",
        create_school,
        summary="Create a school",
        permission=Permission.schools_create,
        body=NewSchool,
        answer=School,
        location="/schools/{id}",
        of_school=False,
        acts_as=Role.hub_admin,
        errors=(Conflict, Forbidden),
        example=EXAMPLE,
    ),
    Route(
        "GET",
        "/schools/{id}",
        get_school,
        summary="One school",
        permission=Permission.schools_read,
        answer=School,
        errors=(NotFound,),
    ),
    Route(
        "PUT",
        "/schools/{id}",
        update_school,
        summary="Change a school and its settings",
        permission=Permission.schools_update,
        body=ChangedSchool,
        answer=School,
        errors=(NotFound, Conflict, Forbidden, PreconditionFailed),
        example={"phone": "+351 21 000 0000", "settings": {"guardDesk": True}},
    ),
    Route(
        "POST",
        "/schools/{id}/logo",
        upload_logo,
        summary="Set the logo that stands on badges of a school",
        permission=Permission.schools_update,
        upload="JPEG, PNG or WebP; all of it is shown, on white",
        upload_field=FIELD,
        answer=Logo,
        location="/schools/{id}/logo",
        errors=(NotFound, Unprocessable),
        timeout=PATIENCE,
    ),
    Route(
        "GET",
        "/schools/{id}/logo",
        get_logo,
        summary="The logo of a school that is kept here, as JPEG",
        permission=Permission.schools_read,
        files=(MEDIA,),
        errors=(NotFound,),
    ),
    Route(
        "DELETE",
        "/schools/{id}/logo",
        delete_logo,
        summary="Delete the logo of a school that is kept here",
        permission=Permission.schools_update,
        errors=(NotFound,),
    ),
]
