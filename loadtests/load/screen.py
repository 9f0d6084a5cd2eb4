"""A screen: signs in, watches its school on Socket.IO, comes back with its cursor, and notes how late each event is."""

from __future__ import annotations

import time
from contextlib import suppress

import gevent
from locust import constant, task

from loadtests.load.connected import Connected
from loadtests.load.line import Cut, Line
from loadtests.load.packets import PATH, PONG, BadPacket, Ended, Event, Joined, Opened, Ping, Refused, join, parse
from loadtests.load.rows import EVENT_DELAY
from loadtests.load.scan import WrongAnswer
from loadtests.load.signed_in import NotSignedIn
from loadtests.load.stage import report
from loadtests.load.watching import BadEvents, Watch

LAST_EVENTS_SECONDS = 3.0  # less than a user is given to stop
LOOK_SECONDS = 0.02


class Screen(Connected):
    """An event's time runs from the scan, by the hub's clock, to its arrival by this machine's."""

    kind = "LIVE"
    who = "screen"
    wait_time = constant(1)

    def on_start(self) -> None:
        self.watcher = self.stage.any_watcher()
        self.session = self.stage.session(self.environment.host or "", self.watcher)
        self.token = ""
        self.renewed = False  # on this connection
        self.watch = Watch()
        with suppress(NotSignedIn):  # if it cannot be now, that is a fault of each try to connect
            self.token = self.session.token()
        self.in_step: float | None = None  # since when it must miss nothing, by the clock of the scans
        self.begin()

    def on_stop(self) -> None:
        deadline = time.monotonic() + LAST_EVENTS_SECONDS
        expected = self._expected()
        while (missing := self.watch.missing(expected)) and time.monotonic() < deadline:
            gevent.sleep(LOOK_SECONDS)
        self.finish()
        for _ in missing:
            self.fault("missed", WrongAnswer("a scan that was answered and never shown"))

    @task
    def look(self) -> None:
        """All that a screen does happens when something arrives."""

    def address(self) -> str:
        return self.socket_url(PATH)

    def hear(self, line: Line, text: str) -> None:
        try:
            packet = parse(text)
        except BadPacket as error:
            self.fault("packet", error)
            return
        if isinstance(packet, Event):
            self._event(packet, len(text))
        elif isinstance(packet, Ping):
            line.send(PONG)
        elif isinstance(packet, Opened):
            self.renewed = False
            self._join(line)
        elif isinstance(packet, Joined):
            self.watch.joined(time.time())
            self.ready(line)
        elif isinstance(packet, Refused):
            self._refused(line, packet)
        elif isinstance(packet, Ended):
            raise Cut(None, "thrown out")

    def _join(self, line: Line, refused: str | None = None) -> None:
        try:
            self.token = self.session.token(refused)
        except NotSignedIn as error:
            raise Cut(None, str(error)) from error
        line.send(join(self.token, self.watch.cursor))

    def _refused(self, line: Line, refusal: Refused) -> None:
        """An access token lives for a quarter of an hour, and a screen longer: once, with another one."""
        if refusal.code != "unauthorized" or self.renewed:
            raise Cut(None, f"not let in: {refusal.message}")
        self.renewed = True
        self._join(line, self.token)

    def _expected(self) -> list[str]:
        """The scans of its school that were answered so far, and sent after it had its first cursor."""
        if self.in_step is None or self.watcher.school is None:
            return []
        return list(self.stage.kept.sent_after(self.watcher.school, self.in_step))

    def _event(self, event: Event, length: int) -> None:
        if event.name == "events":
            self._arrived(event.data, length)
            self.in_step = self.in_step or time.perf_counter()
        elif event.name == "reset":
            self.watch.reset(event.data)
            self.in_step = time.perf_counter()
            self.fault("reset", WrongAnswer("told to begin anew: it had missed too much"))

    def _arrived(self, data: object, length: int) -> None:
        try:
            arrivals = self.watch.take(data, time.time())
        except BadEvents as error:
            self.fault("packet", error)
            return
        for arrival in arrivals:
            if arrival.double:
                self.fault("double", WrongAnswer("an event that had arrived before"))
            else:
                name = "screen event, caught up" if arrival.caught_up else EVENT_DELAY
                report(self.environment, self.kind, name, arrival.delay, length=length // len(arrivals))
        if arrivals:
            self.comeback.settled()
