"""A student as it was sent, held against its types, its school's rules, and the rest of what is known; all at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Any, TypeVar
from uuid import UUID

import msgspec

from hub.domain.students import date_faults, field_rules, rule_faults, tidy
from hub.errors import NotFound
from hub.resources.students.model import Student
from hub.rest.faults import Fault, fault, fitted
from hub.store.pg import Connection
from hub.store.queries import load_queries

Q = load_queries("hub.resources.students")
S = TypeVar("S", bound=msgspec.Struct)
#: Text of people: spaces and composed letters are put in order, and a line break at the end is none of it.
TIDIED = (
    *("studentId", "email", "firstName", "lastName", "middleName", "gender", "phone", "program"),
    *("emergencyContactName", "emergencyContactPhone"),
)


async def judged(tx: Connection, kind: type[S], sent: Any, school: UUID | None, old: Student | None = None) -> S:
    """`sent`, what a body's JSON says, as a Struct. Raises BadRequest with every fault, NotFound for no such school."""
    faults = [] if school is None else [one async for one in _faults(tx, sent, school, old)]
    body = fitted(kind, sent, more=faults)
    for name in TIDIED:
        if isinstance(value := getattr(body, name), str):
            setattr(body, name, tidy(value))
    return body


async def _faults(tx: Connection, sent: Any, school: UUID, old: Student | None) -> Any:
    settings = await tx.fetchval(Q.school_settings, school)
    if settings is None:
        raise NotFound("no such school")
    if not isinstance(sent, dict):
        return
    for name, message in rule_faults(field_rules(msgspec.json.decode(settings)), sent, new=old is None):
        yield fault(name, message)
    for one in _days(sent, old):
        yield one
    department = _as(UUID, sent.get("departmentId"))
    if department is not None and not await tx.fetchval(Q.is_department, department, school):
        yield fault("departmentId", "there is no such department in this school")


def _days(sent: dict[str, Any], old: Student | None) -> Iterator[Fault]:
    names = ("dateOfBirth", "enrollmentDate", "graduationDate")
    if not any(name in sent for name in names):
        return
    born, enrolled, graduates = (
        _as(date, sent[name]) if name in sent else (None if old is None else getattr(old, name)) for name in names
    )
    for name, message in date_faults(born, enrolled, graduates, datetime.now(UTC).date()):
        yield fault(name, message)


def _as(kind: Any, value: Any) -> Any:
    """What a value says, if it says that; what does not fit its type is a fault already."""
    with suppress(msgspec.ValidationError):
        return msgspec.convert(value, kind)
    return None
