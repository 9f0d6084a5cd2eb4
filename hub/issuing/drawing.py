"""QR codes as pictures: `python -m hub.issuing.drawing`, a child of a worker.

Making a code takes some milliseconds of Python: another process's time, at a low priority, so that
no scan waits for a picture. The pattern is the `qrcode` library's; SVG, PNG and PDF are written from it here, which
takes a twentieth of the time that the library's own writers take.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from typing import Literal

import msgspec

from hub.control.framing import answer_each
from hub.issuing.masking import best_mask

Format = Literal["svg", "png", "pdf"]
Correction = Literal["L", "M", "Q", "H"]

#: Modules around the code that stay white (ISO/IEC 18004).
QUIET = 4
NICENESS = 10
MEDIA: dict[Format, str] = {"svg": "image/svg+xml", "png": "image/png", "pdf": "application/pdf"}


class Drawing(msgspec.Struct, array_like=True, frozen=True):
    """What to draw. `size`: pixels of SVG and PNG, points of PDF, each side."""

    code: str
    format: Format
    size: int
    correction: Correction


class Picture(msgspec.Struct, array_like=True):
    body: bytes


class Pattern(msgspec.Struct):
    """The dark modules, row by row, without the quiet zone."""

    rows: list[list[bool]]

    @property
    def side(self) -> int:
        """Modules of each side, the quiet zone included."""
        return len(self.rows) + 2 * QUIET

    def runs(self) -> Iterator[tuple[int, int, int]]:
        """(column, row, length) of dark modules side by side, the quiet zone counted."""
        for y, row in enumerate(self.rows, QUIET):
            start = None
            for x, dark in enumerate([*row, False], QUIET):
                if dark and start is None:
                    start = x
                elif not dark and start is not None:
                    yield start, y, x - start
                    start = None


def draw(drawing: Drawing) -> Picture:
    """In this very process."""
    pattern = pattern_of(drawing.code, drawing.correction)
    writer = {"svg": _svg, "png": _png, "pdf": _pdf}[drawing.format]
    return Picture(writer(pattern, drawing.size))


def pattern_of(code: str, correction: Correction) -> Pattern:
    """The smallest version that holds the code, with the mask that is read best."""
    import qrcode  # noqa: PLC0415 - only this process needs it, and it brings Pillow where that is there

    levels = {"L": 1, "M": 0, "Q": 3, "H": 2}  # as ISO/IEC 18004 numbers them
    made = qrcode.QRCode(error_correction=levels[correction], border=0)
    made.add_data(code)
    made.best_fit()
    made.mask_pattern = best_mask(made)
    made.make(fit=False)
    return Pattern([[bool(module) for module in row] for row in made.get_matrix()])


def _svg(pattern: Pattern, size: int) -> bytes:
    side = pattern.side
    path = "".join(f"M{x} {y}h{length}v1h-{length}z" for x, y, length in pattern.runs())
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{size}" height="{size}" viewBox="0 0 {side} {side}"'
        f' shape-rendering="crispEdges"><rect width="{side}" height="{side}" fill="#fff"/>'
        f'<path d="{path}" fill="#000"/></svg>'
    ).encode()


def _png(pattern: Pattern, size: int) -> bytes:
    """One bit a pixel. Modules are whole pixels; what is over is white around the code."""
    scale = max(1, size // pattern.side)
    size = max(size, scale * pattern.side)
    before = (size - scale * len(pattern.rows)) // 2
    blank = b"\x00" + _packed("1" * size)
    lines = [blank] * before
    for row in pattern.rows:
        bits = "".join(("0" if dark else "1") * scale for dark in row)
        lines += [b"\x00" + _packed(("1" * before + bits).ljust(size, "1"))] * scale
    lines += [blank] * (size - len(lines))
    head = struct.pack(">IIBBBBB", size, size, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        _chunk(name, data)
        for name, data in ((b"IHDR", head), (b"IDAT", zlib.compress(b"".join(lines))), (b"IEND", b""))
    )


def _packed(bits: str) -> bytes:
    width = -(-len(bits) // 8)
    return int(bits.ljust(width * 8, "1"), 2).to_bytes(width, "big")


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _pdf(pattern: Pattern, size: int) -> bytes:
    """One page of the code's size, drawn as rectangles: sharp however large it is printed."""
    side, scale = pattern.side, size / pattern.side
    rectangles = "".join(f"{x} {side - y - 1} {length} 1 re\n" for x, y, length in pattern.runs())
    content = zlib.compress(f"{scale:.6f} 0 0 {scale:.6f} 0 0 cm\n{rectangles}f\n".encode())
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 %d %d]/Contents 4 0 R/Resources<<>>>>" % (size, size),
        b"<</Length %d/Filter/FlateDecode>>stream\n%b\nendstream" % (len(content), content),
    ]
    body, places = b"%PDF-1.4\n", []
    for number, content_of in enumerate(objects, 1):
        places.append(len(body))
        body += b"%d 0 obj%b\nendobj\n" % (number, content_of)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    count = len(objects) + 1
    return body + b"xref\n0 %d\n0000000000 65535 f \n%btrailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (
        *(count, table, count),
        len(body),
    )


def main() -> None:
    """Until standard input ends."""
    os.nice(NICENESS)
    answer_each(Drawing, draw)


if __name__ == "__main__":
    main()
