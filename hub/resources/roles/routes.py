"""/admin/roles: what people may do, under a name. Who holds a role may do what it says from the commit on."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from hub.accounts.permissions import Permission
from hub.domain.ids import new_id
from hub.errors import Conflict, Forbidden, NotFound, PreconditionFailed
from hub.resources.roles.model import ChangedRole, NewRole, Role, RolesQuery, role
from hub.rest.call import Call
from hub.rest.changes import differing
from hub.rest.pages import Page, read_page
from hub.rest.route import Route
from hub.store.keyset import Column, Filter, Listing
from hub.store.pg import Connection, Record, conflicts
from hub.store.queries import load_queries

Q = load_queries(__package__)
KIND = "role"

LISTING = Listing(
    Q.list_roles,
    sorts={"name": Column("name", str), "createdAt": Column("created_at", datetime)},
    filters={"builtIn": Filter("built_in")},
    search=("name", "description"),
)
NAME_TAKEN = {
    "roles_school_id_name_key": "a role of this name is there already",
    "roles_built_in": "a built-in role has this name",
}
EXAMPLE: dict[str, Any] = {"name": "front desk", "permissions": ["passes:read", "visitors:create"]}


async def list_roles(call: Call[RolesQuery, None]) -> Page[Role]:
    return await read_page(call, LISTING, role)


async def get_role(call: Call[None, None]) -> Role:
    return role(_found(await (await call.tx()).fetchrow(Q.get_role, call.id)))


async def create_role(call: Call[None, NewRole]) -> Role:
    body, tx, id_ = call.body, await call.tx(), new_id()
    _check_held(call, body.permissions)
    school = call.school_for(body.schoolId) if call.school or body.schoolId else None
    with conflicts(roles_school_id_fkey=NotFound("no such school"), **NAME_TAKEN):
        await tx.execute(Q.insert_role, id_, body.name, body.description, school)
    await _set_permissions(tx, id_, body.permissions)
    made = role(_found(await tx.fetchrow(Q.get_role, id_)))
    await call.audit("create", KIND, id_, new=differing(None, made), school=school)
    return made


async def update_role(call: Call[None, ChangedRole]) -> Role:
    body, tx = call.body, await call.tx()
    await tx.execute(Q.hold_role, call.id)
    old = role(_found(await tx.fetchrow(Q.get_role, call.id)))
    call.match(old)
    if old.builtIn:
        raise Conflict("a built-in role is not changed; make one of your own")
    name = body.name if isinstance(body.name, str) else old.name
    description = body.description if isinstance(body.description, str | None) else old.description
    # Whoever may do less than the role cannot weaken those who hold it either.
    _check_held(call, old.permissions)
    with conflicts(**NAME_TAKEN):
        if await tx.fetchval(Q.update_role, call.id, name, description) is None:
            raise Forbidden("this role belongs to the installation; its super admins change it")
    if name != old.name:
        await _rename_in_settings(call, tx, old, name)
    if isinstance(body.permissions, list):
        _check_held(call, body.permissions)
        await _set_permissions(tx, call.id, body.permissions)
    new = role(_found(await tx.fetchrow(Q.get_role, call.id)))
    await call.audit("update", KIND, call.id, old=differing(new, old), new=differing(old, new), school=old.schoolId)
    return new


async def _rename_in_settings(call: Call[Any, Any], tx: Connection, old: Role, name: str) -> None:
    """What a school asks of the role, it asks of it by any name."""
    for row in await tx.fetch(Q.rename_in_settings, old.name, name, old.schoolId):
        told = {"settings": {"secondFactor": {"renamed": [old.name, name]}}}
        await call.audit("update", "school", row["id"], new=told, school=row["id"])


async def _set_permissions(tx: Connection, role_id: UUID, permissions: Iterable[Permission]) -> None:
    names = [permission.value for permission in permissions]
    await tx.execute(Q.take_permissions, role_id, names)
    await tx.execute(Q.give_permissions, role_id, names)


def _check_held(call: Call[Any, Any], permissions: Iterable[str]) -> None:
    """Nobody grants what they do not hold. Raises Forbidden, which names what is missing."""
    held = {permission.value for permission in call.identity.permissions}
    missing = sorted({str(permission) for permission in permissions} - held)
    if missing:
        raise Forbidden(f"you do not hold {', '.join(missing)}")


def _found(row: Record | None) -> Record:
    if row is None:
        raise NotFound("no such role")
    return row


ROUTES = [
    Route(
        "GET",
        "/admin/roles",
        list_roles,
        summary="List roles",
        permission=Permission.roles_read,
        query=RolesQuery,
        answer=Page[Role],
    ),
    Route(
        "POST",
        "/admin/roles",
        create_role,
        summary="Create a role out of what you hold",
        permission=Permission.roles_create,
        body=NewRole,
        answer=Role,
        location="/admin/roles/{id}",
        errors=(Forbidden, NotFound, Conflict),
        example=EXAMPLE,
    ),
    Route(
        "GET",
        "/admin/roles/{id}",
        get_role,
        summary="One role",
        permission=Permission.roles_read,
        answer=Role,
        errors=(NotFound,),
    ),
    Route(
        "PUT",
        "/admin/roles/{id}",
        update_role,
        summary="Change a role; a built-in one stays as it is",
        permission=Permission.roles_update,
        body=ChangedRole,
        answer=Role,
        errors=(Forbidden, NotFound, Conflict, PreconditionFailed),
        example={"permissions": ["passes:read"]},
    ),
]
