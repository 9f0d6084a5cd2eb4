"""What a measure adds to the page: rows that must hold, figures, and a word on how it was measured."""

from __future__ import annotations

import textwrap
from statistics import median
from typing import NamedTuple

Rounds = list[dict[str, float]]


class Section(NamedTuple):
    """Markdown. `must`: rows of the first table; `rates`: rows of the second; `figures`, `how`: items of lists."""

    must: list[str]
    figures: list[str]
    how: list[str]
    rates: list[str] = []  # noqa: RUF012 - a tuple's default, never changed


def row(what: str, reached: str, must: str, ok: bool) -> str:
    return f"| {what} | {reached} | {must} | {'yes' if ok else '**no**'} |"


def at_least(what: str, reached: float, bound: float) -> str:
    """A row of a ratio that must not be smaller."""
    return row(what, f"{reached:.2f} ×", f"≥ {bound:g} ×", reached >= bound)


def at_most(what: str, reached: float, bound: float) -> str:
    """A row of a ratio that must not be larger."""
    return row(what, f"{reached:.2f} ×", f"≤ {bound:g} ×", reached <= bound)


def rate_row(title: str, rounds: Rounds) -> str:
    """Rate, latencies and CPU of closed-loop rounds."""
    cells = (f"{mid(rounds, 'rate'):,.0f}/s", ms(rounds, "p50"), ms(rounds, "p99"), f"{mid(rounds, 'cpu_us'):.1f} µs")
    return f"| {title} | {' | '.join(cells)} |"


def ms(rounds: Rounds, field: str) -> str:
    return f"{mid(rounds, field) * 1e3:.1f} ms"


def item(text: str) -> str:
    """Of a list, wrapped as the rest of the documents is."""
    return textwrap.fill("- " + " ".join(text.split()), 120, subsequent_indent="  ", break_on_hyphens=False)


def ratio(ours: Rounds, other: Rounds, field: str) -> float:
    """Median of the rounds' ratios."""
    return median(a[field] / b[field] for a, b in zip(ours, other, strict=True))


def mid(rounds: Rounds, field: str) -> float:
    return median(one[field] for one in rounds)
