"""Passes by mail, as a job: to each student of a filter who has an address, each pass in force once.

That a pass is about to be sent is committed before it is: a run that is killed in that moment leaves it `unknown`, and
it is not sent again. What the mail server refuses is kept with its word. Mail that only waits (no server, a server that
asks to come back later) was not sent, and is tried for as long as it takes.

A letter says what holds when it begins: whoever was deleted or erased since the batch was read, or whose pass was taken
back, is not written to. Only the one letter that is under way at that moment still leaves.
"""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import msgspec

from hub.domain.ids import new_id
from hub.errors import StoreUnavailable
from hub.integrations.mail.passes import PassLetter, write_pass
from hub.integrations.mail.sending import MailRefused, MailWaits, send
from hub.integrations.mail.writing import BadAddress
from hub.issuing.drawing import Drawing, draw
from hub.issuing.signing import local_day
from hub.resources.passes.everybody import BATCH, Place, check_whom, next_students, place_of
from hub.resources.passes.model import Sending
from hub.resources.passes.rules import KIND, Q
from hub.rest.call import Call
from hub.rest.jobs.kinds import JobKind
from hub.rest.jobs.model import Job
from hub.rest.jobs.run import Run
from hub.rest.jobs.starting import start_job
from hub.rest.students.query import StudentFilters
from hub.store.pg import Record

PIXELS = 400


class Mailing(msgspec.Struct):
    students: StudentFilters
    again: bool


async def send_passes(call: Call[None, Sending]) -> Job:
    school = call.school_for(call.body.schoolId)
    await check_whom(call, call.body, school)
    wanted = Mailing(call.body.students, call.body.again)
    return await start_job(call, SEND, wanted, school=school, told={"again": wanted.again})


async def carry_out(run: Run[Mailing]) -> dict[str, Any]:
    """The result: how many were sent, refused, or are not known to have arrived."""
    async with run.tx() as tx:
        await tx.execute(Q.cut_mails, run.id)
    after = None if run.state is None else msgspec.convert(run.state, Place)
    while True:
        async with run.look() as tx:
            students = await next_students(run, tx, run.params.students, after)
            ids = [row["id"] for row in students]
            today = await local_day(tx, run.school)
            passes = await tx.fetch(Q.passes_to_mail, ids, today, run.id, run.params.again)
        begun = [row["id"] for row in passes if await _mail(run, row["id"])]
        if students:
            after = place_of(students[-1])
            async with run.tx() as tx:
                run.state = msgspec.to_builtins(after)
                run.done += len(students)
                if begun:
                    await run.audit(tx, "export", KIND, new={"mailed": [str(id_) for id_ in begun]})
        if len(students) < BATCH:
            return await _count(run)


async def _mail(run: Run[Mailing], pass_id: UUID) -> bool:
    """One pass, at most once; whether there was anybody to write to. Raises StoreUnavailable when it is to be tried
    again."""
    id_ = new_id()
    row = await _begin(run, id_, pass_id)
    if row is None:
        return False
    try:
        picture = await asyncio.to_thread(draw, Drawing(row["qr_code"], "png", PIXELS, "M"))
        await send(run.settings, write_pass(_letter(row, picture.body, id_), run.settings.smtp_from))
    except (MailRefused, BadAddress) as error:
        await _end(run, id_, "refused", str(error))
    except MailWaits as error:
        if error.perhaps:
            await _end(run, id_, "unknown", str(error))
            return True
        async with run.tx() as tx:
            await tx.execute(Q.undo_mail, id_)
        raise StoreUnavailable(str(error)) from error
    else:
        await _end(run, id_, "sent", None)
    return True


async def _begin(run: Run[Mailing], id_: UUID, pass_id: UUID) -> Record | None:
    """What the letter is to say, as it is now; None when it is not to be sent any more, or this job has begun it."""
    async with run.tx() as tx:
        await tx.execute(Q.hold_holder, pass_id)
        row = await tx.fetchrow(Q.pass_to_mail, pass_id)
        if row is None or not await tx.fetchval(Q.begin_mail, id_, run.school, pass_id, run.id, row["lookup_key"]):
            return None
    return row


def _letter(row: Record, picture: bytes, id_: UUID) -> PassLetter:
    return PassLetter(
        email=row["email"],
        name=f"{row['first_name']} {row['last_name']}",
        school=row["school"],
        title=row["title"],
        number=row["pass_number"],
        first_day=row["issue_date"].isoformat(),
        last_day=row["expiry_date"].isoformat(),
        picture=picture,
        message_id=str(id_),
    )


async def _end(run: Run[Mailing], id_: UUID, state: str, fault: str | None) -> None:
    async with run.tx() as tx:
        await tx.execute(Q.end_mail, id_, state, fault)


async def _count(run: Run[Mailing]) -> dict[str, Any]:
    async with run.look() as tx:
        found = {row["state"]: row["mails"] for row in await tx.fetch(Q.count_mails, run.id)}
    return {state: found.get(state, 0) for state in ("sent", "refused", "unknown")}


SEND = JobKind("passes_send", Mailing, carry_out, exclusive="passes_send")
