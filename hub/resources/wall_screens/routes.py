"""/wall-screens: who may confirms the code that a screen shows; a revoked one is closed on every worker at once."""

from __future__ import annotations

from datetime import datetime

from hub.accounts import wall_screens
from hub.accounts.permissions import Permission
from hub.errors import NotFound, PreconditionFailed
from hub.resources.wall_screens.model import (
    ChangedWallScreen,
    NewWallScreen,
    WallScreen,
    WallScreensQuery,
    wall_screen,
)
from hub.rest.call import Call
from hub.rest.changes import changed, differing
from hub.rest.pages import Page, read_page
from hub.rest.route import Route
from hub.store.keyset import Column, Listing
from hub.store.pg import Record, conflicts
from hub.store.queries import load_queries

Q = load_queries(__package__)
KIND = "wall_screen"
LISTING = Listing(Q.list_wall_screens, sorts={"name": Column("name", str), "createdAt": Column("created_at", datetime)})


async def list_wall_screens(call: Call[WallScreensQuery, None]) -> Page[WallScreen]:
    return await read_page(call, LISTING, wall_screen)


async def get_wall_screen(call: Call[None, None]) -> WallScreen:
    return wall_screen(_found(await (await call.tx()).fetchrow(Q.get_wall_screen, call.id)))


async def confirm_wall_screen(call: Call[None, NewWallScreen]) -> WallScreen:
    body, tx, school = call.body, await call.tx(), call.school_for(call.body.schoolId)
    days, by = call.settings.wall_screen_days, call.identity.user_id
    with conflicts(wall_screens_school_id_fkey=NotFound("no such school")):
        id_ = await wall_screens.confirm(tx, body.code, body.name, school, by, days)
    made = wall_screen(_found(await tx.fetchrow(Q.get_wall_screen, id_)))
    await call.audit("create", KIND, id_, new=differing(None, made), school=school)
    return made


async def update_wall_screen(call: Call[None, ChangedWallScreen]) -> WallScreen:
    tx = await call.tx()
    old = wall_screen(_found(await tx.fetchrow(Q.lock_wall_screen, call.id)))
    call.match(old)
    new = changed(old, call.body)
    await tx.execute(Q.name_wall_screen, call.id, new.name)
    await call.audit("update", KIND, call.id, old=differing(new, old), new=differing(old, new), school=old.schoolId)
    return new


async def revoke_wall_screen(call: Call[None, None]) -> None:
    tx = await call.tx()
    old = wall_screen(_found(await tx.fetchrow(Q.lock_wall_screen, call.id)))
    await tx.execute(Q.revoke_wall_screen, call.id)
    await call.audit("delete", KIND, call.id, old=differing(None, old), school=old.schoolId)


def _found(row: Record | None) -> Record:
    if row is None:
        raise NotFound("no such wall screen")
    return row


ROUTES = [
    Route(
        "GET",
        "/wall-screens",
        list_wall_screens,
        summary="List wall screens",
        permission=Permission.wall_screens_read,
        query=WallScreensQuery,
        answer=Page[WallScreen],
    ),
    Route(
        "POST",
        "/wall-screens",
        confirm_wall_screen,
        summary="Let the screen in that shows this code",
        permission=Permission.wall_screens_create,
        body=NewWallScreen,
        answer=WallScreen,
        location="/wall-screens/{id}",
        errors=(NotFound,),
        example={"code": "K7XM 2QRT", "name": "Porter's lodge"},
    ),
    Route(
        "GET",
        "/wall-screens/{id}",
        get_wall_screen,
        summary="One wall screen",
        permission=Permission.wall_screens_read,
        answer=WallScreen,
        errors=(NotFound,),
    ),
    Route(
        "PUT",
        "/wall-screens/{id}",
        update_wall_screen,
        summary="Call a wall screen something else",
        permission=Permission.wall_screens_update,
        body=ChangedWallScreen,
        answer=WallScreen,
        errors=(NotFound, PreconditionFailed),
        example={"name": "North gate"},
    ),
    Route(
        "DELETE",
        "/wall-screens/{id}",
        revoke_wall_screen,
        summary="Revoke a wall screen; what it shows is closed within a second",
        permission=Permission.wall_screens_delete,
        errors=(NotFound,),
    ),
]
