"""The rows of a file as lists of text with the lines that they begin at, read bit by bit. Runs in a thread.

Bounded, whatever is sent: a line, a cell, a row's cells, and what a ZIP unpacks to.
"""

from __future__ import annotations

import csv
import io
import warnings
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time
from typing import Any, BinaryIO

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from hub.resources.imports.recognise import Form

Row = tuple[int, list[str]]

DELIMITERS = ",;\t|"
LONGEST_LINE = 1_000_000  # characters; a cell's own limit is csv's, 131,072
MOST_CELLS = 1_000
MOST_UNPACKED, MOST_STRINGS, MOST_RATIO, SMALL = 2 * 2**30, 64 * 2**20, 200, 16 * 2**20
_STRINGS = "xl/sharedStrings.xml"


class Unreadable(Exception):
    """The file cannot be read on: `str(error)` says why, `line` where."""

    def __init__(self, line: int, why: str) -> None:
        super().__init__(why)
        self.line = line


def rows_of(file: BinaryIO, form: Form) -> Iterator[Row]:
    """All rows that are not blank, the header first. Raises Unreadable."""
    found = _xlsx(file) if form.kind == "xlsx" else _csv(file, form)
    for line, cells in found:
        if len(cells) > MOST_CELLS:
            raise Unreadable(line, f"has more than {MOST_CELLS} cells")
        if any(cells):
            yield line, cells


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
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and extensions that are none of ours
            book = load_workbook(file, read_only=True, data_only=True, keep_links=False)
    except Unreadable:
        raise
    except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, OSError, SyntaxError, TypeError):
        raise Unreadable(1, "this is no XLSX file, or a damaged one") from None
    try:
        sheet = book.worksheets[0] if book.worksheets else None
        if sheet is None:
            raise Unreadable(1, "the workbook has no sheet")
        sheet.reset_dimensions()  # a file may claim any
        for line, cells in enumerate(sheet.iter_rows(values_only=True), 1):
            yield line, [_text(cell) for cell in cells]
    except (zipfile.BadZipFile, KeyError, ValueError, SyntaxError, EOFError, TypeError):
        raise Unreadable(1, "this is no XLSX file, or a damaged one") from None
    finally:
        book.close()


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


def _text(value: Any) -> str:
    """As a person sees the cell, near enough: a number without a point that is none, a date as ISO has it."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case float() if value.is_integer():
            return str(int(value))
        case datetime():
            return value.date().isoformat() if value.time() == time() else value.isoformat()
        case date():
            return value.isoformat()
    return str(value)
