"""Pages of badges: one a page for printers of cards, or ten on an A4 with marks to cut along."""

from __future__ import annotations

from collections.abc import Iterator

from hub.issuing.badges.badge import Badge, Layout
from hub.issuing.badges.face import HEIGHT, WIDTH, Paper

_A4 = (210.0, 297.0)
COLUMNS, ROWS = 2, 5
_GAP = 3.0
_LEFT = (_A4[0] - COLUMNS * WIDTH - (COLUMNS - 1) * _GAP) / 2
_TOP = (_A4[1] - ROWS * HEIGHT - (ROWS - 1) * _GAP) / 2
#: From the sheet's edge: most printers leave four millimetres white.
_MARK = (3.5, 6.5)
_MARK_SIDE = (6.0, 13.0)


def pages(badges: list[Badge], layout: Layout) -> bytes:
    """The PDF. Each badge has its pattern."""
    texts = "".join(text for badge in badges for text in badge.texts)
    paper = Paper(texts, (WIDTH, HEIGHT) if layout == "card" else _A4)
    paper.set_title("Badges")
    for number, badge in enumerate(badges):
        place = 0 if layout == "card" else number % (COLUMNS * ROWS)
        if place == 0:
            paper.add_page()
            if layout == "a4":
                _marks(paper)
        row, column = divmod(place, COLUMNS)
        x, y = (0.0, 0.0) if layout == "card" else (_across(column), _down(row))
        paper.face(badge, x, y)
    return bytes(paper.output())


def _across(column: int) -> float:
    return _LEFT + column * (WIDTH + _GAP)


def _down(row: int) -> float:
    return _TOP + row * (HEIGHT + _GAP)


def _marks(paper: Paper) -> None:
    """Where to cut, on the edges of the sheet."""
    paper.set_draw_color(90, 90, 90)
    paper.set_line_width(0.15)
    for x in _both([_across(column) for column in range(COLUMNS)], WIDTH):
        for y1, y2 in (_MARK, (_A4[1] - _MARK[1], _A4[1] - _MARK[0])):
            paper.line(x, y1, x, y2)
    for y in _both([_down(row) for row in range(ROWS)], HEIGHT):
        for x1, x2 in (_MARK_SIDE, (_A4[0] - _MARK_SIDE[1], _A4[0] - _MARK_SIDE[0])):
            paper.line(x1, y, x2, y)


def _both(starts: list[float], size: float) -> Iterator[float]:
    for start in starts:
        yield start
        yield start + size
