"""How often one reader may ask: a count on its access point, in this worker's memory, for ten seconds at a time.

Far above what people at a door can do; a device that is broken, or whose key somebody has, must not fill the journal
and take the others' time. What is refused was not decided and is not counted. Replays are not counted: what a reader
decided alone has to be kept, however much it is.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from hub.index.directory import AccessPoint

WINDOW_SECONDS = 10.0


class Pace:
    """`rate`: scans a second, in the mean of a window; 0: as many as come. `refused`: how many were."""

    __slots__ = ("_clock", "_most", "rate", "refused")

    def __init__(self, rate: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.rate = rate
        self.refused = 0
        self._most = round(rate * WINDOW_SECONDS)
        self._clock = clock

    def wait(self, point: AccessPoint, scans: int = 1) -> int:
        """0 when they may be asked now, which counts them; else whole seconds until they may be asked again."""
        if not self._most:
            return 0
        now = self._clock()
        if now >= point.window_ends:
            point.window_ends, point.asked = now + WINDOW_SECONDS, 0
        asked = point.asked + scans
        if asked <= self._most:
            point.asked = asked
            return 0
        self.refused += scans
        return max(1, math.ceil(point.window_ends - now))
