"""People at the doors: an endless school day, pure and repeatable, for the demo's simulated readers.

A day takes ten minutes: at eight everybody comes in, in the groups that a bus or a train brings; then quiet lessons, a
lunch with much coming and going, a quieter afternoon, and the way home. Each person enters before leaving and leaves
before entering again. Now and then a code is presented that must be denied, some of them twice.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from hub.demo.result import AccessPoint, SeedResult

DAY_SECONDS = 600.0
DENIED_SHARE = 0.04
SECOND_TRY = 0.4
WITHIN_GROUP_SECONDS = 0.4
DIRECTIONS = ("entry", "exit")


class Phase(NamedTuple):
    """`part` of the day, `pace` relative to the mean, share of people who `enter`, mean size of a `group`.

    Parts add up to 1, and so does the sum of part times pace: the mean pace is the rate that was asked for.
    """

    name: str
    part: float
    pace: float
    enter: float
    group: float


PHASES = (
    Phase("morning", 0.25, 1.6, 0.97, 4.0),
    Phase("lessons", 0.20, 0.5, 0.50, 1.2),
    Phase("lunch", 0.20, 1.1, 0.50, 2.5),
    Phase("afternoon", 0.15, 0.6, 0.45, 1.2),
    Phase("home", 0.20, 0.95, 0.06, 3.0),
)


class Event(NamedTuple):
    """`delay_s` after the event before, at access point number `access_point` of the school."""

    delay_s: float
    school_code: str
    access_point: int
    code: str
    direction: str


class Crowd(NamedTuple):
    """One school: the access types of its doors in order, the codes that open them, and codes that are denied there."""

    access_types: Sequence[str]
    codes: Sequence[str]
    denied: Sequence[str]


def choose_doors(result: SeedResult, readers: int) -> list[AccessPoint]:
    """The doors of up to `readers` simulated readers: each school's main gate, then its next doors in turn."""
    places: dict[str, int] = {}
    ranked = []
    for point in result.access_points:
        rank = places[point.school_code] = places.get(point.school_code, -1) + 1
        ranked.append((rank, point.school_code, point))
    return [point for _, _, point in sorted(ranked, key=lambda entry: entry[:2])[:readers]]


def crowds(result: SeedResult, doors: Sequence[AccessPoint]) -> dict[str, Crowd]:
    """A crowd for each school that has one of `doors`; an event's access point counts within the school's doors."""
    return {
        school: Crowd(
            [door.access_type for door in doors if door.school_code == school],
            result.crowd[school],
            [code.qr_code for code in result.codes.denied if code.school_code == school],
        )
        for school in dict.fromkeys(door.school_code for door in doors)
    }


class Day:
    """An endless iterator of events, about `rate` a second over a whole day; the same for the same arguments.

    Raises ValueError when the rate is not positive, or a school has no door to enter or leave by, or no code.
    """

    def __init__(self, schools: Mapping[str, Crowd], rate: float, seed: int = 0) -> None:
        if not rate > 0:
            raise ValueError("a rate is above 0")
        self._rate = rate
        self._rng = random.Random(seed)
        self._schools = [_Campus(code, crowd) for code, crowd in schools.items()]
        if not self._schools:
            raise ValueError("a day needs a school")
        self._sizes = [len(crowd.codes) for crowd in schools.values()]
        self._clock = 0.0

    def __iter__(self) -> Iterator[Event]:
        while True:
            yield from self._group()

    def phase(self, clock: float) -> Phase:
        """What is going on `clock` seconds after the day's start."""
        left = clock % DAY_SECONDS / DAY_SECONDS
        for phase in PHASES:
            if left < phase.part:
                return phase
            left -= phase.part
        return PHASES[-1]

    def _group(self) -> Iterator[Event]:
        """Some who arrive together at one door, then the pause that keeps the pace."""
        phase = self.phase(self._clock)
        size = 1 + int(self._rng.expovariate(1 / phase.group)) if phase.group > 1.5 else 1
        campus = self._rng.choices(self._schools, self._sizes)[0]
        entering = self._rng.random() < phase.enter
        seconds = size / (self._rate * phase.pace)
        delays = self._delays(size, seconds)
        for delay in delays:
            self._clock += delay
            yield campus.step(self._rng, delay, entering)

    def _delays(self, size: int, seconds: float) -> list[float]:
        """`size` delays that last `seconds` in the mean: the pause before the group, then one close behind another."""
        close = min(WITHIN_GROUP_SECONDS, 0.5 * seconds / size)
        pause = self._rng.expovariate(1 / (seconds - close * (size - 1)))
        return [pause, *(self._rng.uniform(0, 2 * close) for _ in range(size - 1))]


class _Campus:
    """Who is inside and who is not; a wrong code that was denied may be tried again at once."""

    def __init__(self, code: str, crowd: Crowd) -> None:
        self._code = code
        self._doors = {
            direction: [n for n, kind in enumerate(crowd.access_types) if kind in (direction, "both")]
            for direction in DIRECTIONS
        }
        if not crowd.codes or not all(self._doors.values()):
            raise ValueError(f"school {code} needs a code, a door to enter by and one to leave by")
        self._outside = list(crowd.codes)
        self._inside: list[str] = []
        self._denied = crowd.denied
        self._again: tuple[int, str, str] | None = None

    def step(self, rng: random.Random, delay: float, entering: bool) -> Event:
        if self._again is not None:
            door, code, direction = self._again
            self._again = None
            return Event(delay, self._code, door, code, direction)
        direction = "entry" if (entering and self._outside) or not self._inside else "exit"
        door = self._door(rng, direction)
        if self._denied and rng.random() < DENIED_SHARE:
            code = rng.choice(self._denied)
            if rng.random() < SECOND_TRY:
                self._again = (door, code, direction)
            return Event(delay, self._code, door, code, direction)
        here, there = (self._outside, self._inside) if direction == "entry" else (self._inside, self._outside)
        code = _take(rng, here)
        there.append(code)
        return Event(delay, self._code, door, code, direction)

    def _door(self, rng: random.Random, direction: str) -> int:
        """The first door, the main gate, is used most."""
        doors = self._doors[direction]
        return doors[0] if rng.random() < 0.4 else rng.choice(doors)


def _take(rng: random.Random, people: list[str]) -> str:
    """Somebody at random, removed from the list in constant time."""
    position = rng.randrange(len(people))
    people[position], people[-1] = people[-1], people[position]
    return people.pop()
