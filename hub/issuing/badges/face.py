"""One badge, drawn: 85.6 by 54 mm, as ISO/IEC 7810 has its ID-1, in millimetres from its upper left corner.

┌──────────────────────────────────┐
│ (M)  School                      │  in the template's colour; M: the logo, or initials
├────────┬─────────────────────────┤
│ photo  │ Name, over two lines    │
│        ├──────────────┬──────────┤
│        │ programme    │          │
├────────┤ validity     │   code   │
│ number │              │          │
└────────┴──────────────┴──────────┘
"""

from __future__ import annotations

import io
import zlib
from typing import Literal

from fpdf import FPDF
from PIL import Image, UnidentifiedImageError

from hub.issuing.badges import fonts
from hub.issuing.badges.badge import Badge
from hub.issuing.drawing import Pattern

WIDTH, HEIGHT = 85.6, 54.0
_HEAD = 12.5
_EDGE, _TEXT = 4.5, 33.0
_PHOTO, _PHOTO_TOP = 25.0, 16.0
_CODE = 26.0
_LOGO = 9.0
_INK, _GREY, _FAINT = (28, 32, 38), (98, 106, 116), (214, 219, 225)
_POINT = 25.4 / 72
_DOTS = "…"
Color = tuple[int, int, int]
Align = Literal["L", "C", "R"]


