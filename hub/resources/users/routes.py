"""/admin/users: the people of a school, as its administrators see them; super admins see all.

Nobody gives a role that may do what they themselves may not, nor changes somebody who has one.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from hub.accounts.accounts import ACCOUNTS
from hub.accounts.letters import Letter, ask_for
from hub.accounts.permissions import GUARD_DESK, Permission
from hub.domain.ids import new_id
from hub.errors import BadRequest, Conflict, Forbidden, NotFound, PreconditionFailed, Unprocessable
from hub.resources.users.model import ChangedUser, NewUser, User, UsersQuery, user
from hub.rest.call import Call
from hub.rest.changes import changed, differing
from hub.rest.pages import Page, read_page
from hub.rest.route import Route
from hub.rest.sessions import OpenSession, SessionsQuery, end_session_of, sessions_of
from hub.store.keyset import Column, Filter, Listing
from hub.store.pg import Connection, Record, conflicts
from hub.store.queries import load_queries

Q = load_queries(__package__)
KIND = "user"
SUPER_ADMIN, SECURITY = "super_admin", "security"

LISTING = Listing(
    Q.list_users,
    sorts={
        "email": Column("email", str),
        "lastName": Column("last_name", str),
        "createdAt": Column("created_at", datetime),
    },
    filters={"roleId": Filter("role_id"), "isActive": Filter("is_active")},
    search=("email", "first_name", "last_name"),
)
LAST = "this is the last super admin; make another one first"
EXAMPLE: dict[str, Any] = {
    "email": "grace@school.example",
    "firstName": "Grace",
    "lastName": "Okonkwo",
    "roleId": "018bcfe5-6800-7000-8000-000000000004",
}


async def list_users(call: Call[UsersQuery, None]) -> Page[User]:
    return await read_page(call, LISTING, user)


async def get_user(call: Call[None, None]) -> User:
    return user(_found(await (await call.tx()).fetchrow(Q.get_user, call.id)))


async def create_user(call: Call[None, NewUser]) -> User:
    body, tx, id_ = call.body, await call.tx(), new_id()
    role = await _role(tx, body.roleId)
    await _check_grantable(call, tx, role, call.school or body.schoolId)
    school = _school(call, role)
    with conflicts(
        users_lower_email_key="email is in use",
        users_school_id_fkey=NotFound("no such school"),
        users_role_of_school="this role belongs to another school",
    ):
        await tx.execute(Q.insert_user, id_, body.email, body.firstName, body.lastName, body.roleId, school)
    made = user(_found(await tx.fetchrow(Q.get_user, id_)))
    await ask_for(tx, Letter("invitation", user_id=id_))
    await call.audit("create", KIND, id_, new=differing(None, made), school=school)
    return made


async def update_user(call: Call[None, ChangedUser]) -> User:
    tx = await call.tx()
    old = user(_found(await tx.fetchrow(Q.lock_user, call.id)))
    call.match(old)
    await _check_holds(call, tx, old)
    wanted = changed(old, call.body)
    if wanted.roleId != old.roleId:
        await _check_role_change(call, tx, old, wanted.roleId)
    if call.id == call.identity.user_id:
        _check_own(old, wanted)
    with conflicts(
        users_lower_email_key="email is in use",
        users_role_of_school="this role belongs to another school",
        users_last_super_admin=LAST,
    ):
        await tx.execute(
            Q.update_user, call.id, wanted.email, wanted.firstName, wanted.lastName, wanted.roleId, wanted.isActive
        )
    if old.secondFactor and not wanted.secondFactor:
        accounts = call.part(ACCOUNTS)
        await accounts.factors.remove(tx, call.id)
        await accounts.sessions.end_others(tx, call.id, None)
        await ask_for(tx, Letter("notice", user_id=call.id, about="factor_removed"))
    if wanted.email.lower() != old.email.lower():
        await ask_for(tx, Letter("verify", user_id=call.id))
        await ask_for(tx, Letter("notice", user_id=call.id, email=old.email, about="email"))
    new = user(_found(await tx.fetchrow(Q.get_user, call.id)))
    await call.audit("update", KIND, call.id, old=differing(new, old), new=differing(old, new), school=old.schoolId)
    return new


async def delete_user(call: Call[None, None]) -> None:
    tx = await call.tx()
    old = user(_found(await tx.fetchrow(Q.lock_user, call.id)))
    await _check_holds(call, tx, old)
    if call.id == call.identity.user_id:
        raise Conflict("nobody deletes their own account")
    with conflicts(users_last_super_admin=LAST):
        await tx.execute(Q.delete_user, call.id)
    await call.audit("delete", KIND, call.id, old=differing(None, old), school=old.schoolId)


async def invite(call: Call[None, None]) -> None:
    """Another letter, with another link; the former link is void."""
    tx = await call.tx()
    invited = user(_found(await tx.fetchrow(Q.lock_user, call.id)))
    await _check_holds(call, tx, invited)
    if not invited.isActive:
        raise Conflict("this account is not active")
    if await call.part(ACCOUNTS).throttle.may_mail(invited.email):
        await ask_for(tx, Letter("invitation", user_id=call.id))
    await call.audit("update", KIND, call.id, new={"invitation": "mailed"}, school=invited.schoolId)


async def list_user_sessions(call: Call[SessionsQuery, None]) -> Page[OpenSession]:
    _found(await (await call.tx()).fetchrow(Q.get_user, call.id))
    return await sessions_of(call, call.id)


async def end_user_session(call: Call[None, None]) -> None:
    """By whoever may change the user."""
    tx = await call.tx()
    owner = user(_found(await tx.fetchrow(Q.get_user, call.id)))
    await _check_holds(call, tx, owner)
    await end_session_of(call, call.params["sessionId"], call.id, owner.schoolId)


async def _role(tx: Connection, role_id: UUID) -> Record:
    """Raises Unprocessable."""
    role = await tx.fetchrow(Q.role_and_rights, role_id)
    if role is None:
        raise Unprocessable("no such role", [{"field": "roleId", "message": "no such role"}])
    return role


async def _check_grantable(call: Call[Any, Any], tx: Connection, role: Record, school: UUID | None) -> None:
    """Whoever asks has to hold everything that comes with the role in that school. Raises Forbidden."""
    held = {permission.value for permission in call.identity.permissions}
    comes = set(role["permissions"])
    if role["built_in"] and role["name"] == SECURITY and await tx.fetchval(Q.has_guard_desk, school):
        comes |= {permission.value for permission in GUARD_DESK}
    if not comes <= held or (role["name"] == SUPER_ADMIN) > (call.identity.role == SUPER_ADMIN):
        raise Forbidden(f"the role {role['name']} may do what you may not")


async def _check_holds(call: Call[Any, Any], tx: Connection, whom: User) -> None:
    """Whoever changes somebody has to hold everything that they may do. Raises Forbidden."""
    await _check_grantable(call, tx, await _role(tx, whom.roleId), whom.schoolId)


def _check_own(old: User, wanted: User) -> None:
    """What nobody does to their own account here. Raises Conflict."""
    if old.isActive and not wanted.isActive:
        raise Conflict("nobody deactivates their own account")
    if old.secondFactor and not wanted.secondFactor:
        raise Conflict("take your own away at /auth/second-factor/remove, with the password and a code")


async def _check_role_change(call: Call[Any, Any], tx: Connection, old: User, role_id: UUID) -> None:
    role = await _role(tx, role_id)
    await _check_grantable(call, tx, role, old.schoolId)
    if (role["name"] == SUPER_ADMIN) != (old.role == SUPER_ADMIN):
        raise Conflict("a super admin belongs to no school, and everybody else to one: make another account")


def _school(call: Call[None, NewUser], role: Record) -> UUID | None:
    """Whose the new account is. Raises BadRequest."""
    if role["name"] != SUPER_ADMIN:
        return call.school_for(call.body.schoolId)
    if call.school is not None or call.body.schoolId is not None:
        message = "a super admin belongs to no school"
        raise BadRequest(f"schoolId: {message}", [{"field": "schoolId", "message": message}])
    return None


def _found(row: Record | None) -> Record:
    if row is None:
        raise NotFound("no such user")
    return row


ROUTES = [
    Route(
        "GET",
        "/admin/users",
        list_users,
        summary="List accounts",
        permission=Permission.users_read,
        query=UsersQuery,
        answer=Page[User],
    ),
    Route(
        "POST",
        "/admin/users",
        create_user,
        summary="Create an account; an invitation is mailed",
        permission=Permission.users_create,
        body=NewUser,
        answer=User,
        location="/admin/users/{id}",
        errors=(Forbidden, NotFound, Conflict, Unprocessable),
        example=EXAMPLE,
    ),
    Route(
        "GET",
        "/admin/users/{id}",
        get_user,
        summary="One account",
        permission=Permission.users_read,
        answer=User,
        errors=(NotFound,),
    ),
    Route(
        "PUT",
        "/admin/users/{id}",
        update_user,
        summary="Change an account",
        permission=Permission.users_update,
        body=ChangedUser,
        answer=User,
        errors=(Forbidden, NotFound, Conflict, PreconditionFailed, Unprocessable),
        example={"isActive": False},
    ),
    Route(
        "DELETE",
        "/admin/users/{id}",
        delete_user,
        summary="Delete an account; its sessions end",
        permission=Permission.users_delete,
        errors=(Forbidden, NotFound, Conflict),
    ),
    Route(
        "POST",
        "/admin/users/{id}/invite",
        invite,
        summary="Mail another invitation",
        permission=Permission.users_update,
        status=202,
        errors=(Forbidden, NotFound, Conflict),
    ),
    Route(
        "GET",
        "/admin/users/{id}/sessions",
        list_user_sessions,
        summary="A user's sessions that live",
        permission=Permission.users_read,
        query=SessionsQuery,
        answer=Page[OpenSession],
        errors=(NotFound,),
    ),
    Route(
        "DELETE",
        "/admin/users/{id}/sessions/{sessionId}",
        end_user_session,
        summary="End one of a user's sessions, on every worker and with its live sockets",
        permission=Permission.users_update,
        errors=(Forbidden, NotFound, Unprocessable),
    ),
]
