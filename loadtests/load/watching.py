"""What one screen has seen: its cursor, the delay of each event, doubles, and what is missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

REMEMBERED = 100_000


class BadEvents(Exception):
    """What came as `events` is none."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """`delay` in seconds from the scan to its arrival, None where it says nothing: a scan that was replayed to the hub.

    `caught_up`: it happened before this connection was made. `double`: it had arrived before.
    """

    delay: float | None
    caught_up: bool
    double: bool


class Watch:
    """Times are seconds since 1970 by this machine's clock; the delays mean as much as the hub's agrees with it."""

    def __init__(self) -> None:
        self.cursor: str | None = None
        self._joined_at = 0.0
        self._seen: dict[str, None] = {}  # in the order of arrival; the oldest are forgotten
        self.forgot_any = False

    def joined(self, now: float) -> None:
        self._joined_at = now

    def missing(self, idents: Iterable[str]) -> set[str]:
        """Those that have not arrived; none, when too much has arrived to remember all of it."""
        return set() if self.forgot_any else {ident for ident in idents if ident not in self._seen}

    def reset(self, data: object) -> None:
        """The hub cannot say what was missed: from its cursor on, if it gives one."""
        found = data.get("cursor") if isinstance(data, Mapping) else None
        self.cursor = found if isinstance(found, str) else None

    def take(self, data: object, now: float) -> list[Arrival]:
        """One `events`. Raises BadEvents when it has not the form that was agreed on."""
        if not isinstance(data, Mapping) or not isinstance(data.get("events"), list):
            raise BadEvents("events without a list")
        arrivals = [self._arrival(event, now) for event in data["events"]]
        cursor = data.get("cursor")
        if not isinstance(cursor, str):
            raise BadEvents("events without a cursor")
        self.cursor = cursor
        return arrivals

    def _arrival(self, event: Mapping[str, Any], now: float) -> Arrival:
        try:
            ident, at = str(event["id"]), datetime.fromisoformat(event["at"]).timestamp()
        except (KeyError, TypeError, ValueError) as error:
            raise BadEvents("an event without id or at") from error
        double = ident in self._seen
        self._seen[ident] = None
        if len(self._seen) > REMEMBERED:
            del self._seen[next(iter(self._seen))]
            self.forgot_any = True
        delay = None if event.get("offline") else max(0.0, now - at)
        return Arrival(delay, at < self._joined_at, double)