class Paper(FPDF):
    """A document of badges. `texts`: all that will be set in it, by which its fonts are chosen."""

    def __init__(self, texts: str, size: tuple[float, float]) -> None:
        super().__init__(unit="mm", format=size)
        self.set_auto_page_break(False)
        self.set_margin(0)
        self.c_margin = 0
        self.set_creator("passhub")
        self.add_font("text", "", fonts.regular().path)
        self.add_font("text", "B", fonts.bold_path())
        more = fonts.needed(texts)
        for font in more:
            self.add_font(font.name, "", font.path)
        if more:
            self.set_fallback_fonts([font.name for font in more], exact_match=False)

    def face(self, badge: Badge, x: float, y: float) -> None:
        """One badge with its upper left corner there."""
        self._x0, self._y0 = x, y
        color = _color(badge.color)
        self._head(badge, color)
        self._photo(badge, color)
        self._words(badge, color)
        self._code(badge.pattern, WIDTH - _CODE - 2.0, HEIGHT - _CODE - 1.5)
        self.set_draw_color(*_FAINT)
        self.set_line_width(0.1)
        self.rect(x, y, WIDTH, HEIGHT)

    def _head(self, badge: Badge, color: Color) -> None:
        paper = (255, 255, 255) if _is_dark(color) else _INK
        self.set_fill_color(*color)
        self.rect(self._x0, self._y0, WIDTH, _HEAD, style="F")
        if badge.logo is not None and _is_picture(badge.logo):
            x, y = self._x0 + _EDGE - 0.5, self._y0 + (_HEAD - _LOGO) / 2
            self.set_fill_color(255, 255, 255)
            self.rect(x, y, _LOGO, _LOGO, style="F", round_corners=True, corner_radius=1)
            self.image(io.BytesIO(badge.logo), x + 0.5, y + 0.5, _LOGO - 1, _LOGO - 1)
        else:
            self.set_fill_color(*paper)
            self.circle(self._x0 + _EDGE + 4, self._y0 + _HEAD / 2, 4, style="F")
            self._line(_initials(badge.school), _EDGE, 4.6, 8, 8, bold=True, color=color, align="C")
        left = _EDGE + 10.5
        top = 2.5 if badge.title else 4.2
        self._line(badge.school, left, top, WIDTH - left - _EDGE, 10.5, bold=True, color=paper)
        if badge.title:
            self._line(badge.title, left, 7.4, WIDTH - left - _EDGE, 7, color=paper)

    def _photo(self, badge: Badge, color: Color) -> None:
        x, y = self._x0 + _EDGE, self._y0 + _PHOTO_TOP
        if badge.photo is not None and _is_picture(badge.photo):
            self.image(io.BytesIO(badge.photo), x, y, _PHOTO, _PHOTO)
        else:
            self.set_fill_color(*(round(255 - (255 - part) * 0.12) for part in color))
            self.rect(x, y, _PHOTO, _PHOTO, style="F")
            self._line(_initials(badge.name), _EDGE, _PHOTO_TOP + 8.5, _PHOTO, 24, bold=True, color=color, align="C")
        self.set_draw_color(*_FAINT)
        self.set_line_width(0.2)
        self.rect(x, y, _PHOTO, _PHOTO)

    def _words(self, badge: Badge, color: Color) -> None:
        self._line(badge.number, _EDGE, 43.0, _PHOTO, 8, bold=True, color=_INK, align="C")
        self._line(badge.kind.upper(), _EDGE, 47.2, _PHOTO, 6, bold=True, color=color, align="C")
        lines = self._broken(badge.name, WIDTH - _TEXT - _EDGE, 12, bold=True)
        for number, text in enumerate(lines):
            self._line(text, _TEXT, 16.0 + 5.2 * number, WIDTH - _TEXT - _EDGE, 12, bold=True, color=_INK)
        top = 16.0 + 5.2 * len(lines) + 0.8
        wide = WIDTH - _TEXT - (_EDGE if len(lines) == 1 else _CODE + 3)
        for number, text in enumerate(self._broken(badge.program, wide, 7)):
            self._line(text, _TEXT, top + 3 * number, wide, 7, color=_GREY)
        for label, day, at in (("VALID FROM", badge.first_day, 34.5), ("VALID UNTIL", badge.last_day, 43.0)):
            self._line(label, _TEXT, at, 24, 5, color=_GREY)
            self._line(day, _TEXT, at + 2.5, 24, 9, bold=label == "VALID UNTIL", color=_INK)

    def _line(
        self,
        text: str,
        x: float,
        y: float,
        wide: float,
        points: float,
        *,
        bold: bool = False,
        color: Color,
        align: Align = "L",
    ) -> None:
        """A text on one line: smaller, down to seven tenths, where it is too long, and then cut."""
        text = fonts.tidy(text)
        if not text:
            return
        self.set_text_shaping(fonts.shaped(text))
        self.set_text_color(*color)
        self.set_font("text", "B" if bold else "", points)
        full = self.get_string_width(text)
        if full > wide:
            self.set_font("text", "B" if bold else "", points * max(0.7, wide / full))
            while wide / full < 0.7 and self.get_string_width(text) > wide and len(text) > 2:
                text = text.removesuffix(_DOTS)[:-1].rstrip() + _DOTS
        self.set_xy(self._x0 + x, self._y0 + y)
        self.cell(wide, points * _POINT * 1.2, text, align=align)

    def _broken(self, text: str, wide: float, points: float, *, bold: bool = False) -> list[str]:
        """A text on one line, or on two when it has words to break it between."""
        text = fonts.tidy(text)
        self.set_text_shaping(fonts.shaped(text))
        self.set_font("text", "B" if bold else "", points)
        words = text.split(" ")
        # What is a little too long is set smaller; a name may have its second line.
        if self.get_string_width(text) <= (wide if bold else wide / 0.8) or len(words) == 1:
            return [text]
        count = len(words) - 1
        while count > 1 and self.get_string_width(" ".join(words[:count])) > wide:
            count -= 1
        return [line for line in (" ".join(words[:count]), " ".join(words[count:])) if line]

    def _code(self, pattern: bytes, x: float, y: float) -> None:
        """As rectangles: sharp on any printer. Its quiet zone is the card's white."""
        scale = _CODE * self.k
        left, top = (self._x0 + x) * self.k, (self.h - self._y0 - y) * self.k
        dark = zlib.decompress(pattern).decode()
        self._out(f"q 0 g {scale:.4f} 0 0 {-scale:.4f} {left:.3f} {top:.3f} cm\n{dark}f Q")


def packed(pattern: Pattern) -> bytes:
    """For `Badge.pattern`: the rectangles of a code of side 1, as a PDF has them."""
    scale = f"{1 / pattern.side:.8f} 0 0 {1 / pattern.side:.8f} 0 0 cm\n"
    return zlib.compress((scale + "".join(f"{x} {y} {wide} 1 re\n" for x, y, wide in pattern.runs())).encode())


def _initials(text: str) -> str:
    words = [word for word in fonts.tidy(text).split(" ") if word and word[0].isalnum()]
    return "".join(word[0] for word in (words[:1] + words[-1:] if len(words) > 1 else words)).upper()


def _color(text: str) -> Color:
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def _is_dark(color: Color) -> bool:
    red, green, blue = color
    return 0.299 * red + 0.587 * green + 0.114 * blue < 150


def _is_picture(photo: bytes) -> bool:
    """A damaged one is left out, and costs nobody a sheet."""
    try:
        with Image.open(io.BytesIO(photo), formats=("JPEG",)) as opened:
            return max(opened.size) <= 2000
    except (OSError, UnidentifiedImageError, ValueError):
        return False
