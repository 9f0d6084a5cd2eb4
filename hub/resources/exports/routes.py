"""/students/export: a list's filters, as a file."""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec

from hub.accounts.permissions import Permission
from hub.config import key_ring
from hub.errors import BadRequest, TooManyRequests
from hub.resources.exports.rows import HEADER, cells
from hub.rest.answer import File
from hub.rest.call import Call
from hub.rest.exporting import Export
from hub.rest.route import Route
from hub.rest.sheets import FILES, Form
from hub.rest.students.query import StudentFilters, chosen
from hub.rest.students.whole import whole
from hub.store.pg import Connection

#: Filters that mean many; the others may tell of one person.
_IMPERSONAL = frozenset({"departmentId", "program", "yearOfStudy", "status", "schoolId", "deleted"})


class ExportQuery(StudentFilters, kw_only=True, frozen=True):
    format: Form = "csv"


async def export_students(call: Call[ExportQuery, None]) -> File:
    ring, query = key_ring(call.settings), call.query
    chosen(query, ring, call.school)  # raises for what is not asked so

    async def find(tx: Connection) -> tuple[str, list[Any]] | None:
        return await whole(tx, query, ring, call.school)

    export = Export(
        call, "student", "Students", query.format, HEADER, partial(cells, ring), lambda row: row["id"], find
    )
    return await export.file(_asked(query))


def _asked(query: ExportQuery) -> dict[str, Any]:
    """The filters that were given, as JSON has them; of those that may name somebody no more than that they were."""
    given: dict[str, Any] = msgspec.to_builtins(query)
    return {name: value if name in _IMPERSONAL else "…" for name, value in given.items() if name != "format"}


ROUTES = [
    Route(
        "GET",
        "/students/export",
        export_students,
        summary="All students that filters mean, as CSV or XLSX",
        permission=Permission.students_export,
        query=ExportQuery,
        files=FILES,
        errors=(BadRequest, TooManyRequests),
    ),
]
