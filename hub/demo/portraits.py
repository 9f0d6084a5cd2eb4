"""Portraits of the made-up students: of some with the seed, of the others while the demo runs. Drawn by children, and
kept like every photo (hub/rest/files/holding.py).
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from datetime import datetime
from itertools import islice
from uuid import UUID
from zoneinfo import ZoneInfo

from hub.config import Settings
from hub.control.hand import Hand, HandLost
from hub.demo.codes import Q
from hub.demo.faces import GENTLY, Asked, Drawn
from hub.demo.population import draw_students, split
from hub.demo.schools import SCHOOLS, School
from hub.domain.ids import new_id
from hub.errors import HubError, StartError
from hub.rest.files.holding import photo_url, put_photo, undone_on_failure
from hub.rest.files.naming import photo_keys
from hub.store.files import Files, open_files
from hub.store.pg import Connection, InterfaceError, PostgresError, Record, Role, connect

#: With the seed, of both schools: what two processors draw in little more than the time that it takes anyway.
AT_ONCE = 200
#: Afterwards, at the lowest priority.
LATER = 2_000
_MODULE = "hub.demo.faces"
_HANDS = 2
_BATCH = 10
_WRITERS = 8
#: One portrait, in all sizes.
Pictures = list[bytes]


def has_place(settings: Settings) -> bool:
    """Whether photos can be kept."""
    return settings.s3_bucket is not None or settings.files_dir is not None


class Gallery:
    """Of one seed of so many `students`. `keys`: learns what is kept, before it is."""

    def __init__(self, files: Files, keys: list[str], students: int, random_seed: int) -> None:
        self._files = files
        self._keys = keys
        self._random_seed = random_seed
        shares = [school.share for school in SCHOOLS]
        self._counts = dict(zip(SCHOOLS, split(min(AT_ONCE, students), shares), strict=True))
        self._drawn: dict[School, list[Pictures]] = {}

    async def draw(self) -> None:
        """The first students of each school. Raises StartError."""
        seeds = [seed for school, count in self._counts.items() for seed in self._sitters(school, count)]
        pictures = iter(await draw_all(seeds))
        self._drawn = {school: list(islice(pictures, count)) for school, count in self._counts.items()}

    def _sitters(self, school: School, count: int) -> list[tuple[str, bool]]:
        today = datetime.now(ZoneInfo(school.timezone)).date()
        students = islice(draw_students(school, count, self._random_seed, today), count)
        return [_sitter(student.student_id, student.gender) for student in students]

    async def hang(self, connection: Connection, school: School, id_: UUID, students: list[UUID]) -> None:
        """What was drawn, for the first of the school's students. Raises StoreUnavailable."""
        portraits = dict(zip(students, self._drawn[school], strict=False))
        await _hang(connection, self._files, self._keys, id_, portraits)


async def draw_all(seeds: list[tuple[str, bool]]) -> list[Pictures]:
    """By as many processes as there are processors, two at most; in the order of the seeds. Raises StartError."""
    batches = [seeds[start : start + _BATCH] for start in range(0, len(seeds), _BATCH)]
    drawn: list[list[Pictures]] = [[] for _ in batches]
    turns = iter(range(len(batches)))

    async def work(hand: Hand[Drawn]) -> None:
        try:
            for turn in turns:
                drawn[turn] = (await hand.do(Asked(batches[turn]))).portraits
        finally:
            await hand.close()

    try:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(min(_HANDS, os.cpu_count() or 1, len(batches))):
                tasks.create_task(work(Hand(_MODULE, Drawn)))
    except ExceptionGroup as faults:
        raise StartError(f"portraits cannot be drawn: {faults.exceptions[0]!r}") from faults
    return [pictures for portraits in drawn for pictures in portraits]


async def paint(settings: Settings) -> None:
    """Students who have none yet, until all have or something is away: a demo is one without them, too."""
    if not has_place(settings):
        return
    hand = Hand(_MODULE, Drawn, arguments=(GENTLY,))
    with suppress(HubError, HandLost, PostgresError, InterfaceError, OSError, TimeoutError):
        connection, files = await connect(settings, Role.hub_admin), await open_files(settings)
        try:
            codes = [school.code for school in SCHOOLS]
            rows = iter(await connection.fetch(Q.without_portrait, codes, LATER))
            while batch := list(islice(rows, _BATCH)):
                await _paint(connection, files, hand, batch)
        finally:
            await hand.close()
            await connection.close()
            await files.close()


async def _paint(connection: Connection, files: Files, hand: Hand[Drawn], rows: list[Record]) -> None:
    drawn = (await hand.do(Asked([_sitter(row["student_id"], row["gender"]) for row in rows]))).portraits
    keys: list[str] = []
    async with undone_on_failure(files, keys), connection.transaction():
        for school in {row["school_id"] for row in rows}:
            of_school = zip(rows, drawn, strict=True)
            portraits = {row["id"]: pictures for row, pictures in of_school if row["school_id"] == school}
            await _hang(connection, files, keys, school, portraits)


def _sitter(number: str, gender: str | None) -> tuple[str, bool]:
    """The seed: the same student has the same face whenever it is drawn."""
    return number, gender == "female"


async def _hang(
    connection: Connection, files: Files, keys: list[str], school: UUID, portraits: dict[UUID, Pictures]
) -> None:
    """Raises StoreUnavailable."""
    versions = {student: new_id() for student in portraits}
    turn = asyncio.Semaphore(_WRITERS)

    async def put(student: UUID, pictures: Pictures) -> None:
        async with turn:
            await put_photo(files, school, student, versions[student], pictures)

    try:
        async with asyncio.TaskGroup() as tasks:
            for student, pictures in portraits.items():
                keys += photo_keys(school, student, versions[student])
                tasks.create_task(put(student, pictures))
    except ExceptionGroup as faults:
        raise faults.exceptions[0] from faults
    rows = await connection.fetch(Q.insert_portraits, school, list(versions), list(versions.values()))
    hung = {row["student_id"] for row in rows}
    await connection.execute(Q.show_portraits, list(hung), [photo_url(student) for student in hung])
    await _forget(files, school, {student: version for student, version in versions.items() if student not in hung})


async def _forget(files: Files, school: UUID, versions: dict[UUID, UUID]) -> None:
    for student, version in versions.items():
        for key in photo_keys(school, student, version):
            await files.delete(key)
