"""What a camera sees: a code on a white sheet, as a film that Chromium's made-up camera shows."""

from __future__ import annotations

import qrcode

WIDTH, HEIGHT = 640, 480
PIXELS = 7  # of a module
WHITE, BLACK, GREY = 235, 16, 128
FRAMES = 2


def filmed(code: str) -> bytes:
    """YUV4MPEG2, 4:2:0; the code stands still in the middle."""
    drawn = qrcode.QRCode(error_correction=qrcode.constants.ERROR_CORRECT_M, border=4)
    drawn.add_data(code)
    matrix = drawn.get_matrix()
    size = len(matrix) * PIXELS
    left, top = (WIDTH - size) // 2, (HEIGHT - size) // 2
    assert top >= 0, "the code does not fit"
    blank = bytes([WHITE]) * WIDTH
    rows = [blank] * top
    for modules in matrix:
        line = b"".join(bytes([BLACK if dark else WHITE]) * PIXELS for dark in modules)
        rows += [blank[:left] + line + blank[left + size :]] * PIXELS
    rows += [blank] * (HEIGHT - len(rows))
    colours = bytes([GREY]) * (WIDTH // 2 * (HEIGHT // 2) * 2)
    header = f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F15:1 Ip A1:1 C420jpeg\n".encode()
    return header + (b"FRAME\n" + b"".join(rows) + colours) * FRAMES
