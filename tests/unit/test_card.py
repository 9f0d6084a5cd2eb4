"""A card is what was packed, whatever names and numbers people have."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hub.domain.card import HAS_PHOTO, pack, school_of, unpack
from hub.domain.ids import NIL

texts = st.text(st.characters(codec="utf-8"), max_size=80)
days = st.integers(0, 65_535)
codes = st.integers(0, 255)


@given(
    *(st.binary(min_size=16, max_size=16), st.just(NIL) | st.binary(min_size=16, max_size=16), st.integers(0, 2**31)),
    *(st.tuples(days, days), codes, codes, codes, st.sampled_from([0, HAS_PHOTO]), texts, texts),
)
def test_what_is_packed_is_unpacked(
    pass_id: bytes,
    student_id: bytes,
    school: int,
    valid: tuple[int, int],
    status: int,
    type_: int,
    student_status: int,
    flags: int,
    name: str,
    number: str,
) -> None:
    packed = pack(pass_id, student_id, school, valid, status, type_, student_status, flags, name, number)
    card = unpack(packed)
    assert (card.pass_id, card.student_id, card.school) == (pass_id, student_id, school)
    assert (card.first_day, card.last_day) == valid
    assert (card.status, card.type, card.student_status, card.flags) == (status, type_, student_status, flags)
    assert (card.name, card.number) == card.texts() == (name[:60], number)
    assert card.has_student is (student_id != NIL)
    assert school_of(packed) == school
