"""A student as a row: the columns that an import takes, and what it passes over."""

from __future__ import annotations

from hub.accounts.personal import students as personal
from hub.domain.keyring import KeyRing
from hub.rest.sheets import text_of
from hub.store.pg import Record

_COLUMNS = {
    "studentId": "student_id",
    "firstName": "first_name",
    "middleName": "middle_name",
    "lastName": "last_name",
    "email": "email",
    "gender": "gender",
    "dateOfBirth": "date_of_birth",
    "phone": "phone",
    "address": "address",
    "emergencyContactName": "emergency_contact_name",
    "emergencyContactPhone": "emergency_contact_phone",
    "departmentId": "department_id",
    "program": "program",
    "yearOfStudy": "year_of_study",
    "enrollmentDate": "enrollment_date",
    "graduationDate": "graduation_date",
    "status": "status",
    "photoUrl": "photo_url",
    "id": "id",
    "schoolId": "school_id",
    "createdAt": "created_at",
    "updatedAt": "updated_at",
}
HEADER = list(_COLUMNS)


def cells(ring: KeyRing, row: Record) -> list[str]:
    """The texts of a row. Raises StoreUnavailable when a value does not open."""
    opened = personal.opened(ring, row)
    return [text_of(opened[column] if column in opened else row[column]) for column in _COLUMNS.values()]
