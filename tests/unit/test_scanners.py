"""A scanner that types for a US keyboard, on computers with other layouts."""

from __future__ import annotations

import unicodedata
from typing import Literal
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.domain.keyboards import LAYOUTS, Layout, Lock
from hub.domain.qr import SigningKey, sign_code
from hub.domain.scanners import BASE45, as_typed, recognise_layout

# Always the same codes: what a few rare ones have in common with two layouts is for one test here, not for chance.
SIGNER = Ed25519PrivateKey.from_private_bytes(bytes(32))
KEY = SigningKey("reader01", bytes(32), SIGNER.public_key().public_bytes_raw())
BY_NAME = {layout.name: layout for layout in LAYOUTS}
CASES = [(layout, lock) for layout in LAYOUTS for lock in layout.locks]
SAME_AS_US = {"US", "United Kingdom", "Polish (programmers)"}
codes = st.builds(
    lambda school, card: sign_code(KEY, school, card, 1_790_000_000, 1_800_000_000), st.uuids(), st.uuids()
)


def ids(case: tuple[Layout, Lock]) -> str:
    return f"{case[0].name}-{case[1].value}"


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_a_table_has_every_key_and_loses_no_symbol(layout: Layout) -> None:
    assert len(layout.plain) == len(layout.shift) == 47
    for lock in layout.locks:
        assert len({layout.key(symbol, lock) for symbol in BASE45}) == len(BASE45)


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("German", "SP1Ö ZY$%(À-.ß"),
        ("French", "SP&M YW458+Q!:)"),
        ("Spanish", "SP1Ñ YZ$%(¿A-.'"),
        ("Italian", "SP1ç YZ$%(^A-.'"),
        ("United Kingdom", "SP1: YZ$%*+A/.-"),
        ("Swedish or Finnish", "SP1Ö YZ¤%(À-.+"),
        ("Norwegian", "SP1Ø YZ¤%(À-.+"),
        ("Danish", "SP1Æ YZ¤%(À-.+"),
        ("Swiss German", "SP1é ZYç%(À-.'"),
        ("Swiss French", "SP1ö ZYç%(À-.'"),
        ("Portuguese", "SP1Ç YZ$%(»A-.'"),
        ("Polish (programmers)", "SP1: YZ$%*+A/.-"),
        ("Hungarian", "SP1É ZY!%(ÓA-.ü"),
    ],
)
def test_what_people_see_when_it_goes_wrong(name: str, typed: str) -> None:
    assert as_typed("SP1: YZ$%*+A/.-", BY_NAME[name]) == typed


@pytest.mark.parametrize("case", CASES, ids=ids)
@settings(max_examples=25)
@given(code=codes)
def test_the_printed_code_is_found_again(case: tuple[Layout, Lock], code: str) -> None:
    layout, lock = case
    typed = as_typed(code, layout, lock)
    fault = recognise_layout(typed)
    if typed == code:
        assert fault is None
        return
    assert fault is not None
    # With many accents there may be more readings than are tried; never a wrong one.
    assert fault.repaired in {code, None}
    if not layout.dead or not any(layout.key(symbol, lock) in layout.dead for symbol in code):
        assert fault.repaired == code
    assert fault.caps_lock is (lock is not Lock.OFF)
    assert layout.name in fault.layouts or (layout.name in SAME_AS_US and not fault.layouts)


def test_accents_that_swallowed_a_letter_are_undone() -> None:
    german = BY_NAME["German"]
    found = 0
    for number in range(300):
        code = sign_code(KEY, UUID(int=number), UUID(int=number), 0, 1_800_000_000)
        swallowed = any(f"+{vowel}" in code for vowel in "AEIOU")
        # Without - and $ it could be Swedish as well; a space after + leaves two readings.
        if swallowed and "-" in code and "$" in code and "+ " not in code and code.count("+") < 7:
            found += 1
            fault = recognise_layout(as_typed(code, german))
            assert fault is not None
            assert fault.repaired == code
    assert found > 10


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_either_unicode_form_of_an_umlaut_is_read(form: Literal["NFC", "NFD"]) -> None:
    code = sign_code(KEY, UUID(int=5), UUID(int=6), 0, 1_800_000_000)
    typed = unicodedata.normalize(form, as_typed(code, BY_NAME["Norwegian"]))
    fault = recognise_layout(typed + "\r\n")
    assert fault is not None
    assert fault.repaired == code
    assert fault.layouts == ("Norwegian",)


def test_a_cut_off_code_names_the_layout_and_repairs_nothing() -> None:
    code = sign_code(KEY, UUID(int=5), UUID(int=6), 0, 1_800_000_000)
    fault = recognise_layout(as_typed(code, BY_NAME["French"])[:-6])
    assert fault is not None
    assert fault.repaired is None
    assert fault.layouts[0] == "French"


def test_caps_lock_alone() -> None:
    code = sign_code(KEY, UUID(int=5), UUID(int=6), 0, 1_800_000_000)
    fault = recognise_layout(code.lower())
    assert fault is not None
    assert (fault.layouts, fault.caps_lock, fault.repaired) == ((), True, code)
    assert str(fault) == "Caps Lock is on"


def test_the_sentence_names_the_layout() -> None:
    code = sign_code(KEY, UUID(int=5), UUID(int=6), 0, 1_800_000_000)
    fault = recognise_layout(as_typed(code, BY_NAME["Danish"]))
    assert str(fault) == "the scanner types for a US keyboard, but this computer's layout is Danish"


@given(st.text(max_size=300))
def test_any_text_is_survived_and_no_foreign_code_is_repaired(text: str) -> None:
    fault = recognise_layout(text)
    assert fault is None or fault.repaired is None


@pytest.mark.parametrize("text", ["", "SP1:", "https://example.org", "4006381333931", "SP1:ABC", "S" * 10_000])
def test_what_is_no_layout_fault(text: str) -> None:
    assert recognise_layout(text) is None
