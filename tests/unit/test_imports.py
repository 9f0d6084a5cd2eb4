"""Cells, headers and forms of files, one by one."""

from __future__ import annotations

import io
from contextlib import suppress
from datetime import date
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import BadRequest, UnsupportedMedia
from hub.resources.imports.batches import Converter, Line
from hub.resources.imports.cells import FIELDS, PLACES
from hub.resources.imports.departments import Departments
from hub.resources.imports.header import columns_of, read_mapping
from hub.resources.imports.recognise import Form, Look
from hub.resources.imports.tables import Unreadable, choose_delimiter, rows_of

TODAY = date(2026, 11, 25)
DEPARTMENT = UUID(int=1)
COLUMNS: list[str | None] = [field.name for field in FIELDS]


def converter(columns: list[str | None] | None = None, *required: str) -> Converter:
    known = Departments([("phys", DEPARTMENT), ("CS", UUID(int=2)), ("cs", UUID(int=3))])
    return Converter(COLUMNS if columns is None else columns, known, frozenset(required), TODAY)


def line(**cells: str) -> Line:
    own = {"studentId": "S-1", "firstName": "Ada", "lastName": "Lovelace"} | cells
    return converter().line(2, [own.get(str(name), "") for name in COLUMNS])


GOOD = {
    ("firstName", "Ña  O'Neill-王"): "Ña O'Neill-王",
    ("lastName", "e\u0301"): "é",
    ("email", "a.b+c@school.example"): "a.b+c@school.example",
    ("phone", "+49 (170) 123-45.67"): "+491701234567",
    ("phone", "'+4930123"): "+4930123",
    ("dateOfBirth", "29.2.2008"): date(2008, 2, 29),
    ("enrollmentDate", "2026-09-01"): date(2026, 9, 1),
    ("yearOfStudy", "20"): 20,
    ("status", "Graduated"): "graduated",
    ("departmentId", "PHYS"): DEPARTMENT,
    ("departmentId", "cs"): UUID(int=3),
    ("departmentId", "CS"): UUID(int=2),
    ("departmentId", str(DEPARTMENT)): DEPARTMENT,
    ("program", "Computer  Science\u00a0"): "Computer Science",
    ("program", "E\u0301conomie"): "Économie",
    ("program", "می\u200cخواهم"): "می\u200cخواهم",
    ("program", "#1 in chess"): "#1 in chess",
    ("address", "\u30001-2\t東京"): "1-2\t東京",
    ("address", "'\r= 1"): "= 1",
    ("address", "1 Street\n10115 Berlin"): "1 Street\n10115 Berlin",
    ("middleName", ""): None,
}


@pytest.mark.parametrize(("cell", "value"), GOOD.items(), ids=str)
def test_what_a_cell_becomes(cell: tuple[str, str], value: object) -> None:
    read = line(**{cell[0]: cell[1]})
    assert read.faults == []
    assert read.values[PLACES[cell[0]]] == value


BAD = [
    *(("studentId", text) for text in ("", "S", "S 1", "x" * 51, "Größe")),
    *(("firstName", text) for text in ("", "R2D2", "x" * 101, "a\x00b", "<b>", "=1+1")),
    *(("email", text) for text in ("no", "a@b@c.de", "a b@c.de", "x" * 250 + "@c.de")),
    *(("phone", text) for text in ("0170", "+", "nine", "1" * 17)),
    *(
        ("dateOfBirth", text)
        for text in ("2007-02-29", "31.4.2020", "1/2/2020", "2027-01-01", "1850-01-01", "٢٠٢٠-01-01")
    ),
    *(("yearOfStudy", text) for text in ("0", "-1", "21", "1.5", "²")),
    *(("status", text) for text in ("gone", "none")),
    *(("departmentId", text) for text in ("NONE", "Cs")),
    *(("address", text) for text in ("x" * 1001, "a\x00b", "#REF!")),
    *(("program", text) for text in ("x" * 101, "a\x1bb", "\u202eb", "#N/A", "#NV", "#NAME?", "#BEZUG!")),
]


@pytest.mark.parametrize(("field", "text"), BAD)
def test_what_a_cell_cannot_be(field: str, text: str) -> None:
    assert [fault.field for fault in line(**{field: text}).faults] == [field]


