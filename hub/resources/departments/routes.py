"""/schools/{id}/departments, and /departments/{id} for one of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from hub.accounts.permissions import Permission
from hub.domain.ids import new_id
from hub.errors import Conflict, NotFound, PreconditionFailed
from hub.resources.departments.model import (
    ChangedDepartment,
    Department,
    DepartmentsQuery,
    NewDepartment,
    department,
)
from hub.rest.call import Call
from hub.rest.changes import changed, differing
from hub.rest.pages import Page, read_page
from hub.rest.route import Route
from hub.store.keyset import Column, Filter, Listing
from hub.store.pg import Connection, Record, conflicts
from hub.store.queries import load_queries

Q = load_queries(__package__)
KIND = "department"

LISTING = Listing(
    Q.list_departments,
    sorts={"name": Column("name", str), "code": Column("code", str), "createdAt": Column("created_at", datetime)},
    filters={"code": Filter("code")},
    search=("name", "code", "head_name"),
)
TAKEN = {"departments_school_id_code_key": "another department of this school has this code"}
EXAMPLE: dict[str, Any] = {"name": "Mathematics", "code": "MATH", "headName": "Emmy Noether"}


async def list_departments(call: Call[DepartmentsQuery, None]) -> Page[Department]:
    await _check_school(call, await call.tx())
    return await read_page(call, LISTING, department, base=[call.id])


async def get_department(call: Call[None, None]) -> Department:
    return department(_found(await (await call.tx()).fetchrow(Q.get_department, call.id)))


async def create_department(call: Call[None, NewDepartment]) -> Department:
    body, tx, id_ = call.body, await call.tx(), new_id()
    await _check_school(call, tx)
    with conflicts(**TAKEN):
        row = await tx.fetchrow(Q.insert_department, id_, call.id, body.name, body.code, body.headName)
    made = department(_found(row))
    await call.audit("create", KIND, id_, new=differing(None, made), school=call.id)
    return made


async def update_department(call: Call[None, ChangedDepartment]) -> Department:
    tx = await call.tx()
    old = department(_found(await tx.fetchrow(Q.lock_department, call.id)))
    call.match(old)
    wanted = changed(old, call.body)
    with conflicts(**TAKEN):
        row = await tx.fetchrow(Q.update_department, call.id, wanted.name, wanted.code, wanted.headName)
    new = department(_found(row))
    await call.audit("update", KIND, call.id, old=differing(new, old), new=differing(old, new), school=old.schoolId)
    return new


async def delete_department(call: Call[None, None]) -> None:
    tx = await call.tx()
    old = department(_found(await tx.fetchrow(Q.lock_department, call.id)))
    with conflicts(students_department_id_fkey="there are students in this department; move them first"):
        await tx.execute(Q.delete_department, call.id)
    await call.audit("delete", KIND, call.id, old=differing(None, old), school=old.schoolId)


async def _check_school(call: Call[Any, Any], tx: Connection) -> None:
    if not await tx.fetchval(Q.school_is_there, call.id):
        raise NotFound("no such school")


def _found(row: Record | None) -> Record:
    if row is None:
        raise NotFound("no such department")
    return row


ROUTES = [
    Route(
        "GET",
        "/schools/{id}/departments",
        list_departments,
        summary="List the departments of a school",
        permission=Permission.departments_read,
        query=DepartmentsQuery,
        answer=Page[Department],
        errors=(NotFound,),
    ),
    Route(
        "POST",
        "/schools/{id}/departments",
        create_department,
        summary="Create a department",
        permission=Permission.departments_create,
        body=NewDepartment,
        answer=Department,
        location="/departments/{id}",
        errors=(NotFound, Conflict),
        example=EXAMPLE,
    ),
    Route(
        "GET",
        "/departments/{id}",
        get_department,
        summary="One department",
        permission=Permission.departments_read,
        answer=Department,
        errors=(NotFound,),
    ),
    Route(
        "PUT",
        "/departments/{id}",
        update_department,
        summary="Change a department",
        permission=Permission.departments_update,
        body=ChangedDepartment,
        answer=Department,
        errors=(NotFound, Conflict, PreconditionFailed),
        example={"headName": "David Hilbert"},
    ),
    Route(
        "DELETE",
        "/departments/{id}",
        delete_department,
        summary="Delete a department that nobody is in",
        permission=Permission.departments_delete,
        errors=(NotFound, Conflict),
    ),
]
