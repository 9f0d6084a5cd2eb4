"""SQL text cut into statements, for what PostgreSQL refuses to run several at once (CREATE INDEX CONCURRENTLY)."""

from __future__ import annotations

import re
from collections.abc import Iterator

# What may hide a semicolon, in the order in which it must be tried. Block comments nest, so only their opening is here.
_TOKEN = re.compile(
    r"""
      (?P<line>--[^\n]*)
    | (?P<block>/\*)
    | (?P<escaped>(?<![A-Za-z0-9_$])[eE]'(?:[^'\\]|''|\\.)*')
    | (?P<quoted>'(?:[^']|'')*')
    | (?P<identifier>"(?:[^"]|"")*")
    | (?P<dollar>(?<![A-Za-z0-9_$])\$(?P<tag>(?:[^\W\d]\w*)?)\$.*?\$(?P=tag)\$)
    | (?P<end>;)
    """,
    re.VERBOSE | re.DOTALL,
)
_BLOCK_EDGE = re.compile(r"/\*|\*/")


def split_statements(text: str) -> Iterator[str]:
    """The statements in order, without their semicolons; parts that hold only comments are left out."""
    start = at = 0
    blank = True
    while token := _TOKEN.search(text, at):
        blank = blank and not text[at : token.start()].strip()
        at = token.end()
        if token.lastgroup == "block":
            at = _block_end(text, token.end())
        elif token["end"]:
            if not blank:
                yield text[start : token.start()].strip()
            start, blank = at, True
        elif not token["line"]:
            blank = False
    if not blank or text[at:].strip():
        yield text[start:].strip()


def _block_end(text: str, at: int) -> int:
    depth = 1
    while depth and (edge := _BLOCK_EDGE.search(text, at)):
        depth += 1 if edge[0] == "/*" else -1
        at = edge.end()
    return len(text) if depth else at
