"""A pass as a badge to print; many of them, as a job; and the job's files."""

from __future__ import annotations

from hub.accounts.permissions import Permission
from hub.config import key_ring
from hub.errors import Conflict, Forbidden, NotFound
from hub.issuing.badges.presses import PRESSES
from hub.resources.passes.everybody import check_whom
from hub.resources.passes.model import Printing, SheetsQuery
from hub.resources.passes.printing import PRINT, Sheets, badge_of, file_name, logo_of
from hub.resources.passes.rules import KIND, Q, found
from hub.rest.answer import File
from hub.rest.call import Call
from hub.rest.files.parts import FILES
from hub.rest.files.photos import read_photo
from hub.rest.jobs.files import file_parts
from hub.rest.jobs.model import Job
from hub.rest.jobs.starting import start_job

PDF = "application/pdf"


async def pass_badge(call: Call[None, None]) -> File:
    if not call.identity.may(Permission.passes_read):
        raise Forbidden(f"this needs the permission {Permission.passes_read.value}, too: it shows the code")
    tx = await call.tx()
    row = found(await tx.fetchrow(Q.badge_of_pass, call.id))
    badge = badge_of(row)
    badge.logo = await logo_of(tx, row["school_id"])
    if row["student_id"] is not None:
        call.read = [row["student_id"]]
        badge.photo = await read_photo(tx, call.part(FILES), row["student_id"], 400)
    pdf, missing = await call.part(PRESSES).card(badge)
    if missing:
        raise Conflict(f"no font here has these letters of it: {missing}; an operator can add one")
    return File(PDF, f"{badge.number}.pdf", pdf)


async def print_badges(call: Call[None, Printing]) -> Job:
    body, school = call.body, call.school_for(call.body.schoolId)
    await check_whom(call, body, school)
    told = {"layout": body.layout, "templateId": None if body.templateId is None else str(body.templateId)}
    wanted = Sheets(body.students, body.layout, body.templateId)
    return await start_job(call, PRINT, wanted, school=school, told=told)


async def printed_badges(call: Call[SheetsQuery, None]) -> File:
    name = file_name(call.query.file)
    ring = key_ring(call.settings)
    parts = [part async for part in file_parts(await call.tx(), ring, call.id, name)]
    if not parts:
        raise NotFound("there is no such file of badges, or it was too long ago")
    await call.note("export", KIND, None, new={"job": str(call.id), "what": "badges", "file": call.query.file})
    return File(PDF, f"{name}.pdf", b"".join(parts))
