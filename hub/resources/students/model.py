"""What is said of a student over the wire."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from hub.accounts.personal import students as personal
from hub.domain.keyring import KeyRing
from hub.domain.students import EMAIL_PATTERN, NAME_PATTERN, NUMBER_PATTERN, PHONE_PATTERN
from hub.rest.pages import ListQuery
from hub.rest.students.query import Status
from hub.rest.texts import Named, Written
from hub.store.pg import Record

Number = Annotated[
    str,
    Meta(
        min_length=3,
        max_length=50,
        pattern=NUMBER_PATTERN,
        description="the school's number of the student; nobody else's there",
        extra={"fault": "may have letters from A to Z, digits and hyphens"},
    ),
]
Name = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=100,
        pattern=NAME_PATTERN,
        extra={"fault": "may have letters of any script, spaces, hyphens, apostrophes and dots, a letter first"},
    ),
]
Email = Annotated[str, Meta(max_length=254, pattern=EMAIL_PATTERN, extra={"fault": "is no e-mail address"})]
Phone = Annotated[
    str,
    Meta(
        max_length=20,
        pattern=PHONE_PATTERN,
        description="with the country's code",
        extra={"fault": "must be a number such as +493012345678, without spaces"},
    ),
]
Gender = Annotated[Named, Meta(max_length=20)]
Address = Annotated[Written, Meta(max_length=1000)]
Program = Annotated[Named, Meta(max_length=100)]
Year = Annotated[int, Meta(ge=1, le=20)]
Moment = Annotated[datetime, Meta(tz=True)]


class Student(msgspec.Struct, kw_only=True):
    """One student. `studentId` is the school's number, `id` ours."""

    id: UUID
    schoolId: UUID
    studentId: str
    email: str | None
    firstName: str
    lastName: str
    middleName: str | None
    dateOfBirth: date | None
    gender: str | None
    phone: str | None
    address: str | None
    emergencyContactName: str | None
    emergencyContactPhone: str | None
    departmentId: UUID | None
    program: str | None
    yearOfStudy: int | None
    enrollmentDate: date | None
    graduationDate: date | None
    status: Status
    photoUrl: str | None
    createdAt: Moment
    updatedAt: Moment
    deletedAt: Moment | None


class NewStudent(msgspec.Struct, kw_only=True):
    """A school may have switched a field off, or ask for it. `schoolId` is for super admins."""

    studentId: Number
    firstName: Name
    lastName: Name
    email: Email | None = None
    middleName: Name | None = None
    dateOfBirth: date | None = None
    gender: Gender | None = None
    phone: Phone | None = None
    address: Address | None = None
    emergencyContactName: Name | None = None
    emergencyContactPhone: Phone | None = None
    departmentId: UUID | None = None
    program: Program | None = None
    yearOfStudy: Year | None = None
    enrollmentDate: date | None = None
    graduationDate: date | None = None
    status: Status = "active"
    schoolId: UUID | None = None


class ChangedStudent(msgspec.Struct, kw_only=True):
    """What is left out stays as it is; null empties."""

    studentId: Number | UnsetType = UNSET
    firstName: Name | UnsetType = UNSET
    lastName: Name | UnsetType = UNSET
    email: Email | UnsetType | None = UNSET
    middleName: Name | UnsetType | None = UNSET
    dateOfBirth: date | UnsetType | None = UNSET
    gender: Gender | UnsetType | None = UNSET
    phone: Phone | UnsetType | None = UNSET
    address: Address | UnsetType | None = UNSET
    emergencyContactName: Name | UnsetType | None = UNSET
    emergencyContactPhone: Phone | UnsetType | None = UNSET
    departmentId: UUID | UnsetType | None = UNSET
    program: Program | UnsetType | None = UNSET
    yearOfStudy: Year | UnsetType | None = UNSET
    enrollmentDate: date | UnsetType | None = UNSET
    graduationDate: date | UnsetType | None = UNSET
    status: Status | UnsetType = UNSET


class StudentQuery(msgspec.Struct, kw_only=True, frozen=True):
    deleted: Annotated[bool, Meta(description="also one that was deleted")] = False


class DeletionQuery(msgspec.Struct, kw_only=True, frozen=True):
    erase: Annotated[bool, Meta(description="for good: all personal data is erased; needs students:erase")] = False


class StudentPass(msgspec.Struct, kw_only=True):
    """A pass of the student, without its code."""

    id: UUID
    studentId: UUID
    passNumber: str
    passType: Literal["standard", "temporary", "visitor"]
    status: Literal["active", "inactive", "expired", "revoked"]
    issueDate: date
    expiryDate: date
    issuedBy: UUID | None
    revokedBy: UUID | None
    revokedAt: Moment | None
    revokeReason: str | None
    createdAt: Moment
    updatedAt: Moment


class StudentPassesQuery(ListQuery, kw_only=True, frozen=True):
    sort: Literal["createdAt", "-createdAt"] = "-createdAt"
    status: Literal["active", "inactive", "expired", "revoked"] | UnsetType = UNSET


def student(row: Record, ring: KeyRing) -> Student:
    plain = personal.opened(ring, row)
    born = plain["date_of_birth"]
    return Student(
        id=row["id"],
        schoolId=row["school_id"],
        studentId=row["student_id"],
        email=row["email"],
        firstName=row["first_name"],
        lastName=row["last_name"],
        middleName=row["middle_name"],
        dateOfBirth=None if born is None else date.fromisoformat(born),
        gender=row["gender"],
        phone=plain["phone"],
        address=plain["address"],
        emergencyContactName=plain["emergency_contact_name"],
        emergencyContactPhone=plain["emergency_contact_phone"],
        departmentId=row["department_id"],
        program=row["program"],
        yearOfStudy=row["year_of_study"],
        enrollmentDate=row["enrollment_date"],
        graduationDate=row["graduation_date"],
        status=row["status"],
        photoUrl=row["photo_url"],
        createdAt=row["created_at"],
        updatedAt=row["updated_at"],
        deletedAt=row["deleted_at"],
    )


def student_pass(row: Record) -> StudentPass:
    return StudentPass(
        id=row["id"],
        studentId=row["student_id"],
        passNumber=row["pass_number"],
        passType=row["pass_type"],
        status=row["status"],
        issueDate=row["issue_date"],
        expiryDate=row["expiry_date"],
        issuedBy=row["issued_by"],
        revokedBy=row["revoked_by"],
        revokedAt=row["revoked_at"],
        revokeReason=row["revoke_reason"],
        createdAt=row["created_at"],
        updatedAt=row["updated_at"],
    )


def columns(wanted: Any) -> list[Any]:
    """The plain values of a NewStudent or a Student, as `insert_student` and `update_student` take them."""
    return [
        *(wanted.studentId, wanted.email, wanted.firstName, wanted.lastName, wanted.middleName, wanted.gender),
        *(wanted.departmentId, wanted.program, wanted.yearOfStudy, wanted.enrollmentDate, wanted.graduationDate),
        wanted.status,
    ]


def sealed_columns(ring: KeyRing, id_: UUID, school: UUID, wanted: Any) -> list[bytes | None]:
    """The sealed values and their blind indexes, behind those of `columns`."""
    born = wanted.dateOfBirth
    plain = {
        "date_of_birth": None if born is None else born.isoformat(),
        "phone": wanted.phone,
        "address": wanted.address,
        "emergency_contact_name": wanted.emergencyContactName,
        "emergency_contact_phone": wanted.emergencyContactPhone,
    }
    return [*personal.sealed(ring, id_, plain), *personal.indexed(ring, school, plain)]
