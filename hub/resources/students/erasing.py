"""A person is erased from every copy that the hub holds, in one transaction; docs/privacy.md lists the copies.

What lies outside of these tables joins in COPIES, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from uuid import UUID

import msgspec

from hub.accounts.personal import student_keys
from hub.config import Settings
from hub.domain.verdict import REASON_TEXT
from hub.errors import Conflict
from hub.integrations.mail.kept import forget_letters
from hub.rest.files.holding import drop_all
from hub.store.pg import Connection
from hub.store.queries import load_queries

Q = load_queries("hub.resources.students")
#: Reasons of scans that tell of nobody; any other was written by a person.
_REASONS = [text for text in REASON_TEXT if text is not None]


class Leaving(msgspec.Struct, frozen=True):
    """Who goes. `letters`: ids of what was mailed to them."""

    student: UUID
    school: UUID
    email: str | None
    letters: list[UUID]


Forget = Callable[[Connection, Settings, Leaving], Awaitable[None]]


async def _forget_letters(_: Connection, settings: Settings, who: Leaving) -> None:
    if settings.mail_dir is not None:
        await forget_letters(settings.mail_dir, who.email, who.letters)


#: Each is called before the rows are emptied, in their transaction, and may be called again after a failure.
COPIES: tuple[Forget, ...] = (_forget_letters,)


async def erase_student(
    tx: Connection, settings: Settings, student: UUID, school: UUID, *, by: UUID | None, email: str | None
) -> None:
    """The caller has locked the row. Raises Conflict while a file is imported, which may bring them anew."""
    if await tx.fetchval(Q.changing_jobs, school):
        raise Conflict("students are being imported or rolled over in this school; erase when that has ended")
    await tx.execute(Q.in_school, str(school))
    who = Leaving(student, school, email, [row["id"] for row in await tx.fetch(Q.letters_of, student)])
    for forget in COPIES:
        await forget(tx, settings, who)
    await tx.execute(Q.erase_student, student)
    await drop_all(tx, student)
    await tx.execute(Q.say_why, "" if by is None else str(by), "student erased")
    await tx.execute(Q.erase_passes, student, by)
    await student_keys.erase(tx, student, school)
    await erase_traces(tx, student)


async def erase_traces(tx: Connection, student: UUID, erased: datetime | None = None) -> None:
    """Once more, `erased` at that time, for what came late: a scan that was still in a journal. What the school asked
    jobs for since is its own, and stays. `hub.school_id` is set."""
    await tx.execute(Q.erase_traces, student, _REASONS, erased)
