"""What a file is, from its bytes and not from its name: XLSX, or CSV and in which encoding.

All of it is looked at while it comes in: an umlaut may be in the last row only, and decides it.
"""

from __future__ import annotations

import codecs
import re

import msgspec

from hub.errors import UnsupportedMedia
from hub.resources.imports.encodings import Encoding, recognise

SAMPLE = 64 * 1024
_ZIP, _OLD_EXCEL = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_BOMS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # begins with UTF-16's
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_ODD_WORD = re.compile(rb"[^\s,;|\"]*[\x80-\xff][^\s,;|\"]*")
_OTHERS = {
    b"%PDF": "a PDF",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
    b"{\\rtf": "an RTF document",
    b"<!DO": "a web page",
    b"<htm": "a web page",
    b"<?xm": "XML",
}


class Form(msgspec.Struct, frozen=True):
    """`encoding` and `delimiter` of a CSV file; both are "" for XLSX."""

    kind: str
    encoding: str = ""
    delimiter: str = ""


class Look:
    """Called with each piece of the file, in order."""

    def __init__(self) -> None:
        self.head = bytearray()
        self.newlines = 0
        self.quotes = False
        self._utf8 = True
        self._nul = False
        self._odd = bytearray()
        self._words: dict[bytes, None] = {}
        self._words_size = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def __call__(self, piece: bytes) -> None:
        if len(self.head) < SAMPLE:
            self.head += piece[: SAMPLE - len(self.head)]
        self.newlines += piece.count(b"\n")
        self.quotes = self.quotes or b'"' in piece
        self._nul = self._nul or b"\x00" in piece
        if self._utf8:
            try:
                self._decoder.decode(piece)
            except UnicodeDecodeError:
                self._utf8 = False
        if not self._utf8:
            self._keep_odd(piece)

    def _keep_odd(self, piece: bytes) -> None:
        if len(self._odd) < SAMPLE:
            self._odd += piece[: SAMPLE - len(self._odd)]
        for word in _ODD_WORD.findall(piece):
            if self._words_size >= SAMPLE:
                return
            if word not in self._words:
                self._words[word] = None
                self._words_size += len(word)

    def form(self, name: str, encoding: Encoding | None = None) -> Form:
        """What the file is, its delimiter left open; `encoding`: of a CSV file, as whoever sends it says. Raises
        UnsupportedMedia; BadRequest when the encoding has to be said."""
        head = bytes(self.head)
        if head.startswith(_ZIP):
            return Form("xlsx")
        if head.startswith(_OLD_EXCEL):
            raise UnsupportedMedia("this is an old Excel file (.xls); save it as .xlsx or as CSV")
        if name.lower().endswith((".xlsx", ".xlsm")):
            raise UnsupportedMedia("the file is called .xlsx and is none")
        for start, what in _OTHERS.items():
            if head[:4].lower().startswith(start.lower()):
                raise UnsupportedMedia(f"this is {what}; send CSV or XLSX")
        return Form("csv", self._encoding(head, encoding))

    def _encoding(self, head: bytes, said: Encoding | None) -> str:
        for bom, encoding in _BOMS.items():
            if head.startswith(bom):
                return encoding
        if said is not None:
            return said
        if self._nul:
            return _utf16(head)
        if self._utf8:
            return "utf-8"
        return recognise(bytes(self._odd), b"\n".join(self._words))


def _utf16(head: bytes) -> str:
    """UTF-16 without its mark: of most languages' letters every second byte is 0 in a header."""
    pairs = max(1, len(head) // 2)
    high, low = head[0::2].count(0), head[1::2].count(0)
    if max(high, low) > pairs * 0.4 and min(high, low) == 0:
        return "utf-16-le" if low else "utf-16-be"
    raise UnsupportedMedia("this is neither CSV nor XLSX")
