"""What is sealed opens in its own place with its own key, and nowhere else."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.vault import OVERHEAD, SealBroken, blind_index, column_place, seal, unseal

KEY = bytes(range(32))
OTHER = bytes(range(1, 33))
ROW = UUID("01900000-0000-7000-8000-000000000001")
SCHOOL = UUID("01900000-0000-7000-8000-000000000002")

keys = st.binary(min_size=32, max_size=32)


@given(keys, st.binary(max_size=300), st.binary(max_size=60))
def test_what_is_sealed_opens_again(key: bytes, plaintext: bytes, place: bytes) -> None:
    sealed = seal(key, plaintext, place)
    assert unseal(key, sealed, place) == plaintext
    assert len(sealed) == len(plaintext) + OVERHEAD
    assert seal(key, plaintext, place) != sealed


@given(st.binary(max_size=40), st.data())
def test_a_changed_bit_is_noticed(plaintext: bytes, data: st.DataObject) -> None:
    sealed = bytearray(seal(KEY, plaintext, b"here"))
    position = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[position // 8] ^= 1 << position % 8
    with pytest.raises(SealBroken):
        unseal(KEY, bytes(sealed), b"here")


@given(st.binary(max_size=80))
def test_bytes_that_were_never_sealed_do_not_open(sealed: bytes) -> None:
    with pytest.raises(SealBroken):
        unseal(KEY, sealed, b"here")


def test_another_place_or_key_does_not_open_it() -> None:
    sealed = seal(KEY, b"+49 30 901820", column_place("students", "phone", ROW))
    with pytest.raises(SealBroken, match="moved"):
        unseal(KEY, sealed, column_place("students", "address", ROW))
    with pytest.raises(SealBroken, match="moved"):
        unseal(KEY, sealed, column_place("students", "phone", SCHOOL))
    with pytest.raises(SealBroken, match="another key"):
        unseal(OTHER, sealed, column_place("students", "phone", ROW))


def test_a_key_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        seal(b"short", b"", b"")
    with pytest.raises(ValueError, match="32 bytes"):
        blind_index(b"short", "phone", SCHOOL, "1")


def test_the_blind_index_finds_equal_values_of_one_column_in_one_school_only() -> None:
    found = blind_index(KEY, "phone", SCHOOL, "+4930901820")
    assert found == blind_index(KEY, "phone", SCHOOL, "+4930901820")
    assert len(found) == 32
    others = {
        blind_index(KEY, "phone", SCHOOL, "+4930901821"),
        blind_index(KEY, "date_of_birth", SCHOOL, "+4930901820"),
        blind_index(KEY, "phone", ROW, "+4930901820"),
        blind_index(OTHER, "phone", SCHOOL, "+4930901820"),
    }
    assert len(others) == 4
    assert found not in others
