"""The demo's line of scans on terminals of every width, with names of every script."""

from __future__ import annotations

import io
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from hub.demo.screen import Line, Screen, fitted, shown

LINE = Line(
    *("08:01:12", "Spreebogen-Kolleg Berlin", "Haupteingang", "GRANTED", "王 欣妍", "morning"),
    *(20.13, 0.81, 1234, 56, 0),
)


@given(width=st.integers(1, 300), who=st.text(max_size=60).map(shown), granted=st.integers(0, 10**9))
def test_it_never_fills_the_last_column(width: int, who: str, granted: int) -> None:
    text = fitted(LINE._replace(who=who, granted=granted), width)
    assert cell_len(text.plain) <= max(1, width - 1)


@pytest.mark.parametrize(
    ("width", "there", "left_out"),
    [
        (160, ["Spreebogen-Kolleg", "Haupteingang", "王 欣妍", "p50 0.8 ms", "1,234 granted 56 denied", "morning"], []),
        (120, ["Haupteingang", "王 欣妍", "20.1 scans/s", "1,234 granted 56 denied"], ["Spreebogen"]),
        (80, ["GRANTED", "王 欣妍", "20/s", "0.8 ms", "1,234 granted 56 denied"], ["Spreebogen", "Haupteingang"]),
    ],
)
def test_a_narrow_terminal_loses_the_school_then_the_door(width: int, there: list[str], left_out: list[str]) -> None:
    plain = fitted(LINE, width).plain
    assert [part for part in there if part not in plain] == []
    assert [part for part in left_out if part in plain] == []


def test_elsewhere_every_line_is_whole_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    output = io.StringIO()
    monkeypatch.setattr(sys, "stdout", output)
    screen = Screen()
    screen.step("starting")
    screen.live(LINE._replace(waiting=7))
    screen.say("a name with \x1b[31m in it")
    screen.close()
    scan = "08:01:12  Spreebogen-Kolleg Berlin  Haupteingang  GRANTED  王 欣妍"
    numbers = "20.1 scans/s · p50 0.8 ms · 1,234 granted 56 denied 7 waiting · morning"
    assert output.getvalue().splitlines() == ["  starting …", f"{scan}  · {numbers}", "a name with �[31m in it"]
