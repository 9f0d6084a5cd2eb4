"""The file of signed heads: one JSON line a batch, appended and never rewritten.

It is what shows that the end of the chain was cut off, so it belongs where whoever can write to the database cannot.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from hub.errors import StartError


class Head(msgspec.Struct, frozen=True, rename="camel"):
    """Bytes are base64. `sealed_at`: RFC 3339."""

    batch: int
    rows: int
    top: str
    previous: bytes
    root: bytes
    head: bytes
    signer: bytes
    signature: bytes
    sealed_at: str


class Line(NamedTuple):
    """`head` is None for a line that cannot be read."""

    number: int
    head: Head | None


def read(path: Path) -> Iterator[Line]:
    """The file's lines; none when there is no file. The end of a write that was cut short is a line that is not one.

    Raises StartError when the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            for number, raw in enumerate(file, 1):
                try:
                    yield Line(number, msgspec.json.decode(raw, type=Head))
                except msgspec.MsgspecError:
                    yield Line(number, None)
    except FileNotFoundError:
        return
    except OSError as error:
        raise StartError(f"cannot read the heads in {path}: {error.strerror}; correct HUB_AUDIT_HEADS") from error


def last_batch(path: Path) -> int:
    """The last batch that the file has; 0 when it has none."""
    return max((line.head.batch for line in read(path) if line.head is not None), default=0)


def append(path: Path, heads: Iterable[Head]) -> None:
    """Add lines; they are on disk when this returns. Raises OSError."""
    text = b"".join(msgspec.json.encode(head) + b"\n" for head in heads)
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        size = os.fstat(fd).st_size
        if size and os.pread(fd, 1, size - 1) != b"\n":
            text = b"\n" + text  # the line before was cut short
        os.write(fd, text)
        os.fsync(fd)
    finally:
        os.close(fd)
