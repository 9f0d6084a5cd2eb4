"""What a file is, by its content: names and declared types are whatever somebody typed."""

from __future__ import annotations

import re
import unicodedata

PHOTOS = ("image/jpeg", "image/png", "image/webp")
DOCUMENTS = ("application/pdf", "image/jpeg", "image/png")
#: Pillow's names of the pictures.
PILLOW = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP"}
#: How much of a file's start and end `kind_of` looks at.
HEAD, TAIL = 16, 1024
_LONGEST_NAME = 255
_PATH = re.compile(r"[/\\]")


def kind_of(head: bytes, tail: bytes) -> str | None:
    """The media type of a file that begins and ends so; None for anything that is not taken."""
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    # Not somewhere in its first kilobyte, as readers forgive: what is before it may be another kind of file.
    if re.match(rb"%PDF-\d\.\d", head) and b"%%EOF" in tail:
        return "application/pdf"
    return None


def plain_name(name: str, otherwise: str) -> str:
    """A name as it may be shown and saved: no path, no control characters, no half characters."""
    last = _PATH.split(name)[-1]
    shown = "".join(c for c in last if unicodedata.category(c)[0] != "C" or c == "\u200d").strip(" .")
    return shown[-_LONGEST_NAME:] or otherwise
