"""Recognises what a USB barcode scanner does to a code when its keyboard layout is not the computer's.

Such a scanner types: it sends the positions of keys on a US keyboard, and the computer reads them with its own layout.
A German one turns `SP1:` into `SP1Ö`. keyboards.py has the tables.

Layouts that leave base45 as it is (US, United Kingdom, Polish programmers', Dutch) need no repair; they are only
recognised when Caps Lock turned the code's letters small.
"""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

from hub.domain.keyboards import LAYOUTS, US, Layout, Lock
from hub.domain.qr import MAX_LENGTH, PREFIX, is_well_formed

BASE45 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
MAX_READINGS = 256  # of one text under one layout; more is not worth the time of whoever stands at the door
_MARKS = {"`": "\u0300", "´": "\u0301", "^": "\u0302", "~": "\u0303", "¨": "\u0308", "ˇ": "\u030c"}


@dataclass(frozen=True, slots=True)
class LayoutFault:
    """What was recognised. `layouts` are names, likeliest first, and empty when only Caps Lock is the matter;
    `repaired` is the code as it was printed, where only one is possible."""

    layouts: tuple[str, ...]
    caps_lock: bool
    repaired: str | None

    def __str__(self) -> str:
        """One sentence for the person at the scanner."""
        faults = []
        if self.layouts:
            faults.append(f"the scanner types for a US keyboard, but this computer's layout is {_either(self.layouts)}")
        if self.caps_lock:
            faults.append("Caps Lock is on")
        return " and ".join(faults)


def recognise_layout(text: str) -> LayoutFault | None:
    """The fault that explains a text which is no well-formed code, or None when there is none, or none is needed."""
    text = unicodedata.normalize("NFC", text.strip())
    if not len(PREFIX) <= len(text) <= 2 * MAX_LENGTH or is_well_formed(text):
        return None
    fits: list[tuple[Layout, Lock, set[str]]] = []
    for (layout, lock), inverse in _CASES.items():
        readings = inverse.readings(text)
        if readings is not None and readings != {text}:
            fits.append((layout, lock, {code for code in readings if is_well_formed(code)}))
    whole = {code for _, _, codes in fits for code in codes}
    if not fits:
        return None
    if len(whole) == 1:
        fits = [fit for fit in fits if fit[2]]
    # Caps Lock beside a layout is the less likely story when the layout alone tells the same one.
    unlocked = [fit for fit in fits if fit[1] is Lock.OFF]
    fits = unlocked or fits
    names = () if any(layout is US for layout, _, _ in fits) else tuple(dict.fromkeys(fit[0].name for fit in fits))
    return LayoutFault(names, not unlocked, whole.pop() if len(whole) == 1 else None)


def as_typed(code: str, layout: Layout, lock: Lock = Lock.OFF) -> str:
    """What a US scanner's code becomes under a layout. A dead key's accent joins every letter that Unicode has with it,
    as under X11; Windows joins fewer and types the others apart, which is recognised as well."""
    typed, waiting = "", ""
    for symbol in code:
        char = layout.key(symbol, lock)
        if waiting:
            composed = unicodedata.normalize("NFC", char + _MARKS[waiting])
            if char == " ":
                typed += waiting
            elif len(composed) == 1 and char not in layout.dead:
                typed += composed
            else:
                typed += waiting + char
            waiting = ""
        elif char in layout.dead:
            waiting = char
        else:
            typed += char
    return typed + waiting


class _Inverse:
    """The way back: what each character under one layout can have been."""

    def __init__(self, layout: Layout, lock: Lock) -> None:
        self._symbols: dict[str, list[str]] = {}
        typed = {symbol: layout.key(symbol, lock) for symbol in BASE45}
        accents = {symbol: char for symbol, char in typed.items() if char in layout.dead}
        letters = {symbol: char for symbol, char in typed.items() if symbol not in accents}
        for symbol, char in letters.items():
            self._add(char, symbol)
        for accent, mark in accents.items():
            self._add(mark, accent)  # before a character that takes no accent
            self._add(mark, accent + " ")
            for symbol, char in letters.items():
                composed = unicodedata.normalize("NFC", char + _MARKS[mark])
                if len(composed) == 1:
                    self._add(composed, accent + symbol)
        if lock is Lock.LETTERS:
            self._tolerate_unturned(layout)

    def _tolerate_unturned(self, layout: Layout) -> None:
        """Windows lets Caps Lock alone on some keys with letters of their own (an Italian `ç`), Linux does not."""
        for symbol in BASE45:
            char = layout.key(symbol, Lock.OFF)
            if not char.isascii() and char not in self._symbols:
                self._add(char, symbol)

    def _add(self, char: str, symbols: str) -> None:
        self._symbols.setdefault(char, []).append(symbols)

    def readings(self, text: str) -> set[str] | None:
        """Every text that the scanner can have sent; empty when there are too many, None when the layout never gives
        such a text."""
        options = [self._symbols.get(char) for char in text]
        known = [option for option in options if option is not None]
        if len(known) < len(options) or not any(start.startswith(PREFIX) for start in _joined(known[: len(PREFIX)])):
            return None
        if prod(map(len, known)) > MAX_READINGS:
            return set()
        return set(_joined(known))


def _joined(options: list[list[str]]) -> Iterator[str]:
    return map("".join, itertools.product(*options))


def _either(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


_CASES = {(layout, lock): _Inverse(layout, lock) for layout in LAYOUTS for lock in layout.locks}
