"""keyboards.json: what scanners type where the keyboard layout is not theirs, and what is made of it.

Two programs recognise it, hub/domain/scanners.py and the console's page for scanning; both are held against this file.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from hub.domain.keyboards import LAYOUTS, Lock
from hub.domain.qr import SigningKey, sign_code
from hub.domain.scanners import as_typed, recognise_layout


def _with_accents(key: SigningKey) -> str:
    """A code in which accents of several layouts swallow a letter, and one a space."""
    codes = (sign_code(key, UUID(int=number), UUID(int=number), 0, 1_800_000_000) for number in range(10_000))
    return next(code for code in codes if "+A" in code and "+ " in code and code.count("+") < 7)


def _typed(code: str, key: SigningKey) -> Iterator[tuple[str, str]]:
    accented = _with_accents(key)
    for number, layout in enumerate(LAYOUTS):
        for lock in layout.locks:
            name = f"{number} {layout.name}" + ("" if lock is Lock.OFF else f", Caps Lock ({lock.value})")
            yield name, as_typed(code, layout, lock)
            yield f"{name}, with accents", as_typed(accented, layout, lock)
    by_name = {layout.name: layout for layout in LAYOUTS}
    yield "Danish, decomposed", unicodedata.normalize("NFD", as_typed(code, by_name["Danish"]))
    yield "French, the end is missing", as_typed(code, by_name["French"])[:-6]
    yield "a line's end", as_typed(code, by_name["German"]) + "\r\n"
    yield "the code itself", code
    yield "a grocery's", "4006381333931"
    yield "an address", "https://example.org/menu"
    yield "nothing", ""
    yield "the prefix alone, as German", "SP1Ö"
    yield "the prefix and a little more", "SP1:ABC"


def keyboards(code: str, key: SigningKey) -> dict[str, Any]:
    """keyboards.json. `key` signs further codes."""
    cases = []
    for name, typed in _typed(code, key):
        fault = recognise_layout(typed)
        found = fault and {
            "layouts": list(fault.layouts),
            "capsLock": fault.caps_lock,
            "repaired": fault.repaired,
        }
        cases.append({"name": name, "typed": typed, "fault": found})
    return {
        "about": "What a scanner that types for a US keyboard gives under other layouts. `plain` and `shift` are the 47"
        " keys in the four rows of a US keyboard; `dead`: accents that wait for the next letter; `locks`: what Caps"
        " Lock can do there. `fault` is null where nothing has to be repaired, or nothing can be recognised.",
        "layouts": [
            {
                "name": layout.name,
                "plain": layout.plain,
                "shift": layout.shift,
                "dead": layout.dead,
                "locks": [lock.value for lock in layout.locks],
            }
            for layout in LAYOUTS
        ],
        "cases": cases,
    }
