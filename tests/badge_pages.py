"""Reading badges back: pages of a PDF as pictures, as text, and what a reader's camera sees in the codes."""

from __future__ import annotations

from typing import Any

import pypdfium2
import zxingcpp

POINT = 25.4 / 72


class Printed:
    """A PDF. Lengths in millimetres."""

    def __init__(self, pdf: bytes) -> None:
        document = pypdfium2.PdfDocument(pdf)
        self.sizes = [tuple(round(length * POINT, 1) for length in page.get_size()) for page in document]
        self.texts = [page.get_textpage().get_text_bounded().replace("\r\n", "\n") for page in document]
        self.pictures = [page.render(scale=4.0).to_pil() for page in document]
        document.close()

    @property
    def codes(self) -> list[str]:
        """Of all pages, in no order."""
        found: list[Any] = [one for picture in self.pictures for one in zxingcpp.read_barcodes(picture)]
        return [one.text for one in found]
