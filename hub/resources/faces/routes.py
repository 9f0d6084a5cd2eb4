"""/faces: a guard looks somebody up. Each look is kept, as every read of a student is. One person's card, with passes
and last entries: hub/resources/students/cards.py."""

from __future__ import annotations

from hub.accounts.permissions import Permission
from hub.resources.faces.model import Face, FacesQuery, face
from hub.rest.call import Call
from hub.rest.pages import Page, read_page
from hub.rest.route import Route
from hub.rest.students.query import PRESENT
from hub.rest.students.search import Searched


async def list_faces(call: Call[FacesQuery, None]) -> Page[Face]:
    rows = Searched(PRESENT, everywhere=call.school is None)
    return await read_page(call, PRESENT, face, filters={}, rows=rows)


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
]
