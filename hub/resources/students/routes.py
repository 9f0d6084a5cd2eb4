"""/students: lists and one by one. A change reaches the doors through the feed, with the passes that it concerns."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from hub.accounts.permissions import Permission
from hub.config import key_ring
from hub.domain.ids import new_id
from hub.errors import BadRequest, Conflict, Forbidden, NotFound, PreconditionFailed
from hub.resources.students.cards import StudentCard, get_card
from hub.resources.students.held import data_export
from hub.resources.students.judging import judged
from hub.resources.students.leaving import KIND, Q, delete, erase, found, locked, restore
from hub.resources.students.model import (
    ChangedStudent,
    DeletionQuery,
    NewStudent,
    Student,
    StudentPass,
    StudentPassesQuery,
    StudentQuery,
    columns,
    sealed_columns,
    student,
    student_pass,
)
from hub.rest.call import Call
from hub.rest.changes import changed, differing
from hub.rest.pages import Page, filters_of, read_page
from hub.rest.route import Route
from hub.rest.students.query import DELETED, PRESENT, StudentsQuery, chosen
from hub.rest.students.search import Searched
from hub.store.keyset import Column, Filter, Listing
from hub.store.pg import conflicts

PASSES = Listing(
    Q.list_passes,
    sorts={"createdAt": Column("created_at", datetime)},
    filters={"studentId": Filter("student_id"), "status": Filter("status")},
)
EXAMPLE: dict[str, Any] = {
    "studentId": "2026-0001",
    "firstName": "Zoë",
    "lastName": "Nguyễn",
    "email": "zoe@school.example",
    "dateOfBirth": "2010-04-30",
    "phone": "+493012345678",
    "yearOfStudy": 3,
    "enrollmentDate": "2024-09-01",
}


async def list_students(call: Call[StudentsQuery, None]) -> Page[Student]:
    listing, ring = DELETED if call.query.deleted else PRESENT, key_ring(call.settings)
    return await read_page(
        call,
        listing,
        partial(student, ring=ring),
        filters=chosen(call.query, ring, call.school),
        rows=Searched(listing, everywhere=call.school is None, few=call.query.deleted),
    )


async def get_student(call: Call[StudentQuery, None]) -> Student:
    row = found(await (await call.tx()).fetchrow(Q.get_student, call.id))
    if row["deleted_at"] is not None and not call.query.deleted:
        raise NotFound("this student was deleted; ?deleted=true shows it")
    return student(row, key_ring(call.settings))


async def create_student(call: Call[None, Any]) -> Student:
    tx, id_, ring = await call.tx(), new_id(), key_ring(call.settings)
    body = await judged(tx, NewStudent, call.body, _school_named(call))
    school = call.school_for(body.schoolId)
    with _taken():
        await tx.execute(Q.insert_student, id_, school, *columns(body), *sealed_columns(ring, id_, school, body))
    made = student(found(await tx.fetchrow(Q.get_student, id_)), ring)
    await call.audit("create", KIND, id_, new=differing(None, made), school=school, subject=id_)
    return made


async def update_student(call: Call[None, Any]) -> Student:
    old, tx, ring = await locked(call), await call.tx(), key_ring(call.settings)
    if old.deletedAt is not None:
        raise Conflict("this student was deleted; restore it first")
    wanted = changed(old, await judged(tx, ChangedStudent, call.body, old.schoolId, old))
    call.match(old)
    await tx.execute(Q.in_school, str(old.schoolId))
    words = await tx.fetchval(Q.words_of, call.id)
    with _taken():
        await tx.execute(
            Q.update_student, call.id, *columns(wanted), *sealed_columns(ring, call.id, old.schoolId, wanted)
        )
    new = student(found(await tx.fetchrow(Q.get_student, call.id)), ring)
    if (old.firstName, old.middleName, old.lastName) != (new.firstName, new.middleName, new.lastName):
        await tx.execute(Q.forget_words, words)
    changes = differing(new, old), differing(old, new)
    await call.audit("update", KIND, call.id, old=changes[0], new=changes[1], school=old.schoolId, subject=call.id)
    return new


async def delete_student(call: Call[DeletionQuery, None]) -> None:
    if not call.query.erase:
        await delete(call)
    elif call.identity.may(Permission.students_erase):
        await erase(call)
    else:
        await call.note("refuse", Permission.students_erase.resource, None, new={"route": str(call.route)})
        raise Forbidden(f"this needs the permission {Permission.students_erase.value}")


async def restore_student(call: Call[None, None]) -> Student:
    return await restore(call)


async def list_student_passes(call: Call[StudentPassesQuery, None]) -> Page[StudentPass]:
    found(await (await call.tx()).fetchrow(Q.get_student, call.id))
    call.read = [call.id]
    filters = {"studentId": call.id} | filters_of(call.query)
    return await read_page(call, PASSES, student_pass, filters=filters)


async def export_student(call: Call[None, None]) -> Any:
    return await data_export(call)


def _school_named(call: Call[None, Any]) -> UUID | None:
    """The school whose rules hold for a new student, if the body or the query says one that may be."""
    named = call.body.get("schoolId") if isinstance(call.body, dict) else None
    try:
        return call.school_for(None if named is None else UUID(named))
    except (ValueError, TypeError, AttributeError, BadRequest):
        return None


def _taken() -> AbstractContextManager[None]:
    return conflicts(
        students_school_id_student_id_key="studentId is taken at this school, perhaps by a student who was deleted",
        students_department_id_fkey="there is no such department in this school",
        students_school_id_fkey="no such school",
    )


ROUTES = [
    Route(
        "GET",
        "/students",
        list_students,
        summary="List students; q forgives accents and typos",
        permission=Permission.students_read,
        query=StudentsQuery,
        answer=Page[Student],
        reads=KIND,
    ),
    Route(
        "POST",
        "/students",
        create_student,
        summary="Create a student",
        permission=Permission.students_create,
        body=NewStudent,
        fits_body=False,
        answer=Student,
        location="/students/{id}",
        errors=(NotFound, Conflict),
        example=EXAMPLE,
    ),
    Route(
        "GET",
        "/students/{id}",
        get_student,
        summary="One student",
        permission=Permission.students_read,
        query=StudentQuery,
        answer=Student,
        errors=(NotFound,),
        reads=KIND,
    ),
    Route(
        "PUT",
        "/students/{id}",
        update_student,
        summary="Change a student",
        permission=Permission.students_update,
        body=ChangedStudent,
        fits_body=False,
        answer=Student,
        errors=(NotFound, Conflict, PreconditionFailed),
        example={"yearOfStudy": 4},
    ),
    Route(
        "DELETE",
        "/students/{id}",
        delete_student,
        summary="Delete a student and deactivate the passes; ?erase=true erases all personal data for good",
        permission=Permission.students_delete,
        query=DeletionQuery,
        errors=(NotFound, Forbidden, Conflict),
    ),
    Route(
        "POST",
        "/students/{id}/restore",
        restore_student,
        summary="Bring a deleted student back, with the passes that were active",
        permission=Permission.students_delete,
        answer=Student,
        errors=(NotFound,),
    ),
    Route(
        "GET",
        "/students/{id}/card",
        get_card,
        summary="What a guard sees of a student: name, face, passes, the last entries",
        permission=Permission.faces_read,
        answer=StudentCard,
        errors=(NotFound,),
        reads=KIND,
    ),
    Route(
        "GET",
        "/students/{id}/passes",
        list_student_passes,
        summary="The passes of a student",
        permission=Permission.passes_read,
        query=StudentPassesQuery,
        answer=Page[StudentPass],
        errors=(NotFound,),
        reads=KIND,
    ),
    Route(
        "GET",
        "/students/{id}/data-export",
        export_student,
        summary="Everything held about a student, and who read it, as a ZIP",
        permission=Permission.students_export,
        files=("application/zip",),
        errors=(NotFound,),
        reads=KIND,
    ),
]
