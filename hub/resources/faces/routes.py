"""/faces: a guard looks somebody up. Each look is kept, as every read of a student is."""

from __future__ import annotations

from hub.accounts.permissions import Permission
from hub.errors import NotFound
from hub.resources.faces.model import Face, FacesQuery, FaceWithPasses, face, with_passes
from hub.rest.call import Call
from hub.rest.pages import Page, read_page
from hub.rest.route import Route
from hub.rest.students.query import PRESENT
from hub.rest.students.search import Searched
from hub.store.queries import load_queries

Q = load_queries(__package__)


async def list_faces(call: Call[FacesQuery, None]) -> Page[Face]:
    rows = Searched(PRESENT, everywhere=call.school is None)
    return await read_page(call, PRESENT, face, filters={}, rows=rows)


async def get_face(call: Call[None, None]) -> FaceWithPasses:
    tx = await call.tx()
    row = await tx.fetchrow(Q.face, call.id)
    if row is None:
        raise NotFound("no such student")
    return with_passes(row, list(await tx.fetch(Q.passes_of, call.id)))


ROUTES = [
    Route(
        "GET",
        "/faces",
        list_faces,
        summary="Find people: a face, a name, and what they study",
        permission=Permission.faces_read,
        query=FacesQuery,
        answer=Page[Face],
        reads="student",
    ),
    Route(
        "GET",
        "/faces/{id}",
        get_face,
        summary="One person, with their passes",
        permission=Permission.faces_read,
        answer=FaceWithPasses,
        errors=(NotFound,),
        reads="student",
    ),
]
