"""What of an audited change stays in clear: no credential, and nothing that describes a student."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from hub.accounts.masking import HIDDEN, SEALED, split

MARK = "Quillfeather"


@pytest.mark.parametrize(
    "field",
    [
        *("password", "passwordHash", "password_hash", "newPassword", "deviceKey", "secretKey", "totpSecret", "otp"),
        *("accessToken", "refresh_token", "recoveryCodes", "cookie", "Authorization", "qrCode", "key_hash", "pin"),
    ],
)
@pytest.mark.parametrize("about_student", [True, False])
def test_a_credential_is_hidden_wherever_it_stands(field: str, about_student: bool) -> None:
    values: dict[str, Any] = {field: MARK, "settings": {"deep": [{field: MARK}]}, "status": "active"}
    parts = split(values, values, about_student=about_student, resource_type="x")
    assert MARK not in msgspec.json.encode(parts).decode()
    assert parts.old is not None
    assert (parts.old[field], parts.old["status"]) == (HIDDEN, "active")


def test_of_a_student_only_listed_fields_stay_and_the_rest_is_their_own() -> None:
    new = {"firstName": MARK, "notes": {"text": MARK}, "unheardOf": MARK, "status": "active", "count": 2}
    parts = split(None, new, about_student=True, resource_type="student")
    assert parts.old is None
    sealed = {"firstName": SEALED, "notes": SEALED, "unheardOf": SEALED}
    assert parts.new == {**sealed, "status": "active", "count": 2}
    assert parts.personal == {"new": {"firstName": MARK, "notes": {"text": MARK}, "unheardOf": MARK}}


def test_elsewhere_contacts_are_hidden_and_an_address_is_hinted_at() -> None:
    values = {"email": "renate@school.example", "phone": "030", "visitorName": MARK, "name": "Gate 3", "host": None}
    parts = split(values, None, about_student=False, resource_type="pass")
    hinted = {"email": f"r{HIDDEN}@school.example", "phone": HIDDEN, "visitorName": HIDDEN, "name": "Gate 3"}
    assert parts.old == {**hinted, "host": None}
    assert parts.personal == {}
    staff = split({"firstName": "Renate", "email": "nobody"}, None, about_student=False, resource_type="user")
    assert staff.old == {"firstName": "Renate", "email": HIDDEN}
