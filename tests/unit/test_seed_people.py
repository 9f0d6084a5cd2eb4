"""The simulated school day: repeatable, at the rate that was asked for, and nobody is in two places."""

from __future__ import annotations

from collections import Counter
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.demo.people import DAY_SECONDS, PHASES, Crowd, Day, choose_doors, crowds
from hub.demo.result import AccessPoint, Code, Codes, SeedResult

DOORS = ["both", "entry", "both", "exit"]
DENIED = ["old card", "lost card", "https://menu.example"]


def crowd(school: str, people: int) -> Crowd:
    return Crowd(DOORS, [f"{school} {n}" for n in range(people)], DENIED)


def two_schools(people: int = 300) -> dict[str, Crowd]:
    return {"SBK": crowd("SBK", people), "HHC": crowd("HHC", people // 2)}


@given(rate=st.floats(0.01, 5_000), seed=st.integers(), people=st.integers(2, 60), doors=st.permutations(DOORS))
@settings(max_examples=60)
def test_every_event_is_possible(rate: float, seed: int, people: int, doors: list[str]) -> None:
    schools = {"A": Crowd(doors, [f"A {n}" for n in range(people)], DENIED), "B": Crowd(["both"], ["B 0"], [])}
    inside: set[str] = set()
    for event in islice(Day(schools, rate, seed), 400):
        assert event.delay_s >= 0
        assert schools[event.school_code].access_types[event.access_point] in (event.direction, "both")
        if event.code in DENIED:
            continue
        assert event.code in schools[event.school_code].codes
        assert (event.code in inside) == (event.direction == "exit")
        (inside.remove if event.direction == "exit" else inside.add)(event.code)


@given(rate=st.floats(5, 200), seed=st.integers())
@settings(max_examples=10, deadline=None)
def test_the_rate_of_a_whole_day_is_the_one_asked_for(rate: float, seed: int) -> None:
    clock, events = 0.0, 0
    for event in Day(two_schools(), rate, seed):
        clock += event.delay_s
        if clock > DAY_SECONDS:
            break
        events += 1
    assert events / DAY_SECONDS == pytest.approx(rate, rel=0.25)


def test_the_same_seed_gives_the_same_day() -> None:
    days = [list(islice(Day(two_schools(), 20, seed), 500)) for seed in (7, 7, 8)]
    assert days[0] == days[1]
    assert days[0] != days[2]


def test_people_come_in_the_morning_and_go_home_at_the_end() -> None:
    clock = 0.0
    entries: dict[str, Counter[str]] = {phase.name: Counter() for phase in PHASES}
    day = Day(two_schools(20_000), 20, 1)
    for event in day:
        clock += event.delay_s
        if clock > DAY_SECONDS:
            break
        entries[day.phase(clock).name][event.direction] += 1
    assert entries["morning"]["entry"] > 10 * entries["morning"]["exit"]
    assert entries["home"]["exit"] > 5 * entries["home"]["entry"]


def test_a_few_codes_are_denied_and_all_kinds_are_seen() -> None:
    seen = Counter(event.code for event in islice(Day(two_schools(), 20, 3), 10_000))
    assert all(seen[code] > 0 for code in DENIED)
    assert 0.02 < sum(seen[code] for code in DENIED) / 10_000 < 0.10


def test_the_parts_and_paces_of_a_day_add_up() -> None:
    assert sum(phase.part for phase in PHASES) == pytest.approx(1)
    assert sum(phase.part * phase.pace for phase in PHASES) == pytest.approx(1)


@pytest.mark.parametrize(
    ("schools", "rate", "match"),
    [
        ({"A": crowd("A", 3)}, 0, "above 0"),
        ({"A": crowd("A", 3)}, float("nan"), "above 0"),
        ({}, 1, "needs a school"),
        ({"A": crowd("A", 0)}, 1, "school A needs"),
        ({"A": Crowd(["entry"], ["code"], [])}, 1, "school A needs"),
    ],
)
def test_an_impossible_day_is_refused(schools: dict[str, Crowd], rate: float, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        Day(schools, rate)


def test_readers_are_spread_over_both_schools_main_gates_first() -> None:
    points = [
        AccessPoint(f"{school} {n}", f"door {n}", school, "phk_x", kind)
        for school in ("HHC", "SBK")
        for n, kind in enumerate(DOORS)
    ]
    denied = [Code("old", "HHC", reason="expired_pass"), Code("lost", "SBK", reason="revoked_pass")]
    result = SeedResult(True, [], points, Codes([], denied), {"HHC": ["h"], "SBK": ["s"]})
    doors = choose_doors(result, 3)
    assert [door.id for door in doors] == ["HHC 0", "SBK 0", "HHC 1"]
    assert crowds(result, doors) == {
        "HHC": Crowd(["both", "entry"], ["h"], ["old"]),
        "SBK": Crowd(["both"], ["s"], ["lost"]),
    }
    assert len(choose_doors(result, 99)) == 8
    assert choose_doors(result, 0) == []
