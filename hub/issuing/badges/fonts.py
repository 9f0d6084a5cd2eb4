"""Letters for names in any script: FiraGO has the most usual alphabets, Noto Sans those of the south and east of Asia,
of Ethiopia and of Armenia, Noto Sans CJK has China's, Japan's and Korea's; an operator may add more (HUB_BADGE_FONTS).
What none of them has is said, and never printed as a box.
"""

from __future__ import annotations

import tempfile
import unicodedata
from functools import cache
from pathlib import Path

from fontTools.ttLib import TTFont

#: An operator's directory, if there is one; a press is told at its start.
_MORE: list[Path | None] = [None]
REGULAR, BOLD = "figo", "figbo"
#: Marks and joined letters need shaping: from Hebrew to Vedic signs, and what combines with the letter before it.
_FIRST_SHAPED, _LAST_SHAPED = "\u0590", "\u1cff"


class Font:
    """One file. `name` is what it is called in a PDF."""

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self.path = path
        with TTFont(path, lazy=True, fontNumber=0) as opened:
            self.letters = frozenset(opened.getBestCmap() or ())

    def has(self, letter: str) -> bool:
        return ord(letter) in self.letters


@cache
def regular() -> Font:
    return Font("text", _unpacked(REGULAR))


@cache
def bold_path() -> Path:
    return _unpacked(BOLD)


def others() -> tuple[Font, ...]:
    """Those that are asked when the first one has not got a letter, in their order."""
    return _others(_MORE[0])


def look_into(folder: Path | None) -> None:
    """For more fonts, from now on."""
    _MORE[0] = folder


@cache
def _others(folder: Path | None) -> tuple[Font, ...]:
    found = [Font(f"noto{number}", path) for number, path in enumerate(_noto())]
    found.append(Font("cjk", _noto_cjk()))
    if folder is not None:
        paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in {".ttf", ".otf"})
        found += [Font(f"more{number}", path) for number, path in enumerate(paths)]
    return tuple(found)


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="passhub-fonts-")


def _unpacked(name: str) -> Path:
    """pymupdf-fonts brings them as Python; the PDF's writer wants files."""
    from pymupdf_fonts import fontbuffers  # noqa: PLC0415 - large, and only a press needs it

    path = Path(_folder().name, f"{name}.ttf")
    path.write_bytes(fontbuffers[name]())
    return path


def _noto() -> list[Path]:
    """Of manimgx-fonts, which is data alone: one a script, upright."""
    import manimgx_fonts as package  # noqa: PLC0415

    return sorted(path for path in Path(package.__path__[0]).glob("NotoSans*.ttf") if "Italic" not in path.name)


def _noto_cjk() -> Path:
    import noto_cjk_sans_jp_regular as package  # noqa: PLC0415

    return next(Path(package.__path__[0]).glob("*.otf"))


def tidy(text: str) -> str:
    """As it is set: composed, on one line, and without what is not seen."""
    spaced = " ".join(unicodedata.normalize("NFC", text).split())
    return "".join(letter for letter in spaced if unicodedata.category(letter) not in {"Cc", "Cn", "Co", "Cs"})


def missing(text: str) -> str:
    """The letters of a text that no font has, each once."""
    wanted = dict.fromkeys(letter for letter in tidy(text) if not _unseen(letter) and not regular().has(letter))
    return "".join(letter for letter in wanted if not any(font.has(letter) for font in others()))


def needed(texts: str) -> list[Font]:
    """Of the other fonts those that these texts need."""
    left = {letter for letter in tidy(texts) if not _unseen(letter) and not regular().has(letter)}
    found = []
    for font in others():
        here = {letter for letter in left if font.has(letter)}
        if here:
            found.append(font)
            left -= here
    return found


def shaped(text: str) -> bool:
    """Whether its letters join, stack, or run from right to left."""
    return any(_FIRST_SHAPED <= letter <= _LAST_SHAPED or unicodedata.combining(letter) for letter in text)


def _unseen(letter: str) -> bool:
    return letter.isspace() or unicodedata.category(letter) == "Cf"
