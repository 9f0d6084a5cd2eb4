"""/students/{id}/documents."""

from __future__ import annotations

import re
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from hub.accounts.permissions import Permission
from hub.domain.ids import new_id
from hub.errors import Conflict, NotFound, Unprocessable
from hub.resources.documents.model import TYPE_PATTERN, Document, Documents, DocumentsQuery, document
from hub.rest.answer import File
from hub.rest.call import Call
from hub.rest.changes import differing
from hub.rest.faults import fault, refusal
from hub.rest.files.asking import known_student, scanned
from hub.rest.files.following import Waiting, forget, scan_later
from hub.rest.files.holding import lock_student, undone_on_failure
from hub.rest.files.intake import INTAKE, Scan, spooled
from hub.rest.files.kinds import DOCUMENTS, PILLOW, plain_name
from hub.rest.files.naming import document_key
from hub.rest.files.parts import FILES
from hub.rest.files.photos import WAITING
from hub.rest.files.photos import Q as SHARED
from hub.rest.files.receiving import Form, receive_form
from hub.rest.jobs.spool import Spool
from hub.rest.pages import Page, filters_of, read_page
from hub.rest.route import Route
from hub.store.files import Files
from hub.store.keyset import Column, Filter, Listing
from hub.store.queries import load_queries

Q = load_queries(__package__)
KIND = "document"
FIELD = "document"
TYPE = "documentType"
MOST = 10
PATIENCE = 300.0
LISTING = Listing(
    Q.list_documents,
    sorts={"createdAt": Column("created_at", datetime)},
    filters={"studentId": Filter("student_id"), "documentType": Filter("document_type")},
)


@dataclass(frozen=True)
class _Accepted:
    """A file that was looked at."""

    id: UUID
    name: str
    spool: Spool
    media: str
    scan: Scan
    key: str


async def upload_documents(call: Call[None, None]) -> Documents:
    """All of them, or none."""
    call.part(INTAKE).require()
    school = (await known_student(call))["school_id"]
    async with AsyncExitStack() as stack:
        form = stack.enter_context(Form())
        await receive_form(call, form, texts=(TYPE,), most_files=MOST)
        type_ = form.texts[TYPE]
        if not re.fullmatch(TYPE_PATTERN, type_):
            raise refusal([fault(TYPE, "must be a word of small letters, digits and _, as id_card")])
        accepted = [await _look(call, school, name, spool) for name, spool in form.files]
        files = call.part(FILES)
        await stack.enter_async_context(undone_on_failure(files, [one.key for one in accepted]))
        for one in accepted:
            await files.put(one.key, spooled(one.spool), one.media, one.spool.size)
        return Documents(data=await _record(call, school, type_, accepted))


async def _look(call: Call[None, None], school: UUID, name: str, spool: Spool) -> _Accepted:
    intake, id_ = call.part(INTAKE), new_id()
    scan = await scanned(call, spool, FIELD, school, subject=call.id)
    media = await intake.kind(spool, FIELD, DOCUMENTS)
    if media in PILLOW:
        await intake.check_picture(spool, FIELD, media)
    return _Accepted(id_, plain_name(name, FIELD), spool, media, scan, document_key(school, call.id, id_))


async def _record(call: Call[None, None], school: UUID, type_: str, accepted: list[_Accepted]) -> list[Document]:
    tx, made = await call.tx(), []
    await lock_student(tx, call.id)
    for one in accepted:
        who = call.identity.user_id
        values = (type_, one.name, one.key, one.spool.size, one.media, one.scan, who)
        row = await tx.fetchrow(Q.add_document, one.id, school, call.id, *values)
        assert row is not None
        made.append(document(row))
        if one.scan == WAITING:
            await scan_later(tx, Waiting(school, call.id, "document", one.id))
        await call.audit("create", KIND, one.id, new=differing(None, made[-1]), school=school, subject=call.id)
    return made


async def list_documents(call: Call[DocumentsQuery, None]) -> Page[Document]:
    await known_student(call)
    call.read = [call.id]
    return await read_page(call, LISTING, document, filters={"studentId": call.id} | filters_of(call.query))


async def get_document(call: Call[None, None]) -> File:
    row = await (await call.tx()).fetchrow(Q.get_document, call.params["docId"], call.id)
    if row is None:
        raise NotFound("no such document")
    if row["scan"] == WAITING:
        raise Conflict("the document waits until it has been scanned for viruses; try again later")
    found = document(row)
    return File(found.mimeType, found.fileName, await _bytes(call.part(FILES), row["file_path"]))


async def _bytes(files: Files, key: str | None) -> Any:
    stored = None if key is None else await files.get(key)
    if stored is None:
        raise NotFound("this document is not there any more")
    return stored.chunks


async def delete_document(call: Call[None, None]) -> None:
    tx = await call.tx()
    await lock_student(tx, call.id)
    row = await tx.fetchrow(SHARED.remove_document, call.params["docId"], call.id)
    if row is None:
        raise NotFound("no such document")
    old = document(row)
    if row["file_path"] is not None:
        await forget(tx, [row["file_path"]])
    await call.audit("delete", KIND, old.id, old=differing(None, old), school=old.schoolId, subject=call.id)


ROUTES = [
    Route(
        "POST",
        "/students/{id}/documents",
        upload_documents,
        summary="Add documents to a student: all of them, or none",
        permission=Permission.documents_create,
        upload="PDF, JPEG or PNG",
        upload_field=FIELD,
        upload_most=MOST,
        upload_texts={TYPE: {"type": "string", "pattern": TYPE_PATTERN, "description": "id_card, transcript, …"}},
        answer=Documents,
        status=201,
        errors=(NotFound, Unprocessable),
        timeout=PATIENCE,
    ),
    Route(
        "GET",
        "/students/{id}/documents",
        list_documents,
        summary="The documents of a student",
        permission=Permission.documents_read,
        query=DocumentsQuery,
        answer=Page[Document],
        errors=(NotFound,),
        reads="student",
    ),
    Route(
        "GET",
        "/students/{id}/documents/{docId}",
        get_document,
        summary="A document itself",
        permission=Permission.documents_read,
        files=DOCUMENTS,
        errors=(NotFound, Conflict),
        reads="student",
    ),
    Route(
        "DELETE",
        "/students/{id}/documents/{docId}",
        delete_document,
        summary="Delete a document",
        permission=Permission.documents_delete,
        errors=(NotFound,),
    ),
]