@given(st.lists(st.text(max_size=30), max_size=25))
def test_any_row_is_read_or_refused(cells: list[str]) -> None:
    read = converter().line(7, cells)
    assert read.faults or read.values[0]
    assert all(fault.line == 7 for fault in read.faults)


def test_what_a_school_wants() -> None:
    some: list[str | None] = ["studentId", "firstName", "lastName", "email"]
    wanting = converter(some, "email", "phone")
    read = wanting.line(2, ["S-1", "Ada", "L", ""])
    assert [fault.field for fault in read.faults] == ["email"]
    read = wanting.line(3, ["S-2", "Ada", "L", "a@b.de"])
    assert read.faults == []
    wanting.missing(read)
    assert [fault.field for fault in read.faults] == ["phone"]


def test_columns_are_known_by_more_than_one_name() -> None:
    header = ["Student ID", "first_name", "SURNAME", "", "importLine", "", ""]
    with pytest.raises(BadRequest) as refused:
        columns_of(header, {}, frozenset())
    assert [fault["field"] for fault in refused.value.details] == ["column 4"]
    columns = columns_of(header, read_mapping('{"": null}'), frozenset())
    assert columns == ["studentId", "firstName", "lastName", None, None]


def form_of(content: bytes, name: str = "x.csv", piece: int = 7) -> Form:
    look = Look()
    for start in range(0, len(content), piece):
        look(content[start : start + piece])
    return look.form(name)


ENCODINGS = {
    "utf-8": ("Größe;王\n", "utf-8"),
    "utf-8-sig": ("Größe\n", "utf-8-sig"),
    "utf-16": ("studentId;Größe\n", "utf-16"),
    "utf-16-be": ("studentId;firstName\n", "utf-16-be"),
    "utf-32": ("studentId\n", "utf-32"),
    "cp1252": ("studentId;firstName\nS-1;Jürgen Müller-Lüdenscheidt;Königsstraße; Äpfel für José\n" * 4, "cp1252"),
    "cp1251": ("studentId;firstName\nS-1;Александр Сергеевич Пушкин, Москва, улица Тверская\n" * 4, "cp1251"),
}


@pytest.mark.parametrize(("encoding", "text"), [(name, text) for name, (text, _) in ENCODINGS.items()], ids=ENCODINGS)
def test_an_encoding_is_recognised(encoding: str, text: str) -> None:
    content = text.encode(encoding)
    found = form_of(content)
    assert content.decode(found.encoding) == text


def test_an_umlaut_in_the_last_row_decides() -> None:
    content = b"studentId;lastName\n" + b"S-1;Smith\n" * 100_000
    assert form_of(content, piece=65_536).encoding == "utf-8"
    assert form_of(content + "S-2;Müller, Käthe\n".encode("latin-1"), piece=65_536).encoding not in {"utf-8", "ascii"}


def test_what_is_no_table() -> None:
    for content in (b"%PDF-1", b"\x7fELF\x00\x00\x00", b"\xd0\xcf\x11\xe0"):
        with pytest.raises(UnsupportedMedia):
            form_of(content)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_header_tells_the_delimiter(delimiter: str) -> None:
    content = delimiter.join(["studentId", '"last, first; name"', "email"]).encode() + b"\r\n"
    assert choose_delimiter(io.BytesIO(content), Form("csv", "utf-8")).delimiter == delimiter


def test_lines_are_those_that_an_editor_shows() -> None:
    content = b'a,b\r\n\r\n"1\n2",x\n3,y\n'
    rows = list(rows_of(io.BytesIO(content), Form("csv", "utf-8", ",")))
    assert rows == [(1, ["a", "b"]), (3, ["1\n2", "x"]), (5, ["3", "y"])]


@given(st.binary(max_size=2000))
def test_any_bytes_are_rows_or_unreadable(content: bytes) -> None:
    for kind in ("csv", "xlsx"):
        with suppress(Unreadable):
            for number, cells in rows_of(io.BytesIO(content), Form(kind, "utf-8", ",")):
                assert number > 0
                assert any(cells)
