"""A process beside this one that is lost in the middle of a task, and what becomes of the task."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from hub.config import load_settings
from hub.control.hand import Hand, HandLost
from hub.errors import StoreUnavailable
from hub.issuing.badges import presses
from hub.issuing.badges.badge import Badge

#: It reads to the end of its input before it says anything.
SILENT = "json.tool"
BADGE = Badge(school="s", name="n", number="1", first_day="2026-09-01", last_day="2027-08-31", code="SP1:A")


class Word(msgspec.Struct):
    said: str = ""


@pytest.mark.parametrize("module", [SILENT, "hub.no_such_module"])
async def test_one_that_ends_or_says_nothing_is_lost(module: str) -> None:
    hand = Hand(module, Word, patience=0.1)
    try:
        with pytest.raises(HandLost):
            await hand.do(Word())
    finally:
        await hand.close()


#: An answer of two gigabytes, which it goes on with.
TALKATIVE = """
import sys, time
while True:
    sys.stdout.buffer.write(b"\\x7f" * 65_536)
    time.sleep(0.001)
"""


async def test_one_that_is_lost_in_the_middle_of_an_answer_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it had written is in the pipe, and nobody reads it any more."""
    (tmp_path / "talkative.py").write_text(TALKATIVE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    hand = Hand("talkative", Word, patience=0.2)
    for _ in range(3):
        with pytest.raises(HandLost):
            await hand.do(Word())


async def test_a_job_does_not_wait_for_ever_for_badges_that_are_never_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """StoreUnavailable would be tried again for as long as it takes; a request is told that."""
    monkeypatch.setattr(presses, "PATIENCE", 0.0)
    some = presses.Presses(load_settings(secret_key="A" * 43), 1)
    try:
        with pytest.raises(HandLost):
            await some.make_ready([BADGE])
        with pytest.raises(HandLost):
            await some.pages([BADGE], "a4")
        with pytest.raises(StoreUnavailable):
            await some.card(BADGE)
    finally:
        await some.close()
