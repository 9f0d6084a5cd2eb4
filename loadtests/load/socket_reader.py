"""A reader on WebSocket: several scans under way, and the same ones again after a cut (docs/readers.md)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import gevent
import msgspec
from gevent.event import Event
from locust import constant_pacing, task

from loadtests.load.book import Book
from loadtests.load.connected import Connected
from loadtests.load.line import Cut, Line
from loadtests.load.rows import SOCKET_DECISION
from loadtests.load.scan import Scan, WrongAnswer, fault_of, new_scan
from loadtests.load.stage import report

LAST_ANSWERS_SECONDS = 4.0  # less than a user is given to stop
LOOK_SECONDS = 0.02
WELCOME_SECONDS = 15.0


class SocketReader(Connected):
    """Times run from the first sending of a scan to its decision, whatever happens to the connection in between."""

    kind = "WS"
    who = "WebSocket"
    subprotocols = ("passhub.v1.json",)

    def on_start(self) -> None:
        self.door = self.stage.take_door()
        self.book = Book(self.stage.options.in_flight)
        self._welcomed = Event()
        self.begin()
        self._welcomed.wait(WELCOME_SECONDS)
        gevent.sleep(self.stage.chance.uniform(0, self._pause()))  # readers do not scan in the same instant

    def on_stop(self) -> None:
        deadline = time.monotonic() + LAST_ANSWERS_SECONDS
        while len(self.book) and time.monotonic() < deadline:
            gevent.sleep(LOOK_SECONDS)
        self.finish()
        for _ in range(len(self.book)):
            self.fault("decision", WrongAnswer("no answer when the run ended"))
        self.stage.give_back(self.door)

    def wait_time(self) -> float:
        return constant_pacing(self._pause())(self)

    @task
    def scan(self) -> None:
        """A few at once; fewer, or none, where too many wait for their answer."""
        options = self.stage.options
        for _ in range(min(options.burst, self.book.room)):
            scan = new_scan(self.door, options.denied_share, time.perf_counter(), self.stage.chance)
            self.book.sent(scan)
            self._send(self.line, scan)

    def address(self) -> str:
        return self.socket_url("/api/v1/readers/connect")

    def headers(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self.door.key}"}

    def hear(self, line: Line, text: str) -> None:
        try:
            self._take(line, msgspec.json.decode(text, type=dict[str, Any]), len(text))
        except (msgspec.MsgspecError, LookupError, TypeError):
            self.fault("frame", WrongAnswer("a frame that cannot be read"))

    def _take(self, line: Line, frame: Mapping[str, Any], length: int) -> None:
        kind = frame.get("type")
        if kind == "decision":
            self._decided(frame, length)
        elif kind == "error":
            self._not_taken(frame)
        elif kind == "welcome":
            self._welcome(line, frame)
        # whatever else comes is not for a reader that only asks

    def _welcome(self, line: Line, frame: Mapping[str, Any]) -> None:
        self.book.hear_limit(frame["limits"]["maxInFlight"])
        self.ready(line)  # from here on new scans are sent at once; what had waited goes first
        for scan in self.book.again():
            self._send(line, scan)
        self._welcomed.set()

    def _decided(self, frame: Mapping[str, Any], length: int) -> None:
        scan = self.book.answered(frame.get("scanId"))
        if scan is None:
            self.fault("decision", WrongAnswer("an answer that nobody waits for"))
            return
        self.stage.kept.note(self.door.school, scan, frame.get("reason"))
        seconds = time.perf_counter() - scan.sent_at
        report(self.environment, self.kind, SOCKET_DECISION, seconds, length=length, fault=fault_of(scan, frame))
        self.comeback.settled()
        self._go_on()

    def _not_taken(self, frame: Mapping[str, Any]) -> None:
        code = str(frame.get("code"))
        self.fault("error frame", WrongAnswer(code))
        if code != "slow_down" or not self.book.put_off(frame.get("scanId")):
            self.book.answered(frame.get("scanId"))
        self._go_on()

    def _go_on(self) -> None:
        waiting = self.book.next_put_off()
        if waiting is not None:
            self._send(self.line, waiting)

    def _send(self, line: Line | None, scan: Scan) -> None:
        """What cannot be sent now is sent again after the next welcome."""
        if line is None:
            return
        frame = {"type": "scan", "scanId": scan.scan_id, "code": scan.code.text}
        try:
            line.send(msgspec.json.encode(frame).decode())
        except Cut:
            return  # whoever reads this line finds out too, and says so once

    def _pause(self) -> float:
        return self.stage.options.burst / self.stage.options.socket_rate
