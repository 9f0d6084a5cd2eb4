"""Misspelt words, and what they are taken for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.spelling import likely, readable, slips

NAMES = ["muller", "miller", "meyer", "meier", "garcia", "smith", "schmidt", "li", "lee", "wei"]


@pytest.mark.parametrize(
    ("one", "other", "count"),
    [
        *(("smith", "smith", 0), ("smiht", "smith", 1), ("smth", "smith", 1), ("smitth", "smith", 1)),
        *(("gracia", "garcia", 1), ("", "", 0), ("ab", "ba", 1), ("abc", "cab", 2), ("abcd", "badc", 2)),
    ],
)
def test_slips_are_counted(one: str, other: str, count: int) -> None:
    assert slips(one, other, 3) == slips(other, one, 3) == count


@given(st.text(max_size=8), st.text(max_size=8))
def test_slips_are_those_of_either_side_and_none_for_the_same(one: str, other: str) -> None:
    assert slips(one, one, 2) == 0
    assert min(slips(one, other, 9), 3) == min(slips(other, one, 9), 3)
    assert (slips(one, other, 9) == 0) == (one == other)


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        *(("mueler", ["muller"]), ("gracia", ["garcia"]), ("smiht", ["smith"]), ("shmidt", ["schmidt"])),
        *(("meyr", ["meyer"]), ("wie", ["wei"]), ("muller", ["muller"]), ("xyzzy", []), ("l", ["li"])),
    ],
)
def test_the_nearest_words_are_meant(word: str, meant: list[str]) -> None:
    assert likely(word, NAMES) == meant


def test_a_letter_of_many_bytes_is_one_slip() -> None:
    folded = "x347x216x213x344x274x237"  # 王伟
    assert readable(folded) == "王伟"
    assert likely("x347x216x213x346x230x216", [folded]) == [folded]
