"""What the users of one run share. Locust makes the users and hands them its environment only, so this hangs on their
classes."""

from __future__ import annotations

import itertools
import random
from collections import deque

from locust.env import Environment

from loadtests.load.kept import Kept
from loadtests.load.options import Options
from loadtests.load.signed_in import SignedIn
from loadtests.load.targets import Door, Targets, Watcher


class Stage:
    """Deals out doors and watchers; `chance` is where all randomness comes from."""

    def __init__(self, options: Options, targets: Targets) -> None:
        self.options = options
        self.chance = random.Random()
        self._free_doors = deque(targets.doors)
        self._doors = itertools.cycle(targets.doors)
        self.kept = Kept()
        self._watchers = itertools.cycle(targets.watchers)
        self._sessions: dict[tuple[str, Watcher], SignedIn] = {}

    def take_door(self) -> Door:
        """For a WebSocket: nobody else gets it until it is given back."""
        return self._free_doors.popleft()

    def give_back(self, door: Door) -> None:
        self._free_doors.append(door)

    def any_door(self) -> Door:
        """For HTTP: in turn."""
        return next(self._doors)

    def any_watcher(self) -> Watcher:
        """In turn: an account may watch on many screens."""
        return next(self._watchers)

    def session(self, host: str, watcher: Watcher) -> SignedIn:
        """The account's, the same for all its screens: what signs in counts against this address."""
        found = self._sessions.get((host, watcher))
        if found is None:
            found = self._sessions[host, watcher] = SignedIn(host, watcher.email, watcher.password)
        return found


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
