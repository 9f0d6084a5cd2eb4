"""What may be said of a student, apart from a database."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest

from hub.domain.students import (
    NAME_PATTERN,
    OPTIONAL_FIELDS,
    date_faults,
    field_rules,
    rule_faults,
    tidy,
)

TODAY = date(2026, 11, 25)


def test_a_field_is_optional_until_a_school_says_otherwise() -> None:
    assert field_rules({}) == dict.fromkeys(OPTIONAL_FIELDS, "optional")
    odd: list[Any] = [[], "off", {"phone": 3, "email": "never", "studentId": "off"}]
    for one in odd:
        assert field_rules({"studentFields": one}) == field_rules({})
    rules = field_rules({"studentFields": {"phone": "off", "email": "required"}})
    assert (rules["phone"], rules["email"], rules["gender"]) == ("off", "required", "optional")


@pytest.mark.parametrize(
    ("sent", "new", "fields"),
    [
        ({}, True, {"email"}),
        ({}, False, set()),
        ({"email": None}, False, {"email"}),
        ({"email": "a@b", "phone": None}, True, set()),
        ({"email": "a@b", "phone": "+49"}, False, {"phone"}),
    ],
)
def test_a_rule_is_held_against_what_was_sent(sent: dict[str, Any], new: bool, fields: set[str]) -> None:
    rules = {"email": "required", "phone": "off", "gender": "optional"}
    assert {field for field, _ in rule_faults(rules, sent, new=new)} == fields


@pytest.mark.parametrize(
    ("born", "enrolled", "graduates", "fields"),
    [
        (None, None, None, set()),
        (date(2010, 1, 1), date(2020, 1, 1), date(2020, 1, 1), set()),
        (TODAY, None, None, {"dateOfBirth"}),
        (date(1899, 12, 31), None, None, {"dateOfBirth"}),
        (date(2010, 1, 1), date(2010, 1, 1), None, {"enrollmentDate"}),
        (None, date(2026, 1, 2), date(2026, 1, 1), {"graduationDate"}),
    ],
)
def test_days_that_cannot_be_so(
    born: date | None, enrolled: date | None, graduates: date | None, fields: set[str]
) -> None:
    assert {field for field, _ in date_faults(born, enrolled, graduates, TODAY)} == fields


@pytest.mark.parametrize(
    "name", ["Ada", "d'Arc", "Đỗ Thị Ánh", "Jean-Luc", "St. John", "O’Neill", "Gal·la", "प्रिया", "e\u0301ric"]
)
def test_a_name_may_be_of_any_script(name: str) -> None:
    assert re.search(NAME_PATTERN, name)


@pytest.mark.parametrize(
    "name", ["", " ", "-Ada", "A1", "A_b", "A@b", "<b>", "A\tb", "A\nb", "A\u200bb", "A🎓", "A;b", "=A"]
)
def test_what_no_name_has(name: str) -> None:
    assert not re.search(NAME_PATTERN, name)


def test_text_is_put_in_order() -> None:
    assert tidy("  Zoe\u0308   Marie\n") == "Zoë Marie"
