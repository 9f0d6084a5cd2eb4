"""What of an audited change is kept in clear, what is hidden, and what is the student's own.

Whatever names a credential is hidden for good. Of an entry about a student only the fields of PLAIN stay in clear: a
field that somebody adds later is personal until it is listed here. Elsewhere, what describes a person is hidden too.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

HIDDEN = "***"
SEALED = "(sealed)"

_CREDENTIAL = re.compile(
    r"password|secret|token|hash|key$|totp|otp|recovery|cookie|authorization|credential|qrcode|pin$"
)
_CONTACT = re.compile(r"phone|address|birth|emergency|guardian|photo|gender|nationalid|passport")
_NAME = re.compile(r"^(first|last|middle|full|visitor|host|contact)?name$")
#: Of a student's fields, those that say nothing about the person.
PLAIN = frozenset(
    {
        *("id", "schoolid", "departmentid", "status"),
        *("passid", "passtype", "issuedate", "expirydate", "revokedat", "documenttype", "filesize", "mimetype"),
        *("createdat", "updatedat", "deletedat", "format", "count", "rows", "fields", "isactive"),
    }
)
_STAFF = frozenset({"user", "users", "session", "auth"})

Values = dict[str, Any]


class Split(NamedTuple):
    """`old` and `new` as they may be read by anybody, and `personal`, what goes under the student's key."""

    old: Values | None
    new: Values | None
    personal: dict[str, Values]


def split(old: Values | None, new: Values | None, *, about_student: bool, resource_type: str) -> Split:
    """Both sides of a change, taken apart."""
    if about_student:
        personal = {side: own for side, values in (("old", old), ("new", new)) if (own := _own(values or {}))}
        return Split(_without(old), _without(new), personal)
    names = resource_type not in _STAFF
    return Split(_masked(old, names), _masked(new, names), {})


def _plain_name(field: str) -> str:
    return field.replace("_", "").replace("-", "").lower()


def _own(values: Values) -> Values:
    return {
        field: mask(field, value, names=False)
        for field, value in values.items()
        if _plain_name(field) not in PLAIN and not _CREDENTIAL.search(_plain_name(field))
    }


def _without(values: Values | None) -> Values | None:
    """The fields' names stay, so that what was changed can be told when the values no longer can."""
    if values is None:
        return None
    own = _own(values)
    return {
        field: SEALED if field in own else mask(field, value, names=False, contact=False)
        for field, value in values.items()
    }


def _masked(values: Values | None, names: bool) -> Values | None:
    return (
        None
        if values is None
        else {field: mask(field, value, names=names, contact=True) for field, value in values.items()}
    )


def mask(field: str, value: Any, *, names: bool, contact: bool = False) -> Any:
    """The value, or what may be shown of it. Lists and objects inside it are gone through."""
    name = _plain_name(field)
    if value is None:
        return None
    if _CREDENTIAL.search(name):
        return HIDDEN
    if contact and "email" in name:
        return _hint(str(value))
    if (contact and _CONTACT.search(name)) or (names and _NAME.match(name) and name != "name"):
        return HIDDEN
    if isinstance(value, dict):
        return {str(key): mask(str(key), inner, names=names, contact=contact) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [mask(field, inner, names=names, contact=contact) for inner in value]
    return value


def _hint(address: str) -> str:
    """Enough of an e-mail address for its owner to know it by."""
    box, at, domain = address.rpartition("@")
    return f"{box[:1]}{HIDDEN}@{domain}" if at else HIDDEN
