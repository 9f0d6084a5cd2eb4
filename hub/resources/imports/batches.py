"""Rows become students, or faults with their lines. Runs in a thread; no database."""

from __future__ import annotations

import hashlib
import re
from array import array
from collections.abc import Iterable, Iterator
from datetime import date
from itertools import islice
from typing import Any

import msgspec

from hub.domain.students import date_faults
from hub.resources.imports.cells import FIELDS, PLACES
from hub.resources.imports.departments import Departments
from hub.resources.imports.tables import Row, Unreadable
from hub.rest.jobs.model import JobError
from hub.rest.sheets import unguarded

BATCH = 2_000
#: What a spreadsheet shows, and saves, where a formula came to nothing: `#N/A`, `#NV`, `#REF!`, `#NAME?`.
_ERROR = re.compile(r"#(?:N/?[AV]|[^\s#!?]{2,12}[!?])")
_DEPARTMENT, _BORN = PLACES["departmentId"], PLACES["dateOfBirth"]
_ENROLLED, _GRADUATED = PLACES["enrollmentDate"], PLACES["graduationDate"]


class Line(msgspec.Struct):
    """One row. `values` in the order of FIELDS, None where a cell is empty or the file has no such column."""

    number: int
    cells: list[str]
    values: list[Any]
    faults: list[JobError]

    @property
    def student(self) -> str:
        """The student's number."""
        text: str = self.values[0]
        return text

    def refuse(self, field: str, message: str) -> None:
        self.faults.append(JobError(line=self.number, field=field, message=message))


class Seen:
    """Which numbers were there: eight bytes each of their digests, in one table that doubles."""

    def __init__(self) -> None:
        self._table = array("Q", bytes(8 << 12))
        self._count = 0

    def add(self, number: str) -> bool:
        """Whether it is new."""
        key = int.from_bytes(hashlib.blake2b(number.encode(), digest_size=8).digest(), "big") | 1
        if 2 * self._count >= len(self._table):
            self._grow()
        place = self._place(key)
        if self._table[place]:
            return False
        self._table[place] = key
        self._count += 1
        return True

    def _place(self, key: int) -> int:
        mask = len(self._table) - 1
        place = (key >> 1) & mask
        while self._table[place] not in {0, key}:
            place = (place + 1) & mask
        return place

    def _grow(self) -> None:
        old = self._table
        self._table = array("Q", bytes(16 * len(old)))
        for key in old:
            if key:
                self._table[self._place(key)] = key


class Converter:
    """`columns`: the field of each column; `required`: fields that this school wants of everybody."""

    def __init__(
        self, columns: list[str | None], departments: Departments, required: frozenset[str], today: date
    ) -> None:
        self._today = today
        self._columns = [(place, PLACES[name]) for place, name in enumerate(columns) if name is not None]
        self._width = len(columns)
        self._departments = departments
        self._required = frozenset(PLACES[name] for name in required)
        self._present = frozenset(field for _, field in self._columns)
        self._seen = Seen()

    def batches(self, rows: Iterable[Row], most: int) -> Iterator[list[Line]]:
        """All rows after the header. Raises Unreadable, also past `most` rows."""
        rows, total = iter(rows), 0
        while taken := list(islice(rows, BATCH)):
            total += len(taken)
            if total > most:
                raise Unreadable(taken[-1][0], f"the file has more than {most} rows; send it in parts")
            yield [self.line(number, cells) for number, cells in taken]

    def line(self, number: int, cells: list[str]) -> Line:
        line = Line(number, cells, [None] * len(FIELDS), [])
        for place, field in self._columns:
            self._read(line, field, unguarded(cells[place].strip()).strip() if place < len(cells) else "")
        if any(cells[self._width :]):
            line.refuse("file", "has more cells than there are columns")
        self._check_whole(line)
        return line

    def _read(self, line: Line, place: int, text: str) -> None:
        field = FIELDS[place]
        if not text:
            if field.required or place in self._required:
                line.refuse(field.name, "is required")
            return
        if text[0] == "#" and _ERROR.fullmatch(text):
            line.refuse(field.name, "is an error of the spreadsheet, not a value")
            return
        try:
            line.values[place] = field.read(text)
        except ValueError as error:
            line.refuse(field.name, str(error))

    def _check_whole(self, line: Line) -> None:
        values = line.values
        if values[0] is not None and not self._seen.add(values[0]):
            line.refuse("studentId", "is there twice in this file")
        if values[_DEPARTMENT] is not None:
            try:
                values[_DEPARTMENT] = self._departments.find(values[_DEPARTMENT])
            except ValueError as error:
                line.refuse("departmentId", str(error))
        for field, message in date_faults(values[_BORN], values[_ENROLLED], values[_GRADUATED], self._today):
            line.refuse(field, message)

    def missing(self, line: Line) -> None:
        """Faults of a student who is new: what the school wants and the file has no column for."""
        for place in self._required - self._present:
            line.refuse(FIELDS[place].name, "is required of a new student")
