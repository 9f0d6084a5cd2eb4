"""Pictures of codes hold exactly the library's pattern, whichever form they have."""

from __future__ import annotations

import random
import re
import zlib

import pytest
import qrcode

from hub.issuing.drawing import QUIET, Correction, Drawing, Pattern, draw, pattern_of

CODE = "SP1:" + "6BF+70000 $%*" * 17
PATTERN = pattern_of(CODE, "M")
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"


def dark(pattern: Pattern) -> set[tuple[int, int]]:
    """Column and row of each dark module, the quiet zone counted."""
    return {(x, y) for y, row in enumerate(pattern.rows, QUIET) for x, on in enumerate(row, QUIET) if on}


def librarys(code: str, level: int) -> list[list[bool]]:
    """As the library makes it alone."""
    made = qrcode.QRCode(error_correction=level, border=0)
    made.add_data(code)
    return made.get_matrix()


def test_the_pattern_is_the_librarys() -> None:
    assert librarys(CODE, qrcode.constants.ERROR_CORRECT_M) == PATTERN.rows
    assert (len(PATTERN.rows) - 17) // 4 == 9


@pytest.mark.parametrize(("correction", "level"), [("L", 1), ("M", 0), ("Q", 3), ("H", 2)])
def test_the_best_mask_is_the_librarys(correction: Correction, level: int) -> None:
    """Of codes of many sizes, among them such as look like stripes, where masks differ most."""
    chance = random.Random(level)
    codes = ["A", "0" * 30, "AB" * 40, "\u00ff" * 50]
    codes += ["SP1:" + "".join(chance.choices(ALPHABET, k=length)) for length in (1, 20, 60, 120, 233, 400, 800)]
    for code in codes:
        assert pattern_of(code, correction).rows == librarys(code, level), code


def test_more_correction_is_a_larger_code() -> None:
    assert [len(pattern_of(CODE, level).rows) for level in ("L", "M", "Q", "H")] == sorted(
        len(pattern_of(CODE, level).rows) for level in ("L", "M", "Q", "H")
    )


def test_svg() -> None:
    text = draw(Drawing(CODE, "svg", 400, "M")).body.decode()
    runs = re.findall(r"M(\d+) (\d+)h(\d+)v1h-\3z", text)
    assert {(int(x) + n, int(y)) for x, y, length in runs for n in range(int(length))} == dark(PATTERN)
    assert 'width="400" height="400"' in text


@pytest.mark.parametrize("size", [61, 100, 400, 401, 2000])
def test_png(size: int) -> None:
    body = draw(Drawing(CODE, "png", size, "M")).body
    width, height = int.from_bytes(body[16:20], "big"), int.from_bytes(body[20:24], "big")
    assert width == height == size
    start = body.index(b"IDAT")
    length = int.from_bytes(body[start - 4 : start], "big")
    raw = zlib.decompress(body[start + 4 : start + 4 + length])
    stride = 1 + -(-size // 8)
    scale = size // PATTERN.side
    before = (size - scale * len(PATTERN.rows)) // 2

    def pixel(x: int, y: int) -> bool:
        return not raw[y * stride + 1 + x // 8] >> (7 - x % 8) & 1

    middle = before + scale // 2
    count = range(len(PATTERN.rows))
    assert [[pixel(middle + x * scale, middle + y * scale) for x in count] for y in count] == PATTERN.rows
    assert not any(pixel(x, 0) or pixel(0, x) or pixel(x, size - 1) or pixel(size - 1, x) for x in range(size))


def test_pdf() -> None:
    body = draw(Drawing(CODE, "pdf", 200, "M")).body
    start = body.index(b"stream\n") + 7
    content = zlib.decompress(body[start : body.index(b"\nendstream")]).decode()
    rectangles = re.findall(r"^(\d+) (\d+) (\d+) 1 re$", content, re.MULTILINE)
    found = {(int(x) + n, PATTERN.side - 1 - int(y)) for x, y, length in rectangles for n in range(int(length))}
    assert found == dark(PATTERN)
    table = int(body.rsplit(b"startxref\n", 1)[1].split(b"\n")[0])
    assert body[table:].startswith(b"xref\n0 5\n")
    places = [int(line[:10]) for line in body[table:].split(b"\n")[3:7]]
    assert [body[place:].startswith(b"%d 0 obj" % number) for number, place in enumerate(places, 1)] == [True] * 4
