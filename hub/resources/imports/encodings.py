"""Which of the encodings before Unicode a file is in: told where all that it may be say the same, asked where not.

Bytes do not say it: `Hélène` of a Western Windows is `Hélčne` of a Central European one, and both are names. Nobody is
served by the likelier of the two in half of the names of a school.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise
from typing import Literal, get_args

from charset_normalizer import from_bytes

from hub.errors import UnsupportedMedia
from hub.rest.faults import fault, refusal

#: What a client may say that a file is in: one of these, or of those below.
Unicode = Literal["utf-8", "utf-16"]
#: What spreadsheets write where no one has asked them for Unicode, the most usual first.
Legacy = Literal[
    "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1257", "mac_roman", "cp932", "gb18030", "big5", "cp949"
]
Encoding = Unicode | Legacy
LEGACY: list[str] = list(get_args(Legacy))
_LATIN = {"cp1252", "cp1250", "cp1254", "cp1257"}
#: Readings that are shown of a file that has several.
MOST_SHOWN = 4
#: A language is seen in the one reading, in the other none.
_CLEAR, _NONE = 0.5, 0.2
_WORD = re.compile(r"[^\s,;|\"]+")


def recognise(sample: bytes, words: bytes) -> str:
    """The encoding of what is no UTF-8. `words`: those of the file that are not ASCII, wherever in it they are.

    Raises UnsupportedMedia when it is none that is known, BadRequest with the readings when several differ.
    """
    readings = _readings(sample, words)
    if not readings:
        raise UnsupportedMedia("the file's encoding cannot be recognised; save it as CSV in UTF-8")
    if len(readings) > 1:
        shown = " or ".join(f"{word} ({encoding})" for word, encoding in _differing(readings)[:MOST_SHOWN])
        raise refusal([fault("encoding", f"is not clear: {shown}? Say which, or save the file in UTF-8")])
    return next(iter(readings.values()))


def _readings(sample: bytes, words: bytes) -> dict[str, str]:
    """What the file may say, with the encoding in which it does, the most usual first."""
    matches = list(from_bytes(sample, cp_isolation=[*LEGACY]))
    best = max((match.coherence for match in matches), default=0.0)
    if best >= _CLEAR:
        matches = [match for match in matches if match.coherence > _NONE]
    possible = {name for match in matches for name in match.could_be_from_charset} & set(LEGACY)
    if possible & _LATIN:  # which of them, frequencies of letters do not say: names are no text
        possible |= _LATIN
    texts = {name: (sample + b"\n" + words).decode(name, "replace") for name in sorted(possible, key=LEGACY.index)}
    sense = {name: _sense(text) for name, text in texts.items()}
    most = max(sense.values(), default=0.0)
    found: dict[str, str] = {}
    for name, text in texts.items():
        if sense[name] >= most:
            found.setdefault(text, name)
    return found


def _sense(text: str) -> float:
    """The share of words that look like one, among those that are not ASCII: in a wrong reading there are signs within
    words, one Greek letter in a German name, or a capital at the end of it."""
    words = {word for word in _WORD.findall(text) if not word.isascii()}
    return sum(map(_is_a_word, words)) / len(words) if words else 0.0


def _is_a_word(word: str) -> bool:
    scripts = {unicodedata.name(c, "?").split(" ")[0] for c in word if c.isalpha()}
    signs = any(not c.isascii() and not c.isalpha() for c in word)
    capitals = any(c.isupper() and not c.isascii() and before.islower() for before, c in pairwise(word))
    return len(scripts) == 1 and not signs and not capitals


def _differing(readings: dict[str, str]) -> list[tuple[str, str]]:
    """The first word that is not the same in all, as the readings have it, each once, with its encoding. Words are at
    the same places in all, or nearly."""
    words = [_WORD.findall(text) for text in readings]
    place = next((place for place, said in enumerate(zip(*words, strict=False)) if len(set(said)) > 1), 0)
    shown: dict[str, str] = {}
    for own, encoding in zip(words, readings.values(), strict=True):
        shown.setdefault(own[place][:40] if own else "", encoding)
    return list(shown.items())
