"""What the demo shows: lines that stay, and one line of scans: rewritten on a terminal, written anew elsewhere."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from rich.cells import set_cell_size
from rich.console import Console
from rich.text import Text

REWRITE_SECONDS = 0.25
ANEW_SECONDS = 1.0
_COLOURS = {"GRANTED": "bold green", "DENIED": "bold red"}
_CELLS = {"school": 24, "door": 18}
NAME_CELLS = (16, 30)  # the fewest and the most
FEW_WAITING = 3  # some scan is always under way
_BACK = "\r\x1b[2K"


class Line(NamedTuple):
    """The newest scan and the numbers beside it. `clock`: HH:MM:SS; `rate`: answers a second; `p50_ms`: None without
    a recent answer; `waiting`: people who stand at a door without an answer."""

    clock: str
    school: str
    door: str
    verdict: str
    who: str
    phase: str
    rate: float
    p50_ms: float | None
    granted: int
    denied: int
    waiting: int


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Rich would end the process here and now, with everything running."""
        raise BrokenPipeError


class Screen:
    """Standard output. `gone` is called once when nobody reads it any more; then nothing is shown."""

    def __init__(self) -> None:
        if hasattr(sys.stdout, "reconfigure"):
            sys.stdout.reconfigure(errors="replace")  # a terminal that cannot show every name is no reason to stop
        self._console = _Console(highlight=False, soft_wrap=True)
        self._rewrites = self._console.is_terminal and not self._console.is_dumb_terminal
        self._open_line = False
        self._silent = False
        self.gone: Callable[[], None] = lambda: None

    @property
    def pace(self) -> float:
        """Seconds between two lines of scans."""
        return REWRITE_SECONDS if self._rewrites else ANEW_SECONDS

    def say(self, text: str, style: str = "") -> None:
        """A line that stays."""
        self._write(Text(shown(text), style), ends=True)

    def step(self, text: str) -> None:
        """What goes on just now."""
        self._write(Text(f"  {shown(text)} …", "dim"), ends=not self._rewrites)

    def live(self, line: Line) -> None:
        if self._rewrites:
            self._write(fitted(line, self._console.width), ends=False)
        else:
            self._write(Text("  ".join([*_scan(line), f"· {_numbers(line)}"])), ends=True)

    def close(self) -> None:
        """Clears the line that would be rewritten next: what follows is somebody else's."""
        if self._open_line and not self._silent:
            with suppress(OSError, ValueError):
                self._console.file.write(_BACK)
                self._console.file.flush()
        self._open_line = False

    def _write(self, text: Text, *, ends: bool) -> None:
        if self._silent:
            return
        try:
            if self._open_line:
                self._console.file.write(_BACK)
            self._console.print(text, end="\n" if ends else "")
            self._console.file.flush()
        except (OSError, ValueError):
            # Closed, a full disk, or a terminal that is gone. Python would complain once more when it ends.
            self._silent = True
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            self.gone()
        self._open_line = not ends


def fitted(line: Line, width: int) -> Text:
    """Columns that keep their places, as many as leave a name room in `width` cells, the terminal's last one empty."""
    columns: tuple[str, ...] = ()
    numbers, room = "", 0
    for columns, numbers in _layouts(line):
        room = width - 1 - len(f"{line.clock}  {'GRANTED':<7}    · {numbers}") - sum(_CELLS[c] + 2 for c in columns)
        if room >= NAME_CELLS[0]:
            break
    text = Text(f"{line.clock}  ", no_wrap=True)
    for column in columns:
        text.append(set_cell_size(getattr(line, column), _CELLS[column]) + "  ")
    text.append(f"{line.verdict:<7}  ", _COLOURS.get(line.verdict, ""))
    text.append(set_cell_size(line.who, max(0, min(room, NAME_CELLS[1]))) + "  ")
    text.append(f"· {numbers}", "dim")
    text.truncate(max(1, width - 1))
    return text


def _layouts(line: Line) -> list[tuple[tuple[str, ...], str]]:
    """From the widest to the narrowest."""
    answers = f"{line.granted:,} granted {line.denied:,} denied{_waiting(line)}"
    return [
        (("school", "door"), _numbers(line)),
        (("door",), _numbers(line)),
        (("door",), f"{line.rate:.1f} scans/s · {_p50(line)} · {answers}"),
        ((), f"{line.rate:.1f} scans/s · {_p50(line)} · {answers}"),
        ((), f"{line.rate:.0f}/s · {_p50(line)} · {answers}"),
        ((), answers),
    ]


def shown(text: str) -> str:
    """Without what could move the cursor."""
    return "".join(char if char.isprintable() else "�" for char in text)


def _scan(line: Line) -> list[str]:
    return [part for part in (line.clock, line.school, line.door, line.verdict, line.who) if part]


def _numbers(line: Line) -> str:
    return (
        f"{line.rate:.1f} scans/s · p50 {_p50(line)} · {line.granted:,} granted {line.denied:,} denied{_waiting(line)}"
        f" · {line.phase}"
    )


def _waiting(line: Line) -> str:
    return f" {line.waiting:,} waiting" if line.waiting > FEW_WAITING else ""


def _p50(line: Line) -> str:
    return "–" if line.p50_ms is None else f"{line.p50_ms:.1f} ms"
