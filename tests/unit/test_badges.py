"""Badges as they are printed: read back from the page, codes, letters and sizes."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from hub.issuing.badges import fonts
from hub.issuing.badges.badge import Badge, Task
from hub.issuing.badges.press import perform
from tests.badge_pages import Printed

CODE = "SP1:" + "6BF+70000 $%*" * 17
#: What is shaped or runs from right to left is not asked for by its text: a PDF keeps it in the order of its shapes.
NAMES = [
    "Łukasz Wiśniewski",
    "Шевченко Олександра",
    "Ελένη Παπαδοπούλου",
    "Nguyễn Thị Ánh",
    "王小明",
    "김민수",
    "ქეთი ბერიძე",
]
SHAPED = ["محمد علي الحسن", "שירה כהן", "अनिता शर्मा", "สมชาย ใจดี", "ஆனந்தி குமார்", "អូន ម៉ាលីស", "অনিতা", "Հայկ", "አበበ"]


def badge(**more: Any) -> Badge:
    values = {
        "school": "Northside School",
        "name": "Ada Lovelace",
        "number": "2026-00001",
        "first_day": "2026-09-01",
        "last_day": "2027-08-31",
        "code": CODE,
        "kind": "standard",
        "program": "Mathematics",
    }
    return Badge(**(values | more))


def printed(layout: Any, *badges: Badge) -> Printed:
    done = perform(Task(list(badges)))
    assert done.missing == [""] * len(badges)
    for one, pattern in zip(badges, done.patterns, strict=True):
        one.pattern = pattern
    return Printed(perform(Task(list(badges), layout)).pdf)


def photo(color: tuple[int, int, int]) -> bytes:
    kept = io.BytesIO()
    Image.new("RGB", (400, 400), color).save(kept, "JPEG")
    return kept.getvalue()


def test_a_card_says_all_and_its_code_is_read() -> None:
    found = printed("card", badge(title="Student", color="#ffe680"))
    assert found.sizes == [(85.6, 54.0)]
    assert found.codes == [CODE]
    for text in ("Northside School", "Ada Lovelace", "2026-00001", "2027-08-31", "Mathematics", "STANDARD", "Student"):
        assert text in found.texts[0]
    assert found.pictures[0].getpixel((500, 4)) == (255, 230, 128)


def test_sheets_hold_ten_and_every_code_is_its_own() -> None:
    found = printed("a4", *(badge(code=f"{CODE}{number:03}") for number in range(23)))
    assert found.sizes == [(210.0, 297.0)] * 3
    assert sorted(found.codes) == [f"{CODE}{number:03}" for number in range(23)]


def test_names_in_any_script() -> None:
    found = printed("card", *(badge(name=name) for name in NAMES + SHAPED))
    for name, text in zip(NAMES, found.texts, strict=False):
        assert all(word in text for word in name.split()), name
    assert len({picture.crop((360, 160, 940, 260)).tobytes() for picture in found.pictures}) == len(NAMES + SHAPED)


def test_what_no_font_has_is_said() -> None:
    done = perform(Task([badge(name="ᏣᎳᎩ"), badge(), badge(program="\U0001f600 Arts", school="𐎀𐎁")]))
    assert [bool(letters) for letters in done.missing] == [True, False, True]
    assert done.missing[2] == "𐎀𐎁\U0001f600"
    assert fonts.missing("Zoë\u200d\n\tO'Connor\x00") == ""


def test_an_operator_adds_letters(tmp_path: Path) -> None:
    for name in ("NotoSansSymbols2", "notes"):
        (tmp_path / f"{name}.txt").write_text("no font")
    from pymupdf_fonts import fontbuffers

    (tmp_path / "symbols.ttf").write_bytes(fontbuffers["symbol2"]())
    assert fonts.missing("🂡") == "🂡"
    fonts.look_into(tmp_path)
    try:
        assert fonts.missing("🂡") == ""
        assert printed("card", badge(name="Ada 🂡")).codes == [CODE]
    finally:
        fonts.look_into(None)


def test_a_face_is_shown_and_a_damaged_one_is_not() -> None:
    red = photo((200, 30, 30))
    found = printed("card", badge(photo=red), badge(photo=red[:200]), badge(photo=b"GIF89a"), badge())
    shown = [picture.getpixel((180, 290)) for picture in found.pictures]
    assert shown[0][0] > 180
    assert shown[0][1] < 60
    assert shown[1] == shown[2] == shown[3] != shown[0]
    assert ["AL" in text.split() for text in found.texts] == [False, True, True, True]


def test_the_logo_stands_in_the_head_and_for_want_of_one_the_initials() -> None:
    green = photo((20, 160, 40))
    found = printed("card", badge(logo=green), badge(logo=green[:200]), badge())
    shown = [picture.getpixel((96, 70)) for picture in found.pictures]
    assert shown[0][1] > 140
    assert shown[0][0] < 60
    assert shown[1] == shown[2] != shown[0]
    assert ["NS" in text.split() for text in found.texts] == [False, True, True]


@pytest.mark.parametrize(
    "name", ["X" * 200, "Maximiliana-Alexandrina von Württemberg-Hohenstaufen und zu Recke" * 3, "a"]
)
def test_long_names_stay_on_their_card(name: str) -> None:
    found = printed("card", badge(name=name, school=name, program=name, title=name))
    assert found.codes == [CODE]
    edge = found.pictures[0].crop((936, 160, 965, 600))
    assert edge.getextrema()[0][0] > 200


@pytest.mark.parametrize("color", ["#000000", "#ffffff", "#1f4e79"])
def test_the_head_is_read_on_any_color(color: str) -> None:
    found = printed("card", badge(color=color))
    low, high = found.pictures[0].crop((120, 40, 700, 110)).convert("L").getextrema()
    assert high - low > 120
