"""The answers to one `scans` frame leave together, in the order of its scans."""

from __future__ import annotations

from hub.gate.messages import Decision


class Group:
    """`missing`: how many have no answer yet."""

    __slots__ = ("answers", "missing")

    def __init__(self, size: int) -> None:
        self.answers: list[Decision | None] = [None] * size
        self.missing = size


class Waiting:
    """The place of an answer in its group."""

    __slots__ = ("group", "position")

    def __init__(self, group: Group, position: int) -> None:
        self.group = group
        self.position = position
