"""What a spreadsheet's file says: in which encoding, and what stands in its cells."""

from __future__ import annotations

import io
import zipfile
from itertools import islice
from typing import Any

import openpyxl
import pytest

from hub.errors import BadRequest
from hub.resources.imports.recognise import Form, Look
from hub.resources.imports.tables import Unreadable, rows_of

#: Names as they are in a country, and what spreadsheets there write them in.
NAMES = {
    "France": ("Hélène;Lefèvre\nFrançois;Beauchêne\n", "cp1252", "Hélène (cp1252) or Hélčne (cp1250)"),
    "Spain": ("Muñoz;José\nIbáñez;Andrés\n", "cp1252", "Muñoz (cp1252) or Muńoz (cp1250)"),
    "Hungary": ("Győző;Kovács\nŐry;Szűcs\n", "cp1250", "Győző (cp1250)"),
    "Turkey": ("Yılmaz;Ayşe\nIşık;Şükrü\n", "cp1254", "Yılmaz (cp1254)"),
}


def look_at(content: bytes, piece: int = 65_536) -> Look:
    look = Look()
    for start in range(0, len(content), piece):
        look(content[start : start + piece])
    return look


@pytest.mark.parametrize("country", NAMES)
@pytest.mark.parametrize("times", [1, 500])
def test_names_that_another_encoding_has_too_are_asked_about(country: str, times: int) -> None:
    text, encoding, shown = NAMES[country]
    look = look_at(("studentId;firstName\n" + text * times).encode(encoding))
    with pytest.raises(BadRequest) as asked:
        look.form("x.csv")
    (fault,) = asked.value.details
    assert fault["field"] == "encoding"
    assert shown in fault["message"]
    assert look.form("x.csv", encoding).encoding == encoding  # type: ignore[arg-type]


def test_names_that_all_have_are_not_asked_about() -> None:
    text = "studentId;lastName\n" + "S-1;Müller\nS-2;Groß\nS-3;Schäfer-Öztürk\n" * 200
    assert look_at(text.encode("cp1252")).form("x.csv").encoding == "cp1252"


def test_one_name_far_behind_the_others_is_seen() -> None:
    """The sample of 64 KiB has nothing but what both encodings say alike."""
    text = "studentId;lastName\n" + "S-1;Müller\n" * 20_000 + "S-2;Lefèvre\n"
    with pytest.raises(BadRequest, match=r"Lefèvre \(cp1252\) or Lefčvre \(cp1250\)"):
        look_at(text.encode("cp1252")).form("x.csv")


def test_a_mark_says_more_than_whoever_sends_the_file() -> None:
    assert look_at("Größe\n".encode("utf-8-sig")).form("x.csv", "cp1252").encoding == "utf-8-sig"


def sheet(*rows: list[Any]) -> io.BytesIO:
    book = openpyxl.Workbook()
    page = book.worksheets[0]
    for row in rows:
        page.append(row)
    for cells in page.iter_rows(min_col=1, max_col=1, min_row=2):
        cells[0].number_format = "000000"
    made = io.BytesIO()
    book.save(made)
    made.seek(0)
    return made


def read(file: io.BytesIO) -> list[list[str]]:
    return [cells for _, cells in rows_of(file, Form("xlsx"))]


def test_zeros_that_a_format_shows_are_of_the_number() -> None:
    found = read(sheet(["number", "year"], [123, 2], [1234567, 2.0], ["000007", 2.5]))
    assert found[1:] == [["000123", "2"], ["1234567", "2"], ["000007", "2.5"]]


def test_a_formula_whose_value_is_not_there_is_no_empty_cell() -> None:
    with pytest.raises(Unreadable, match="has a formula whose value is not in the file") as refused:
        read(sheet(["number", "email"], [1, "a@b.de"], [2, '=A3&"@b.de"']))
    assert refused.value.line == 3


def test_a_formula_whose_value_was_saved_is_its_value() -> None:
    saved = rewritten(sheet(["number", "email"], [2, "=A2"]), b"<v />", b"<v>a@b.de</v>")
    assert read(rewritten(saved, b'<c r="B2"', b'<c t="str" r="B2"'))[1] == ["000002", "a@b.de"]


@pytest.mark.parametrize("line", [2_000, 10**12])
def test_a_small_file_that_begins_very_far_down_is_refused(line: int) -> None:
    far = rewritten(sheet(["number"], [1]), b'<row r="1"', f'<row r="{line}"'.encode())
    with pytest.raises(Unreadable, match="is still blank"):
        next(rows_of(far, Form("xlsx")))


def test_a_row_beyond_all_sheets_is_refused() -> None:
    far = rewritten(sheet(["number"], [1]), b'<row r="2"', b'<row r="1000000000"')
    with pytest.raises(Unreadable, match="beyond the last line"):
        list(islice(rows_of(far, Form("xlsx")), 3))


def rewritten(file: io.BytesIO, old: bytes, new: bytes) -> io.BytesIO:
    """The same workbook, with other bytes in its sheet."""
    made = io.BytesIO()
    with zipfile.ZipFile(file) as before, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as after:
        for name in before.namelist():
            content = before.read(name)
            if name.startswith("xl/worksheets/"):
                assert old in content, content
                content = content.replace(old, new)
            after.writestr(name, content)
    made.seek(0)
    return made
