"""What a school may set, beside its name and its time zone: the shape of schools.settings.

A setting that plain SQL has written in another shape counts as not set.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

#: `off`: refused, and so never kept; `required`: nobody is made without it.
Wanted = Literal["off", "optional", "required"]
RoleName = Annotated[str, Meta(min_length=1, max_length=100)]
RoleNames = Annotated[list[RoleName], Meta(max_length=50, description="roles that need a second factor to do anything")]
Days = Annotated[int, Meta(ge=1, le=36_500)]


class StudentFields(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Which of a student's fields a school keeps at all. Number and names are always there."""

    email: Wanted = "optional"
    middleName: Wanted = "optional"
    dateOfBirth: Wanted = "optional"
    gender: Wanted = "optional"
    phone: Wanted = "optional"
    address: Wanted = "optional"
    emergencyContactName: Wanted = "optional"
    emergencyContactPhone: Wanted = "optional"
    departmentId: Wanted = "optional"
    program: Wanted = "optional"
    yearOfStudy: Wanted = "optional"
    enrollmentDate: Wanted = "optional"
    graduationDate: Wanted = "optional"


class Retention(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """After how many days something goes; null: never. `students`: after they were deleted, they are erased;
    `documents`: after they were uploaded."""

    accessLogs: Days | None = 730
    auditLogs: Annotated[int, Meta(ge=365, le=36_500)] | None = 1_825
    students: Days | None = 365
    documents: Days | None = None


class PasswordRules(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Beyond what holds for everybody: 12 characters, and none of the common ones."""

    minLength: Annotated[int, Meta(ge=12, le=64)] = 12


class SchoolSettings(msgspec.Struct, kw_only=True, frozen=True):
    """`failOpen`: what doors do past their `maxStalenessSeconds` that do not say so themselves. `guardDesk`: security
    may record entries, annul scans and make visitors' passes."""

    failOpen: bool = False
    guardDesk: bool = False
    secondFactor: RoleNames = []
    passwords: PasswordRules = PasswordRules()
    studentFields: StudentFields = StudentFields()
    retention: Retention = Retention()


def school_settings(stored: dict[str, Any]) -> SchoolSettings:
    """Of what is in the table."""
    good: dict[str, Any] = {}
    for field in msgspec.structs.fields(SchoolSettings):
        if field.name in stored:
            try:
                good[field.name] = msgspec.convert(stored[field.name], field.type)
            except msgspec.ValidationError:
                continue
    return SchoolSettings(**good)
