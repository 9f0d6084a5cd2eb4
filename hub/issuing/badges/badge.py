"""What is on a badge, and what goes to a press and comes back."""

from __future__ import annotations

from typing import Literal

import msgspec

Layout = Literal["card", "a4"]


class Badge(msgspec.Struct, array_like=True, kw_only=True):
    """Days are ISO texts, `color` is #rrggbb, `photo` and `logo` JPEGs. `pattern`: the code's modules, as a press has
    made it."""

    school: str
    name: str
    number: str
    first_day: str
    last_day: str
    code: str
    kind: str = ""
    program: str = ""
    title: str = ""
    color: str = "#1f4e79"
    photo: bytes | None = None
    logo: bytes | None = None
    pattern: bytes = b""

    @property
    def texts(self) -> tuple[str, ...]:
        """All that has to be set in letters."""
        return (self.school, self.name, self.number, self.program, self.title, self.kind)


class Task(msgspec.Struct, array_like=True):
    """Either patterns and what cannot be printed of these badges, or, with `layout`, their pages."""

    badges: list[Badge]
    layout: Layout | None = None


class Done(msgspec.Struct, array_like=True):
    """`patterns` and `missing` (letters that no font has) in the order of the badges, or `pdf`."""

    patterns: list[bytes] = []
    missing: list[str] = []
    pdf: bytes = b""
