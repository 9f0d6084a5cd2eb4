"""How much work a body can make: none grows faster than the body, and none is larger than a bound of its own."""

from __future__ import annotations

import msgspec
import pytest

from hub.errors import BadRequest
from hub.rest.body import MOST_VALUES, MOST_VALUES_OF_STRANGERS, parse

LONG = "a" * 1_000_000


def refused(raw: bytes, most: int = MOST_VALUES) -> list[dict[str, str]]:
    with pytest.raises(BadRequest) as refusal:
        parse(raw, most)
    return refusal.value.details


def test_a_name_that_is_there_twice_is_found_among_very_many() -> None:
    names = [f'"{number:x}":0' for number in range(MOST_VALUES - 3)]
    assert refused(f'{{{",".join(names)},"z":0,"z":1}}'.encode()) == [{"field": "z", "message": "is there twice"}]


def test_a_long_name_is_not_repeated_for_all_that_is_below_it() -> None:
    within = {LONG: [0] * 50_000}
    assert parse(msgspec.json.encode(within)) == within
    found = refused(f'{{"{LONG}":[0,"\\u0000"]}}'.encode())
    assert found == [{"field": f"{'a' * 57}....1", "message": "holds a NUL character"}]


def test_so_many_faults_are_told_and_no_more() -> None:
    assert len(refused(msgspec.json.encode(["\0"] * 1_000))) == 50


@pytest.mark.parametrize("one", ["0", "[]", "{}", '{"a":[[[[1]]]]}'])
def test_more_values_than_anything_of_ours_are_not_looked_at(one: str) -> None:
    """Neither is what is behind them: that it is no JSON is not found out."""
    many = f"[{','.join([one] * MOST_VALUES)}, and what is no JSON"
    assert refused(many.encode()) == [{"field": "body", "message": "is too long"}]


def test_of_strangers_less_is_taken() -> None:
    raw = msgspec.json.encode([0] * (MOST_VALUES_OF_STRANGERS + 1))
    assert refused(raw, MOST_VALUES_OF_STRANGERS) == [{"field": "body", "message": "is too long"}]
    assert len(parse(raw)) == MOST_VALUES_OF_STRANGERS + 1


@pytest.mark.parametrize("odd", ["\\ud800", "\\udfff", "a\\udc00b"])
def test_half_a_character_is_found(odd: str) -> None:
    assert refused(f'["é{odd}"]'.encode())[0]["message"] == "holds half a character (a lone surrogate)"
