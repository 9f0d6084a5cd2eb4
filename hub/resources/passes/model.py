"""What is said of a pass over the wire. Dates are days of its school."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from hub.rest.pages import ListQuery
from hub.rest.students.query import StudentFilters
from hub.rest.texts import Named, Written
from hub.store.pg import Record

PassType = Literal["standard", "temporary", "visitor"]
Status = Literal["active", "inactive", "expired", "revoked"]
Number = Annotated[
    str, Meta(min_length=3, max_length=50, pattern=r"^[A-Za-z0-9-]+$", description="made by the hub when left out")
]
Name = Annotated[Named, Meta(max_length=200)]
Uses = Annotated[int, Meta(ge=1, le=100, description="how often it opens a way in; null: as often as one likes")]
Reason = Annotated[Written, Meta(max_length=500, description="kept in the history")]
Moment = Annotated[datetime, Meta(tz=True)]


class Pass(msgspec.Struct, kw_only=True):
    """One pass, without its code. `uses` counts for passes with `maxUses` alone."""

    id: UUID
    schoolId: UUID
    studentId: UUID | None
    passNumber: str
    passType: PassType
    status: Status
    issueDate: date
    expiryDate: date
    templateId: UUID | None
    visitorName: str | None
    hostName: str | None
    maxUses: int | None
    uses: int
    keyId: str | None
    issuedBy: UUID | None
    revokedBy: UUID | None
    revokedAt: Moment | None
    revokeReason: str | None
    replacesId: UUID | None
    createdAt: Moment
    updatedAt: Moment


class PassWithCode(Pass, kw_only=True):
    """`qrCode`: whoever shows it, enters."""

    qrCode: str


class NewPass(msgspec.Struct, kw_only=True):
    """A standard or temporary pass has a student; a visitor's has a name. What is left out is the template's, and
    `issueDate` is today. `schoolId` is for super admins."""

    studentId: UUID | None = None
    passType: PassType | UnsetType = UNSET
    issueDate: date | UnsetType = UNSET
    expiryDate: date | UnsetType = UNSET
    templateId: UUID | None = None
    passNumber: Number | UnsetType = UNSET
    visitorName: Name | None = None
    hostName: Name | None = None
    maxUses: Uses | None = None
    schoolId: UUID | None = None


class NewVisitor(msgspec.Struct, kw_only=True):
    """Who comes, and to whom; for today when no days are given. `schoolId` is for super admins."""

    visitorName: Name
    hostName: Name
    issueDate: date | UnsetType = UNSET
    expiryDate: date | UnsetType = UNSET
    maxUses: Uses | None = None
    templateId: UUID | None = None
    schoolId: UUID | None = None


class Whom(msgspec.Struct, kw_only=True):
    """Which students; all of a school are named as such."""

    students: StudentFilters = StudentFilters()
    everybody: Annotated[bool, Meta(description="no filter is meant")] = False


class NewPasses(Whom, kw_only=True):
    """A pass for each student of a filter who holds none of the kind; graduates get none. `schoolId` is for super
    admins."""

    passType: Literal["standard", "temporary"] | UnsetType = UNSET
    issueDate: date | UnsetType = UNSET
    expiryDate: date | UnsetType = UNSET
    templateId: UUID | None = None
    schoolId: UUID | None = None


class Sending(Whom, kw_only=True):
    """Mails students of a filter their passes in force. `again`: also those that were mailed before."""

    again: bool = False
    schoolId: UUID | None = None


class Printing(Whom, kw_only=True):
    """Prints the passes in force of students of a filter, as badges: cards, one a page, or ten on an A4. `templateId`:
    only passes of that template."""

    layout: Literal["card", "a4"] = "a4"
    templateId: UUID | None = None
    schoolId: UUID | None = None


class SheetsQuery(msgspec.Struct, kw_only=True, frozen=True):
    """`file`: which of the job's files."""

    file: Annotated[int, Meta(ge=1, le=10_000)] = 1


class Mail(msgspec.Struct, kw_only=True):
    """One pass, mailed. `refused`: the mail server would not take it, and `fault` is its word; `unknown`: it may have
    arrived, and is not sent again."""

    id: UUID
    passId: UUID
    jobId: UUID
    state: Literal["sending", "sent", "refused", "unknown"]
    fault: str | None
    createdAt: Moment


