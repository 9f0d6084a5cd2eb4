"""Which of a QR code's eight masks is read best: as the `qrcode` library finds it, by the penalties of ISO/IEC 18004
(7.8.3), but of whole codes at once. A code is an integer here, the module of row r and column c its bit r * side + c,
so that each rule takes some dozen operations on integers instead of a loop over modules in Python.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qrcode import QRCode

Modules = Sequence[Sequence[bool | None]]
MASKS = 8
#: What looks like a finder, with the light before or after it.
_LIKE_FINDERS = ("10111010000", "00001011101")


def best_mask(code: QRCode[Any]) -> int:
    """Of a code whose version is known."""
    code.makeImpl(True, 0)
    across, along = _both_ways(code)
    ways = _differences(code.version)
    return min(range(MASKS), key=lambda mask: _penalty(across ^ ways[mask][0], along ^ ways[mask][1], code.version))


def _both_ways(code: QRCode[Any]) -> tuple[int, int]:
    """By rows, and by columns."""
    return _packed(code.modules), _packed(list(zip(*code.modules, strict=True)))


def _packed(modules: Modules) -> int:
    return int("".join("1" if dark else "0" for row in modules for dark in row)[::-1], 2)


@cache
def _differences(version: int) -> list[tuple[int, int]]:
    """What each mask changes in a code that has mask 0, by rows and by columns."""
    import qrcode  # noqa: PLC0415 - only the processes that draw need it

    found = []
    for mask in range(MASKS):
        code = qrcode.QRCode(version=version, border=0)
        code.add_data("")
        code.makeImpl(True, mask)
        found.append(_both_ways(code))
    return [(across ^ found[0][0], along ^ found[0][1]) for across, along in found]


@cache
def _starts(side: int, width: int, height: int) -> int:
    """All places where as much fits into the code."""
    row = (1 << (side - width + 1)) - 1
    return sum(row << (side * number) for number in range(side - height + 1))


def _penalty(across: int, along: int, version: int) -> int:
    side = 17 + 4 * version
    lines = sum(_runs(code, side) + 40 * _like_finders(code, side) for code in (across, along))
    return lines + 3 * _blocks(across, side) + 10 * int(abs(across.bit_count() / side**2 * 100 - 50) / 5)


def _runs(code: int, side: int) -> int:
    """Five or more of one colour in a row count their number less two."""
    same = ~(code ^ code >> 1) & _starts(side, 2, 1)
    fives = same & same >> 1 & same >> 2 & same >> 3
    return fives.bit_count() + 2 * (fives & ~(fives << 1)).bit_count()


def _blocks(code: int, side: int) -> int:
    """Squares of two by two in one colour."""
    same = ~(code ^ code >> 1)
    return (same & same >> side & ~(code ^ code >> side) & _starts(side, 2, 2)).bit_count()


def _like_finders(code: int, side: int) -> int:
    found = 0
    for pattern in _LIKE_FINDERS:
        here = _starts(side, len(pattern), 1)
        for place, dark in enumerate(pattern):
            here &= code >> place if dark == "1" else ~(code >> place)
        found += here.bit_count()
    return found
