"""Passes for all students of a filter, as a job: batch by batch, each in a transaction with where it was.

Killed half way it carries on behind the last student who was seen to; nobody is given two.
"""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Any
from uuid import UUID

import msgspec
from msgspec import UNSET

from hub.config import key_ring
from hub.domain.ids import new_id
from hub.domain.issue import new_number
from hub.issuing.signing import Signer, signer
from hub.resources.passes.everybody import BATCH, Place, check_whom, next_students, place_of
from hub.resources.passes.making import last_day, template_of
from hub.resources.passes.model import NewPasses
from hub.resources.passes.rules import KIND, Q, cannot, day_faults, signer_of
from hub.rest.call import Call
from hub.rest.faults import fault, refusal
from hub.rest.jobs.kinds import JobKind
from hub.rest.jobs.model import Job
from hub.rest.jobs.run import Run
from hub.rest.jobs.starting import start_job
from hub.rest.students.query import StudentFilters
from hub.store.pg import Connection, Record


class Issue(msgspec.Struct, kw_only=True):
    """What was asked for, with all that was left out filled in."""

    students: StudentFilters
    type: str
    first: date
    last: date
    template: UUID | None
    prefix: str


class Progress(msgspec.Struct):
    """Where the job was."""

    after: Place | None = None
    made: int = 0
    holders: int = 0
    graduates: int = 0


async def issue_passes(call: Call[None, NewPasses]) -> Job:
    body, school = call.body, call.school_for(call.body.schoolId)
    today = (await signer_of(call, school)).today
    template = await template_of(await call.tx(), body.templateId, school)
    first = today if body.issueDate is UNSET else body.issueDate
    last = last_day(body.expiryDate, template, first)
    type_ = template.pass_type if body.passType is UNSET else body.passType
    faults = [fault("expiryDate", "is required")] if last is None else day_faults(first, last)
    if faults:
        raise refusal(faults)
    if type_ == "visitor":
        raise cannot("templateId", "is for visitors' passes")
    await check_whom(call, body, school)
    assert last is not None
    wanted = Issue(
        students=body.students,
        type=type_,
        first=first,
        last=last,
        template=body.templateId,
        prefix=template.number_prefix,
    )
    told = {"passType": type_, "issueDate": str(first), "expiryDate": str(last)}
    return await start_job(call, ISSUE, wanted, school=school, told=told)


async def carry_out(run: Run[Issue]) -> dict[str, Any]:
    known = Progress() if run.state is None else msgspec.convert(run.state, Progress)
    signing: Signer | None = None
    while True:
        async with run.tx() as tx:
            if signing is None:
                signing = await signer(tx, key_ring(run.settings), run.school)
            students = await next_students(run, tx, run.params.students, known.after)
            if students:
                await _give(run, tx, signing, students, known)
                known.after = place_of(students[-1])
                run.done += len(students)
                run.state = msgspec.to_builtins(known)
        if len(students) < BATCH:
            return {"made": known.made, "holders": known.holders, "graduates": known.graduates}


async def _give(run: Run[Issue], tx: Connection, signing: Signer, students: list[Record], known: Progress) -> None:
    asked = run.params
    ids = [row["id"] for row in students]
    may = {row["id"] for row in await tx.fetch(Q.hold_students, ids)}
    holding = {row["student_id"] for row in await tx.fetch(Q.holding, ids, asked.type, asked.first)}
    wanting = [id_ for id_ in ids if id_ in may and id_ not in holding]
    known.graduates += len(ids) - len(may)
    known.holders += len(may & holding)
    known.made += len(wanting)
    if not wanting:
        return
    passes = [new_id() for _ in wanting]
    codes = await asyncio.to_thread(_codes, signing, passes, asked)
    await tx.execute(
        Q.insert_passes,
        *(run.school, run.user, signing.key.kid, asked.type, asked.template, asked.first, asked.last),
        *(passes, wanting, [new_number(asked.prefix) for _ in passes], codes),
    )
    await run.audit(tx, "create", KIND, new={"ids": [str(id_) for id_ in passes]})


def _codes(signing: Signer, passes: list[UUID], asked: Issue) -> list[str]:
    return [signing.code(id_, asked.first, asked.last) for id_ in passes]


ISSUE = JobKind("passes_issue", Issue, carry_out, exclusive="passes")
