"""Words that may have been meant by a misspelt one, and folded text (hub_fold) read back."""

from __future__ import annotations

import re
from collections.abc import Iterable

_BYTES = re.compile(r"(?:x[0-3][0-7]{2})+")
SHORT = 4
MOST = 5


def likely(word: str, known: Iterable[str], most: int = MOST) -> list[str]:
    """Those of the known words that are nearest, at most one slip away from a short word and two from a longer one."""
    misspelt = readable(word)
    bound = 1 if len(misspelt) <= SHORT else 2
    near = [(slips(misspelt, readable(one), bound), one) for one in known]
    least = min((count for count, _ in near), default=bound + 1)
    return [one for count, one in near if count == least <= bound][:most]


def slips(one: str, other: str, bound: int) -> int:
    """How many letters were left out, added, exchanged with another or with their neighbour; above `bound`: more."""
    if abs(len(one) - len(other)) > bound:
        return bound + 1
    before, last = list[int](), list(range(len(other) + 1))
    for row, letter in enumerate(one, 1):
        current = [row]
        for column, against in enumerate(other, 1):
            cost = min(current[-1] + 1, last[column] + 1, last[column - 1] + (letter != against))
            if row > 1 < column and letter == other[column - 2] and one[row - 2] == against:
                cost = min(cost, before[column - 2] + 1)
            current.append(cost)
        before, last = last, current
    return last[-1]


def readable(folded: str) -> str:
    """The letters that hub_fold wrote as digits of their bytes."""
    return _BYTES.sub(_letters, folded)


def _letters(found: re.Match[str]) -> str:
    raw = bytes(int(octal, 8) for octal in found[0].split("x")[1:])
    return raw.decode("utf-8", "replace")
