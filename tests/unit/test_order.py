"""The order of the files of tests."""

from __future__ import annotations

from pathlib import Path

from tests.order import SECONDS, heaviest_first

ROOT = Path(__file__).resolve().parents[2]


def test_every_file_that_has_a_place_is_there() -> None:
    assert [name for name in SECONDS if not (ROOT / name).is_file()] == []


def test_the_slowest_come_first_and_nothing_else_changes_its_place() -> None:
    slow, slower = sorted(SECONDS, key=lambda name: SECONDS[name])[:: len(SECONDS) - 1]
    files = ["a", slow, "b", "b", slower, slower, "a"]
    assert [files[place] for place in heaviest_first(files)] == [slower, slower, slow, "a", "a", "b", "b"]
    assert heaviest_first(["a", "b", "a", "a"]) == [0, 2, 3, 1]
