"""CSV and XLSX, written row by row to whoever reads them: nothing is kept but what was not sent yet.

In CSV a text that a spreadsheet would take for a formula has an apostrophe before it.

XLSX is a ZIP of XML. Its sheets come first and its lists of them last, which any order allows; cells are inline text,
which no program takes for a formula.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, Literal, Protocol
from xml.sax.saxutils import escape

Form = Literal["csv", "xlsx"]
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
#: What is sent, and how it is called.
TYPES: dict[Form, str] = {"csv": "text/csv; charset=utf-8", "xlsx": XLSX}
#: What a route that answers so declares as its `files`.
FILES = ("text/csv", XLSX)
#: What a spreadsheet takes for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_GUARDED = tuple(f"'{start}" for start in _FORMULA)
#: What a sheet of a spreadsheet holds at most.
SHEET_ROWS = 1_048_576
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml"


class Sheets(Protocol):
    """`header`, then `rows` as often as one likes, then `end`; each gives the bytes that are due."""

    def rows(self, rows: Iterable[list[str]]) -> bytes: ...

    def end(self) -> bytes: ...


def sheets_of(form: Form, header: list[str], name: str) -> Sheets:
    """`name`: of the sheets, where a form has names for them."""
    return CsvSheets(header) if form == "csv" else XlsxSheets(header, name)


def text_of(value: Any) -> str:
    """A value as a cell has it."""
    if value is None:
        return ""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def guarded(texts: list[str]) -> list[str]:
    """With an apostrophe before what would be a formula; an import takes it away again."""
    return [f"'{text}" if text.startswith(_FORMULA) else text for text in texts]


def unguarded(text: str) -> str:
    """Without the apostrophe that `guarded` has put before it."""
    return text[1:] if text.startswith(_GUARDED) else text


class CsvSheets:
    """UTF-8 with its mark, without which a spreadsheet takes it for something else."""

    def __init__(self, header: list[str]) -> None:
        self._text = io.StringIO(newline="")
        self._text.write("\ufeff")
        self._writer = csv.writer(self._text)
        self._writer.writerow(header)

    def rows(self, rows: Iterable[list[str]]) -> bytes:
        for row in rows:
            self._writer.writerow(guarded(row))
        return self._taken()

    def end(self) -> bytes:
        return self._taken()

    def _taken(self) -> bytes:
        text = self._text.getvalue()
        self._text.seek(0)
        self._text.truncate()
        return text.encode()


class _Sink(io.RawIOBase):
    """What a ZIP is written to; it cannot go back, and is taken from."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self._waiting += data
        return len(data)

    def taken(self) -> bytes:
        taken = bytes(self._waiting)
        self._waiting.clear()
        return taken


class XlsxSheets:
    """As many sheets as the rows need, each with the header."""

    def __init__(self, header: list[str], name: str, sheet_rows: int = SHEET_ROWS) -> None:
        self._header = header
        self._name = name
        self._sheet_rows = sheet_rows
        self._sink = _Sink()
        self._zip = zipfile.ZipFile(self._sink, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
        self._sheets = 0
        self._begin()

    def rows(self, rows: Iterable[list[str]]) -> bytes:
        for row in rows:
            if self._row == self._sheet_rows:
                self._finish()
                self._begin()
            self._put(row)
        return self._sink.taken()

    def end(self) -> bytes:
        self._finish()
        for name, text in _frame(self._name, self._sheets).items():
            self._zip.writestr(name, _HEAD + text)
        self._zip.close()
        return self._sink.taken()

    def _begin(self) -> None:
        self._sheets += 1
        self._sheet = self._zip.open(f"xl/worksheets/sheet{self._sheets}.xml", "w", force_zip64=True)
        self._sheet.write(f'{_HEAD}<worksheet xmlns="{_MAIN}"><sheetData>'.encode())
        self._row = 0
        self._put(self._header)

    def _put(self, row: list[str]) -> None:
        self._row += 1
        self._sheet.write(f"<row>{''.join(map(_cell, row))}</row>".encode())

    def _finish(self) -> None:
        self._sheet.write(b"</sheetData></worksheet>")
        self._sheet.close()


def _cell(text: str) -> str:
    if not text:
        return "<c/>"
    return f'<c t="inlineStr"><is><t xml:space="preserve">{escape(_NO_XML.sub("", text))}</t></is></c>'


def _frame(name: str, sheets: int) -> dict[str, str]:
    """What makes a workbook of sheets."""
    numbers = range(1, sheets + 1)
    relation = f'xmlns="{_PACKAGE}/relationships"'
    types = "".join(
        f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="{_KIND}.worksheet+xml"/>' for n in numbers
    )
    names = "".join(f'<sheet name="{escape(name)} {n}" sheetId="{n}" r:id="rId{n}"/>' for n in numbers)
    targets = "".join(
        f'<Relationship Id="rId{n}" Type="{_OFFICE}/worksheet" Target="worksheets/sheet{n}.xml"/>' for n in numbers
    )
    return {
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{names}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f"<Relationships {relation}>{targets}</Relationships>",
        "_rels/.rels": f'<Relationships {relation}><Relationship Id="rId1" Type="{_OFFICE}/officeDocument"'
        ' Target="xl/workbook.xml"/></Relationships>',
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels"'
        f' ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_KIND}.sheet.main+xml"/>{types}</Types>',
    }
