"""strace's account of what a server wrote, where, and when that was on disk.

strace prints a call where it begins and where it ends; a call that others interrupt takes two lines. The order of
lines is the order of events: `entered` and `left` are line numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CALLS = (
    "pwrite64,pwritev,pwritev2,write,writev,sendto,sendmsg,fsync,fdatasync,sync_file_range,"
    "ftruncate,unlink,unlinkat,rename,renameat,renameat2"
)
LONGEST = 140_000  # bytes of a call's data that are printed
COMMAND = (
    *("strace", "-f", "--seccomp-bpf", "-ttt", "-yy", "-xx", "-s", str(LONGEST)),
    *("-e", "signal=none", "-e", f"trace={CALLS}"),
)
_LINE = re.compile(r"(\d+) +\d+\.\d+ (.*)", re.DOTALL)
_CALL = re.compile(r"(\w+)\((.*)", re.DOTALL)
_RESUMED = re.compile(r"<\.\.\. (\w+) resumed>(.*)", re.DOTALL)
_RESULT = re.compile(r"(.*)\) += (-?\d+)", re.DOTALL)
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_WHERE = re.compile(r"\d+<(.*?)>(?:, |$)")
_OFFSET = re.compile(r", (\d+)$")
UNFINISHED = " <unfinished ...>"


@dataclass(frozen=True)
class Call:
    """`where`: the path of a descriptor, or `TCP:[here->there]`. `data`: what was really written."""

    name: str
    where: str
    data: bytes
    offset: int
    result: int
    entered: int
    left: int


def read_trace(path: Path) -> list[Call]:
    """All calls that succeeded, in the order in which they began."""
    return sorted(_calls(path), key=lambda call: call.entered)


def _calls(path: Path) -> Iterator[Call]:
    begun: dict[str, tuple[int, str]] = {}
    with path.open(encoding="ascii") as lines:
        for number, line in enumerate(lines):
            found = _LINE.match(line.rstrip("\n"))
            if found is None:
                continue
            process, text = found.groups()
            entered = number
            if text.endswith(UNFINISHED):
                begun[process] = (number, text.removesuffix(UNFINISHED))
                continue
            if (resumed := _RESUMED.match(text)) is not None:
                entered, start = begun.pop(process)
                text = start + resumed[2]
            if (call := _CALL.match(text)) is not None and (ended := _RESULT.match(call[2])) is not None:
                result = int(ended[2])
                if result >= 0:
                    yield _call(call[1], ended[1], result, entered, number)


def _call(name: str, arguments: str, result: int, entered: int, left: int) -> Call:
    texts = [_plain(text) for text in _TEXT.findall(arguments)]
    if name in {"unlink", "unlinkat", "rename", "renameat", "renameat2"}:
        return Call(name, texts[0].decode(), b"".join(texts[1:]), 0, result, entered, left)
    where = _WHERE.match(arguments)
    place = "" if where is None else where[1]
    if place.startswith("\\x"):
        place = _plain(place).decode()
    offset = _OFFSET.search(arguments)
    data = b"" if name in {"fsync", "fdatasync", "ftruncate"} else b"".join(texts)[:result]
    return Call(name, place, data, 0 if offset is None else int(offset[1]), result, entered, left)


def _plain(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))
