"""The rows of a file as lists of text with the lines that they begin at, read bit by bit. Runs in a thread.

Bounded, whatever is sent: a line, a cell, a row's cells, and what a ZIP unpacks to.
"""

from __future__ import annotations

import csv
import io
import re
import warnings
import zipfile
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time
from typing import Any, BinaryIO

from openpyxl import Workbook, load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from hub.resources.imports.recognise import Form

Row = tuple[int, list[str]]

DELIMITERS = ",;\t|"
LONGEST_LINE = 1_000_000  # characters; a cell's own limit is csv's, 131,072
MOST_CELLS = 1_000
#: Lines that a sheet can have, and blank ones before the header: a small file may claim to begin at line 10¹².
MOST_LINES, MOST_BLANK = 1_048_576, 1_000
MOST_UNPACKED, MOST_STRINGS, MOST_RATIO, SMALL = 2 * 2**30, 64 * 2**20, 200, 16 * 2**20
_STRINGS = "xl/sharedStrings.xml"
_FORMULA = re.compile(rb"<(?:\w+:)?f[\s/>]")
#: `000000`, and no more than that, or other things for numbers below zero.
_ZEROS = re.compile(r"0+(?=$|;)")


class Unreadable(Exception):
    """The file cannot be read on: `str(error)` says why, `line` where."""

    def __init__(self, line: int, why: str) -> None:
        super().__init__(why)
        self.line = line


def rows_of(file: BinaryIO, form: Form) -> Iterator[Row]:
    """All rows that are not blank, the header first. Raises Unreadable."""
    found, begun = _xlsx(file) if form.kind == "xlsx" else _csv(file, form), False
    for line, cells in found:
        if len(cells) > MOST_CELLS:
            raise Unreadable(line, f"has more than {MOST_CELLS} cells")
        if any(cells):
            begun = True
            yield line, cells
        elif not begun and line > MOST_BLANK:
            raise Unreadable(line, "is still blank; the first line must name the columns")


def choose_delimiter(file: BinaryIO, form: Form) -> Form:
    """The delimiter that takes the header apart into most cells."""
    header = next(_lines(file, form.encoding), "")
    widths = {one: len(next(csv.reader([header], delimiter=one), [])) for one in DELIMITERS}
    file.seek(0)
    return Form(form.kind, form.encoding, max(DELIMITERS, key=lambda one: widths[one]))


def _csv(file: BinaryIO, form: Form) -> Iterator[Row]:
    reader = csv.reader(_lines(file, form.encoding), delimiter=form.delimiter, strict=True)
    line = 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise Unreadable(line, f"is no CSV: {error}") from None
        except UnicodeError:
            raise Unreadable(reader.line_num + 1, f"is not all {form.encoding}") from None
        yield line, cells
        line = reader.line_num + 1


def _lines(file: BinaryIO, encoding: str) -> Iterator[str]:
    text = io.TextIOWrapper(file, encoding=encoding, newline="")
    try:
        number = 1
        while line := text.readline(LONGEST_LINE):
            if len(line) == LONGEST_LINE:
                raise Unreadable(number, f"is longer than {LONGEST_LINE} characters")
            yield line
            number += 1
    finally:
        text.detach()


def _xlsx(file: BinaryIO) -> Iterator[Row]:
    try:
        _check_size(file)
        books = [_open(file, values=True)]
        if _has_formulas(file):
            books.append(_open(file, values=False))
    except Unreadable:
        raise
    except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, OSError, SyntaxError, TypeError):
        raise Unreadable(1, "this is no XLSX file, or a damaged one") from None
    try:
        for line, (cells, *formulas) in enumerate(zip(*map(_rows, books), strict=True), 1):
            if line > MOST_LINES:
                raise Unreadable(line, "is beyond the last line that a sheet can have")
            if formulas:
                _check_saved(line, cells, formulas[0])
            yield line, [_text(cell) for cell in cells]
    except (zipfile.BadZipFile, KeyError, ValueError, SyntaxError, EOFError, TypeError):
        raise Unreadable(1, "this is no XLSX file, or a damaged one") from None
    finally:
        for book in books:
            book.close()


def _open(file: BinaryIO, *, values: bool) -> Workbook:
    """`values`: of formulas, as they were when the file was saved; else the formulas."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of styles and extensions that are none of ours
        return load_workbook(file, read_only=True, data_only=values, keep_links=False)


def _rows(book: Workbook) -> Iterator[tuple[Any, ...]]:
    """The cells of the first sheet. Raises Unreadable."""
    if not book.worksheets:
        raise Unreadable(1, "the workbook has no sheet")
    sheet = book.worksheets[0]
    sheet.reset_dimensions()  # a file may claim any
    yield from sheet.iter_rows()


def _has_formulas(file: BinaryIO) -> bool:
    with zipfile.ZipFile(file) as archive:
        sheets = [name for name in archive.namelist() if name.startswith("xl/worksheets/")]
        found = any(_holds(archive, name) for name in sheets)
    file.seek(0)
    return found


def _holds(archive: zipfile.ZipFile, name: str) -> bool:
    end = b""
    with archive.open(name) as part:
        while piece := part.read(1 << 20):
            if _FORMULA.search(end + piece):
                return True
            end = piece[-32:]
    return False


def _check_saved(line: int, values: Iterable[Any], formulas: Iterable[Any]) -> None:
    """Raises Unreadable for a formula whose value is not in the file: an empty cell would empty a field."""
    for value, formula in zip(values, formulas, strict=True):
        if value.value is None and formula.data_type == "f":
            raise Unreadable(
                line, "has a formula whose value is not in the file; save it in a spreadsheet program first"
            )


def _check_size(file: BinaryIO) -> None:
    """A small file may unpack to more than fits anywhere."""
    with zipfile.ZipFile(file) as archive:
        parts = archive.infolist()
    unpacked = sum(part.file_size for part in parts)
    swollen = [p for p in parts if p.file_size > SMALL and p.file_size > MOST_RATIO * max(1, p.compress_size)]
    strings = [part for part in parts if part.filename == _STRINGS and part.file_size > MOST_STRINGS]
    if unpacked > MOST_UNPACKED or swollen or strings:
        raise Unreadable(1, "the file unpacks to more than is taken; send CSV")
    file.seek(0)


def _text(cell: Any) -> str:
    """As a person sees it, near enough: a number without a point that is none, with the zeros that its format puts
    before it, a date as ISO has it."""
    value = cell.value
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int() | float() if isinstance(value, int) or value.is_integer():
            zeros = _ZEROS.match(cell.number_format or "")
            return str(int(value)).zfill(len(zeros[0]) if zeros and value >= 0 else 0)
        case datetime():
            return value.date().isoformat() if value.time() == time() else value.isoformat()
        case date():
            return value.isoformat()
    return str(value)
