"""What may be said of a student: which fields a school wants, and what is wrong with values that fit their types."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Literal, get_args

FieldRule = Literal["off", "optional", "required"]
RULES: tuple[str, ...] = get_args(FieldRule)

#: schools.settings {"studentFields": {"phone": "off"}}; what is not named there is optional.
FIELDS_SETTING = "studentFields"
#: The fields that a school may switch off or ask for, by their names in JSON.
OPTIONAL_FIELDS = (
    *("email", "middleName", "dateOfBirth", "gender", "phone", "address", "emergencyContactName"),
    *("emergencyContactPhone", "departmentId", "program", "yearOfStudy", "enrollmentDate", "graduationDate"),
)
OLDEST = date(1900, 1, 1)

#: Letters of any script with their marks, spaces, apostrophes, hyphens and dots; a letter first.
NAME_PATTERN = (
    "^[^\\x00-@\\[-`{-\xbf\u00d7\u00f7\u2000-\u2bff\u3000-\u3004\ufff0-\uffff\U0001f000-\U0001faff]"
    "[^\\x00-\\x1f!-&(-,/-@\\[-`{-\xb6\xb8-\xbf\u00d7\u00f7\u2000-\u200b\u2011-\u2018\u201a-\u2bff\u3000-\u3004"
    "\ufff0-\uffff\U0001f000-\U0001faff]*$"
)
NUMBER_PATTERN = "^[a-zA-Z0-9-]+$"
PHONE_PATTERN = r"^\+?[1-9][0-9]{1,14}$"
EMAIL_PATTERN = r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,185}[A-Za-z0-9])?$"


def field_rules(settings: Mapping[str, Any]) -> dict[str, str]:
    """Field → rule, from a school's settings; anything odd in there counts as not said."""
    said = settings.get(FIELDS_SETTING)
    known = said if isinstance(said, dict) else {}
    return {name: known[name] if known.get(name) in RULES else "optional" for name in OPTIONAL_FIELDS}


def rule_faults(rules: Mapping[str, str], sent: Mapping[str, Any], *, new: bool) -> Iterator[tuple[str, str]]:
    """(field, message) for each field that the school has switched off, or asks for in vain. `sent`: by JSON names."""
    for name, rule in rules.items():
        if rule == "off" and sent.get(name) is not None:
            yield name, "is not kept at this school"
        elif rule == "required" and (sent.get(name) is None if new or name in sent else False):
            yield name, "is required at this school"


def date_faults(
    born: date | None, enrolled: date | None, graduates: date | None, today: date
) -> Iterator[tuple[str, str]]:
    """(field, message) for days that cannot be so."""
    if born is not None and not OLDEST <= born < today:
        yield "dateOfBirth", "must be a day of the past, and not before 1900"
    elif enrolled is not None and born is not None and enrolled <= born:
        yield "enrollmentDate", "must be after the date of birth"
    if enrolled is not None and graduates is not None and graduates < enrolled:
        yield "graduationDate", "must not be before the enrollment date"


def tidy(text: str) -> str:
    """As it is kept: composed letters (NFC), single spaces, none at the ends."""
    return " ".join(unicodedata.normalize("NFC", text).split())
