"""What a list of students can be asked: order, search, and a filter for every field that is not sealed.

Of the sealed ones, phone and date of birth are found by their blind indexes: by equality, in one school.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from hub.domain.keyring import KeyRing
from hub.errors import BadRequest
from hub.rest.faults import fault
from hub.rest.pages import CursorText, Limit, Search, WithTotal
from hub.rest.students.queries import Q
from hub.store.keyset import Column, Filter, Listing

Status = Literal["active", "inactive", "graduated", "suspended"]
Sort = Literal["createdAt", "-createdAt", "updatedAt", "-updatedAt", "lastName", "-lastName", "studentId", "-studentId"]
Day = Annotated[date, Meta(description="as in 2026-09-01")]
Text = Annotated[str, Meta(min_length=1, max_length=255)]
Moment = Annotated[datetime, Meta(tz=True)]

SORTS = {
    "createdAt": Column("created_at", datetime),
    "updatedAt": Column("updated_at", datetime),
    "lastName": Column("last_name", str),
    "studentId": Column("student_id", str),
}
FILTERS = {
    "studentId": Filter("student_id"),
    "email": Filter("email"),
    "firstName": Filter("first_name"),
    "lastName": Filter("last_name"),
    "middleName": Filter("middle_name"),
    "gender": Filter("gender"),
    "departmentId": Filter("department_id"),
    "program": Filter("program"),
    "yearOfStudy": Filter("year_of_study"),
    "status": Filter("status"),
    "enrollmentDate": Filter("enrollment_date"),
    "enrollmentDateFrom": Filter("enrollment_date", ">="),
    "enrollmentDateUntil": Filter("enrollment_date", "<="),
    "graduationDate": Filter("graduation_date"),
    "graduationDateFrom": Filter("graduation_date", ">="),
    "graduationDateUntil": Filter("graduation_date", "<="),
    "createdFrom": Filter("created_at", ">="),
    "createdUntil": Filter("created_at", "<"),
    "updatedFrom": Filter("updated_at", ">="),
    "updatedUntil": Filter("updated_at", "<"),
    "phone": Filter("phone_bidx", "= ANY"),
    "dateOfBirth": Filter("date_of_birth_bidx", "= ANY"),
}
PRESENT = Listing(Q.list_students, sorts=SORTS, filters=FILTERS)
DELETED = Listing(Q.list_deleted_students, sorts=SORTS, filters=FILTERS)


class StudentFilters(msgspec.Struct, kw_only=True, frozen=True):
    """Which students: all of these at once. `…Until` of a day counts the day itself, of a moment not."""

    q: Search | UnsetType = UNSET
    studentId: Text | UnsetType = UNSET
    email: Text | UnsetType = UNSET
    firstName: Text | UnsetType = UNSET
    lastName: Text | UnsetType = UNSET
    middleName: Text | UnsetType = UNSET
    gender: Text | UnsetType = UNSET
    departmentId: UUID | UnsetType = UNSET
    program: Text | UnsetType = UNSET
    yearOfStudy: Annotated[int, Meta(ge=1, le=2**31 - 1)] | UnsetType = UNSET
    status: Status | UnsetType = UNSET
    enrollmentDate: Day | UnsetType = UNSET
    enrollmentDateFrom: Day | UnsetType = UNSET
    enrollmentDateUntil: Day | UnsetType = UNSET
    graduationDate: Day | UnsetType = UNSET
    graduationDateFrom: Day | UnsetType = UNSET
    graduationDateUntil: Day | UnsetType = UNSET
    createdFrom: Moment | UnsetType = UNSET
    createdUntil: Moment | UnsetType = UNSET
    updatedFrom: Moment | UnsetType = UNSET
    updatedUntil: Moment | UnsetType = UNSET
    phone: Annotated[str, Meta(min_length=1, max_length=20, description="the whole number")] | UnsetType = UNSET
    dateOfBirth: Day | UnsetType = UNSET

    def __post_init__(self) -> None:
        """Raises ValueError for a moment that is in no year of UTC."""
        for value in (self.createdFrom, self.createdUntil, self.updatedFrom, self.updatedUntil):
            try:
                _ = None if value is UNSET else value.astimezone(UTC)
            except OverflowError:
                raise ValueError("a moment must be in the years 1 to 9999 of UTC") from None


class StudentsQuery(StudentFilters, kw_only=True, frozen=True):
    """The filters, and what ListQuery has: a Struct has one base only."""

    limit: Limit = 50
    cursor: CursorText | UnsetType = UNSET
    total: WithTotal = False
    sort: Sort = "-createdAt"
    deleted: Annotated[bool, Meta(description="those that were deleted, instead of those that are there")] = False


def chosen(query: StudentFilters, ring: KeyRing, school: UUID | None) -> dict[str, Any]:
    """The filters that were given, as the listings take them. Raises BadRequest for one that needs a school."""
    given = {name: value for name in FILTERS if (value := getattr(query, name)) is not UNSET}
    for name, column in (("phone", "phone"), ("dateOfBirth", "date_of_birth")):
        if name not in given:
            continue
        if school is None:
            message = "is found in one school only: say in which, with schoolId"
            raise BadRequest(f"{name}: {message}", [fault(name, message)])
        value = given[name]
        given[name] = ring.blind_indexes(column, school, value.isoformat() if isinstance(value, date) else value)
    return given
