"""How often one reader may ask."""

from __future__ import annotations

from hub.gate.pace import Pace
from hub.index.directory import AccessPoint


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def door() -> AccessPoint:
    return AccessPoint(bytes(16), "door")


def test_a_window_begins_with_the_first_scan_and_ends_ten_seconds_later() -> None:
    clock, one, other = Clock(), door(), door()
    pace = Pace(2, clock)
    assert [pace.wait(one) for _ in range(20)] == [0] * 20
    clock.now += 3.5
    assert (pace.wait(one), pace.wait(other)) == (7, 0)
    clock.now += 6.4
    assert pace.wait(one) == 1
    clock.now += 0.1
    assert pace.wait(one) == 0
    assert pace.refused == 2


def test_scans_that_come_together_are_taken_or_refused_together_and_the_refused_are_not_counted() -> None:
    pace, one = Pace(1, Clock()), door()
    assert pace.wait(one, 8) == 0
    assert pace.wait(one, 3) == 10
    assert pace.wait(one, 2) == 0
    assert pace.wait(one) == 10


def test_zero_is_no_limit() -> None:
    pace, one = Pace(0), door()
    assert pace.wait(one, 10**9) == 0
    assert one.asked == 0
