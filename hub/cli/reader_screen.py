"""What `passhub reader` shows: a large word on a terminal, one line an answer elsewhere."""

from __future__ import annotations

import sys

from rich.console import Console, Group
from rich.panel import Panel
from rich.text import Text

from hub.domain.scanners import LayoutFault
from hub.reader import Configured, Connected, Decision, Event, Lost, Refusal

REASONS = {
    "malformed_code": "this is not the code of a pass",
    "bad_signature": "the code is forged, or from another installation",
    "unknown_pass": "no such pass was issued",
    "inactive_pass": "the pass is switched off",
    "not_yet_valid": "the pass is not valid yet",
    "expired_pass": "the pass has expired",
    "revoked_pass": "the pass was revoked",
    "student_inactive": "the student is no longer enrolled",
    "student_suspended": "the student is suspended",
    "wrong_school": "the pass belongs to another school",
    "school_inactive": "the school is switched off",
    "uses_exhausted": "has been used as often as it may be",
    "access_point_inactive": "this door is switched off",
    "wrong_direction": "this door does not serve this direction",
    "scan_id_reused": "the reader used the same number for two scans",
    "stale_index": "the hub has been cut off from its database for too long",
    "hub_unavailable": "the hub cannot keep answers at the moment; scan again",
    "already_inside": "this person is inside already",
    "capacity_full": "it is full inside",
}
_LETTERS = {
    "A": (" ██ ", "█  █", "████", "█  █", "█  █"),
    "D": ("███ ", "█  █", "█  █", "█  █", "███ "),
    "E": ("████", "█   ", "███ ", "█   ", "████"),
    "G": (" ███", "█   ", "█ ██", "█  █", " ███"),
    "I": ("███", " █ ", " █ ", " █ ", "███"),
    "N": ("█  █", "██ █", "█ ██", "█  █", "█  █"),
    "O": (" ██ ", "█  █", "█  █", "█  █", " ██ "),
    "R": ("███ ", "█  █", "███ ", "█ █ ", "█  █"),
    "S": (" ███", "█   ", " ██ ", "   █", "███ "),
    "T": ("███", " █ ", " █ ", " █ ", " █ "),
    "W": ("█   █", "█   █", "█ █ █", "██ ██", "█   █"),
    " ": ("  ", "  ", "  ", "  ", "  "),
}
_COLOURS = {
    "GRANTED": "bold white on dark_green",
    "DENIED": "bold white on dark_red",
    "NO ANSWER": "bold black on yellow",
}


class Screen:
    """Colours and large letters on a terminal only (and not under NO_COLOR); the words are the same everywhere."""

    def __init__(self) -> None:
        self._console = Console(highlight=False)
        self._lost: str | None = None
        self._was_connected = False

    def decision(self, decision: Decision) -> None:
        name = _shown(decision.student.name) if decision.student else ""
        number = f"pass {_shown(decision.card.pass_number)}" if decision.card else ""
        lines = [text for text in (name, number) if text]
        if not decision.granted:
            lines.append(reason_in_words(decision.reason))
        if decision.stale:
            lines.append("the hub is cut off from its database and answered from memory")
        self._show("GRANTED" if decision.granted else "DENIED", lines)

    def no_answer(self, why: str) -> None:
        self._show("NO ANSWER", [_shown(why)])

    def scanner(self, fault: LayoutFault) -> None:
        """A scanner whose symbols arrive as other ones."""
        what = str(fault)
        then = (
            "the code was repaired"
            if fault.repaired
            else "the code cannot be repaired; set the scanner or this computer to the same keyboard layout"
        )
        self._notice(f"{what[0].upper()}{what[1:]}: {then}.")

    def event(self, event: Event) -> None:
        match event:
            case Connected(welcome):
                again = " again" if self._was_connected else ""
                self._was_connected, self._lost = True, None
                point = welcome.access_point
                off = "" if point.is_active else "; this door is switched off"
                self._notice(f"Connected{again} to {_shown(welcome.school_code)}, {_shown(point.name)}{off}.")
            case Lost(why) if why != self._lost:
                self._lost = why
                self._notice(f"No connection to the hub ({_shown(why)}); trying again until there is one.")
            case Configured(point):
                state = "on" if point.is_active else "off"
                self._notice(f"The door was changed: {_shown(point.name)}, {point.access_type}, switched {state}.")
            case Refusal(code, message):
                self._notice(f"The hub could not read this reader: {_shown(message)} ({_shown(code)}).")

    def _show(self, word: str, lines: list[str]) -> None:
        if not self._console.is_terminal:
            print(f"{word}  {', '.join(lines)}".rstrip(), flush=True)
            return
        panel = Panel(Group(Text(self._large(word)), "", *map(Text, lines)), style=_COLOURS[word], padding=(1, 4))
        self._console.print(panel)

    def _large(self, word: str) -> str:
        rows = ["  ".join(_LETTERS[letter][row] for letter in word) for row in range(5)]
        if len(rows[0]) + 12 > self._console.width:
            return word
        text = "\n".join(rows)
        return text if self._console.encoding.startswith("utf") else text.replace("█", "#")

    def _notice(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)


def reason_in_words(reason: str | None) -> str:
    """For a person, with the protocol's word beside it."""
    if reason is None:
        return "no reason was given"
    reason = _shown(reason)
    return f"{REASONS.get(reason, reason.replace('_', ' '))} ({reason})"


def _shown(text: str) -> str:
    """Without what could move the cursor of a guard's terminal."""
    return "".join(char if char.isprintable() else "�" for char in text)
