"""A cell's text becomes a value, or a fault in words. The fields of a student that a file may have, in their order."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from functools import lru_cache
from typing import Any, NamedTuple

from hub.domain.students import EMAIL_PATTERN, NAME_PATTERN, NUMBER_PATTERN, OLDEST, PHONE_PATTERN, tidy
from hub.domain.text import NAME, NAME_FAULT, WRITTEN, WRITTEN_FAULT, matches

Reader = Callable[[str], Any]

STATUSES = ("active", "inactive", "graduated", "suspended")
_NAME, _NUMBER = re.compile(NAME_PATTERN), re.compile(NUMBER_PATTERN)
_PHONE, _EMAIL = re.compile(PHONE_PATTERN), re.compile(EMAIL_PATTERN)
_PHONE_NOISE = str.maketrans("", "", " -./()")
_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DOTTED = re.compile(r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})")
_LATEST = 2200  # a year; later ones are slips of the hand


class Field(NamedTuple):
    """`sealed`: its column holds ciphertext. `empties`: an empty cell takes away what was there."""

    name: str
    column: str
    read: Reader
    required: bool = False
    sealed: bool = False
    indexed: bool = False
    empties: bool = True


def _line_of(most: int) -> Reader:
    def read(text: str) -> str:
        if len(text) > most:
            raise ValueError(f"is longer than {most} characters")
        line = tidy(text)
        if not matches(NAME, line):
            raise ValueError(NAME_FAULT)
        return line

    return read


def _name(text: str) -> str:
    name = tidy(text)
    if len(name) > 100:
        raise ValueError("is longer than 100 characters")
    if not _NAME.fullmatch(name):
        raise ValueError("is no name: letters of any script, spaces, hyphens, dots and apostrophes")
    return name


def _number(text: str) -> str:
    if not 3 <= len(text) <= 50 or not _NUMBER.fullmatch(text):
        raise ValueError("must be 3 to 50 letters of A to Z, digits and hyphens")
    return text


def _email(text: str) -> str:
    if len(text) > 254 or not _EMAIL.fullmatch(text):
        raise ValueError("is no e-mail address")
    return text


def _phone(text: str) -> str:
    plain = text.translate(_PHONE_NOISE)
    if not _PHONE.fullmatch(plain):
        raise ValueError("is no phone number: digits with their country's, as +491701234567")
    return plain


@lru_cache(maxsize=8192)
def _day(text: str) -> date:
    """ISO, or with dots: those of slashes mean different days in different countries."""
    if dotted := _DOTTED.fullmatch(text):
        text = f"{dotted[3]}-{int(dotted[2]):02}-{int(dotted[1]):02}"
    if not _ISO.fullmatch(text):
        raise ValueError("is no date as 2026-09-01 or 1.9.2026")
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise ValueError("is a date that does not exist") from None
    if not OLDEST.year <= day.year <= _LATEST:
        raise ValueError(f"must be a day of the years {OLDEST.year} to {_LATEST}")
    return day


def _year(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 2 and 1 <= int(text) <= 20):
        raise ValueError("must be a whole number of 1 to 20")
    return int(text)


def _status(text: str) -> str:
    if text.lower() not in STATUSES:
        raise ValueError(f"must be one of {', '.join(STATUSES)}")
    return text.lower()


def _address(text: str) -> str:
    if len(text) > 1000:
        raise ValueError("is longer than 1000 characters")
    if not matches(WRITTEN, text):
        raise ValueError(WRITTEN_FAULT)
    return text


#: `departmentId` may be a department's code, too; the batch looks it up.
FIELDS = (
    Field("studentId", "student_id", _number, required=True),
    Field("firstName", "first_name", _name, required=True),
    Field("lastName", "last_name", _name, required=True),
    Field("middleName", "middle_name", _name),
    Field("email", "email", _email),
    Field("gender", "gender", _line_of(20)),
    Field("dateOfBirth", "date_of_birth", _day, sealed=True, indexed=True),
    Field("phone", "phone", _phone, sealed=True, indexed=True),
    Field("address", "address", _address, sealed=True),
    Field("emergencyContactName", "emergency_contact_name", _name, sealed=True),
    Field("emergencyContactPhone", "emergency_contact_phone", _phone, sealed=True),
    Field("departmentId", "department_id", _line_of(50)),
    Field("program", "program", _line_of(100)),
    Field("yearOfStudy", "year_of_study", _year),
    Field("enrollmentDate", "enrollment_date", _day),
    Field("graduationDate", "graduation_date", _day),
    Field("status", "status", _status, empties=False),
)
PLACES = {field.name: place for place, field in enumerate(FIELDS)}
