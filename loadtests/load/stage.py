"""What the users of one run share. Locust makes the users and hands them its environment only, so this hangs on their
classes."""

from __future__ import annotations

import itertools
import random
from collections import deque

from locust.env import Environment

from loadtests.load.options import Options
from loadtests.load.targets import Door, Targets


class Stage:
    """Deals out doors and tokens; `chance` is where all randomness comes from."""

    def __init__(self, options: Options, targets: Targets) -> None:
        self.options = options
        self.chance = random.Random()
        self._free_doors = deque(targets.doors)
        self._doors = itertools.cycle(targets.doors)
        self._tokens = itertools.cycle(targets.tokens)

    def take_door(self) -> Door:
        """For a WebSocket: nobody else gets it until it is given back."""
        return self._free_doors.popleft()

    def give_back(self, door: Door) -> None:
        self._free_doors.append(door)

    def any_door(self) -> Door:
        """For HTTP: in turn."""
        return next(self._doors)

    def token(self) -> str:
        return next(self._tokens)


def report(
    environment: Environment,
    kind: str,
    name: str,
    seconds: float | None,
    *,
    length: int = 0,
    fault: Exception | None = None,
) -> None:
    """One request as locust counts it; None where there is no time to speak of."""
    environment.events.request.fire(
        request_type=kind,
        name=name,
        response_time=None if seconds is None else seconds * 1000,
        response_length=length,
        exception=fault,
        context={},
    )
