"""Badges of many, as a job over all cores: a file for each 500 students, committed with the place to carry on from.

While a file's pages are set, the codes of the next one are drawn. A badge with a letter that no font has is left out,
and said: a box in the place of a name is no name.
"""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import msgspec

from hub.config import key_ring
from hub.issuing.badges.badge import Badge, Layout
from hub.issuing.badges.presses import Presses
from hub.issuing.signing import local_day
from hub.resources.passes.everybody import Place, next_students, place_of
from hub.resources.passes.rules import KIND, Q
from hub.rest.files.holding import logo_url
from hub.rest.files.photos import read_photo
from hub.rest.jobs.files import Growing
from hub.rest.jobs.kinds import JobKind
from hub.rest.jobs.model import JobError
from hub.rest.jobs.run import Run
from hub.rest.students.query import StudentFilters
from hub.store.pg import Connection, Record

#: Bytes of a part of a file, and faults that are told one by one.
PART, MOST_FAULTS = 256 * 1024, 200


class Sheets(msgspec.Struct):
    students: StudentFilters
    layout: Layout
    template: UUID | None


class Done(msgspec.Struct):
    """What is committed: where to carry on, and what there was."""

    after: Place | None = None
    files: int = 0
    badges: int = 0
    withoutPhoto: int = 0
    leftOut: int = 0
    faults: list[str] = []


class Batch(msgspec.Struct):
    """Badges of some students, ready to be set. `last`: the last of these students, None when there was none."""

    last: Place | None
    students: int
    ids: list[UUID]
    badges: list[Badge]
    faults: list[str]


def file_name(number: int) -> str:
    return f"badges-{number}"


def badge_of(row: Record) -> Badge:
    """Without a photo, and without the logo."""
    return Badge(
        school=row["school"],
        name=row["name"],
        number=row["pass_number"],
        first_day=row["issue_date"].isoformat(),
        last_day=row["expiry_date"].isoformat(),
        code=row["qr_code"],
        kind=row["pass_type"],
        program=row["program"],
        title=row["title"],
        color=row["color"],
    )


async def logo_of(tx: Connection, school: UUID) -> bytes | None:
    """A JPEG; None where none is kept, or another is in use."""
    picture: bytes | None = await tx.fetchval(Q.logo_on_badges, school, logo_url(school))
    return picture


async def print_sheets(run: Run[Sheets]) -> dict[str, Any]:
    """The result: how many badges, on how many files, and how many have no photo or were left out."""
    done = Done() if run.state is None else msgspec.convert(run.state, Done)
    presses = Presses.of_all_cores(run.settings)
    setting: asyncio.Task[bytes] | None = None
    before: Batch | None = None
    try:
        place = done.after
        while True:
            batch = await _ready(run, presses, place)
            if before is not None and setting is not None:
                await _keep(run, done, before, await setting)
            if batch.last is None:
                break
            before, place = batch, batch.last
            setting = asyncio.create_task(_pages(presses, batch.badges, run.params.layout))
    finally:
        if setting is not None:
            setting.cancel()
            await asyncio.wait([setting])
        await presses.close()
    run.errors = [JobError(message=text) for text in done.faults]
    return {name: getattr(done, name) for name in ("badges", "files", "withoutPhoto", "leftOut")}


async def _pages(presses: Presses, badges: list[Badge], layout: Layout) -> bytes:
    return await presses.pages(badges, layout) if badges else b""


async def _ready(run: Run[Sheets], presses: Presses, after: Place | None) -> Batch:
    """The next students' badges, with patterns and photos."""
    async with run.look() as tx:
        students = await next_students(run, tx, run.params.students, after)
        if not students:
            return Batch(None, 0, [], [], [])
        day = await local_day(tx, run.school)
        rows = await tx.fetch(Q.badges_of_students, [row["id"] for row in students], day, run.params.template)
        badges = [badge_of(row) for row in rows]
        logo = await logo_of(tx, run.school)
        for badge in badges:
            badge.logo = logo
        drawing = asyncio.create_task(presses.make_ready(badges))
        try:
            await _add_photos(run, tx, rows, badges)
            missing = await drawing
        finally:
            drawing.cancel()
    good = [number for number, letters in enumerate(missing) if not letters]
    faults = [_fault(rows[number]["id"], letters) for number, letters in enumerate(missing) if letters]
    ids, badges = [rows[number]["id"] for number in good], [badges[number] for number in good]
    return Batch(place_of(students[-1]), len(students), ids, badges, faults)


async def _add_photos(run: Run[Sheets], tx: Connection, rows: list[Record], badges: list[Badge]) -> None:
    for row, badge in zip(rows, badges, strict=True):
        badge.photo = await read_photo(tx, run.files, row["student_id"], 400)


def _fault(pass_id: UUID, letters: str) -> str:
    return (
        f"the badge of the pass {pass_id} was left out: no font has {' '.join(f'U+{ord(one):04X}' for one in letters)}"
    )


async def _keep(run: Run[Sheets], done: Done, batch: Batch, pdf: bytes) -> None:
    """One file, and that it is there."""
    done.after = batch.last
    done.badges += len(batch.badges)
    done.withoutPhoto += sum(1 for badge in batch.badges if badge.photo is None)
    done.leftOut += len(batch.faults)
    done.faults = (done.faults + batch.faults)[:MOST_FAULTS]
    async with run.tx() as tx:
        if pdf:
            done.files += 1
            file = Growing(key_ring(run.settings), run.id, run.school, file_name(done.files))
            for number, start in enumerate(range(0, len(pdf), PART)):
                await file.add(tx, pdf[start : start + PART], number)
            await run.audit(tx, "export", KIND, new={"printed": [str(id_) for id_ in batch.ids]})
        run.state = msgspec.to_builtins(done)
        run.done += batch.students


PRINT = JobKind("badges_print", Sheets, print_sheets, exclusive="badges_print")
