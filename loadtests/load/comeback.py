"""How long a reader or a screen stays away after its connection ended (docs/readers.md, chapters 3 and 8)."""

from __future__ import annotations

import random

FIRST_SECONDS, LONGEST_SECONDS = 0.25, 15.0
RESTART_SECONDS = 0.5
FAULT_SECONDS = 60.0
REFUSED_SECONDS = 300.0
STEADY_SECONDS = 5.0

RESTARTS = 1012
OUR_FAULT = frozenset({1002, 1007, 1008, 1009})
NOT_WANTED = frozenset({4001, 4002})


class Comeback:
    """Waits in seconds, each attempt longer than the one before; `settled()` begins anew."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._attempt = 0
        self._restart_seen = False

    def settled(self) -> None:
        """A scan was answered, or the connection has lasted STEADY_SECONDS."""
        self._attempt = 0
        self._restart_seen = False

    def after_close(self, code: int | None) -> float:
        """`code` None: the line was cut without a word."""
        if code in OUR_FAULT:
            return FAULT_SECONDS
        if code in NOT_WANTED:
            return REFUSED_SECONDS
        if code == RESTARTS and not self._restart_seen:
            self._restart_seen = True
            return self._chance.uniform(0, RESTART_SECONDS)
        return self._next()

    def after_refusal(self, status: int | None) -> float:
        """The handshake was answered with `status`; None: it was not answered."""
        if status == 401:
            return REFUSED_SECONDS
        if status in {400, 404, 405}:
            return FAULT_SECONDS
        return self._next()

    def _next(self) -> float:
        wait = min(LONGEST_SECONDS, FIRST_SECONDS * 2.0 ** min(self._attempt, 16))
        self._attempt += 1
        return wait * self._chance.uniform(0.5, 1.0)