class MailsQuery(ListQuery, kw_only=True, frozen=True):
    sort: Literal["createdAt", "-createdAt"] = "-createdAt"
    passId: UUID | UnsetType = UNSET
    jobId: UUID | UnsetType = UNSET
    state: Literal["sending", "sent", "refused", "unknown"] | UnsetType = UNSET


class ChangedPass(msgspec.Struct, kw_only=True):
    """What is left out stays as it is; null empties. Other days are another code: the old one stops."""

    issueDate: date | UnsetType = UNSET
    expiryDate: date | UnsetType = UNSET
    templateId: UUID | UnsetType | None = UNSET
    visitorName: Name | UnsetType | None = UNSET
    hostName: Name | UnsetType | None = UNSET
    maxUses: Uses | UnsetType | None = UNSET


class Deactivation(msgspec.Struct, kw_only=True):
    reason: Reason


class Revocation(msgspec.Struct, kw_only=True):
    reason: Reason


class Renewal(msgspec.Struct, kw_only=True):
    """The new last day; `issueDate` when the first one changes as well."""

    expiryDate: date
    issueDate: date | UnsetType = UNSET


class Replacement(msgspec.Struct, kw_only=True):
    reason: Reason = "lost"


class PassEvent(msgspec.Struct, kw_only=True):
    """`userId` null: no person's request. `changes`: columns and what they are since."""

    at: Moment
    kind: str
    userId: UUID | None
    reason: str | None
    changes: dict[str, Any]


class History(msgspec.Struct, kw_only=True):
    """Oldest first."""

    data: list[PassEvent]


class PassesQuery(ListQuery, kw_only=True, frozen=True):
    sort: Literal["createdAt", "-createdAt", "expiryDate", "-expiryDate", "passNumber", "-passNumber"] = "-createdAt"
    studentId: UUID | UnsetType = UNSET
    passNumber: Annotated[str, Meta(max_length=50)] | UnsetType = UNSET
    status: Status | UnsetType = UNSET
    passType: PassType | UnsetType = UNSET
    templateId: UUID | UnsetType = UNSET
    keyId: Annotated[str, Meta(max_length=12)] | UnsetType = UNSET
    issuedBy: UUID | UnsetType = UNSET
    issueDateFrom: date | UnsetType = UNSET
    issueDateTo: date | UnsetType = UNSET
    expiryDateFrom: date | UnsetType = UNSET
    expiryDateTo: date | UnsetType = UNSET


def a_pass(row: Record) -> Pass:
    return Pass(**_fields(row))


def with_code(row: Record) -> PassWithCode:
    return PassWithCode(**_fields(row), qrCode=row["qr_code"])


def without_code(known: PassWithCode) -> Pass:
    """For the audit: a code that stands in a log opens doors."""
    return Pass(**{name: getattr(known, name) for name in Pass.__struct_fields__})


def mail(row: Record) -> Mail:
    return Mail(
        id=row["id"],
        passId=row["pass_id"],
        jobId=row["job_id"],
        state=row["state"],
        fault=row["fault"],
        createdAt=row["created_at"],
    )


def event(row: Record) -> PassEvent:
    changes = msgspec.json.decode(row["changes"])
    return PassEvent(at=row["at"], kind=row["kind"], userId=row["user_id"], reason=row["reason"], changes=changes)


def _fields(row: Record) -> dict[str, Any]:
    return {
        "id": row["id"],
        "schoolId": row["school_id"],
        "studentId": row["student_id"],
        "passNumber": row["pass_number"],
        "passType": row["pass_type"],
        "status": row["status"],
        "issueDate": row["issue_date"],
        "expiryDate": row["expiry_date"],
        "templateId": row["template_id"],
        "visitorName": row["visitor_name"],
        "hostName": row["host_name"],
        "maxUses": row["max_uses"],
        "uses": row["uses"],
        "keyId": row["key_id"],
        "issuedBy": row["issued_by"],
        "revokedBy": row["revoked_by"],
        "revokedAt": row["revoked_at"],
        "revokeReason": row["revoke_reason"],
        "replacesId": row["replaces_id"],
        "createdAt": row["created_at"],
        "updatedAt": row["updated_at"],
    }
