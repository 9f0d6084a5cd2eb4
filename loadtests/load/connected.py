"""A user that keeps a WebSocket open and comes back after a cut: what readers and screens have in common."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import gevent
from locust import User

from loadtests.load.comeback import RESTARTS, STEADY_SECONDS, Comeback
from loadtests.load.line import Cut, Line, Refused
from loadtests.load.scan import WrongAnswer
from loadtests.load.stage import Stage, report


class Connected(User):
    """Subclasses say where (`address`, `headers`, `subprotocols`) and what is done with a text (`hear`)."""

    abstract = True
    stage: Stage
    kind: str  # the type of its requests, as locust lists them
    who: str  # the beginning of their names
    subprotocols: Sequence[str] = ()

    def begin(self) -> None:
        """Connects, in a greenlet of its own, until `finish()`."""
        self.line: Line | None = None  # set while `hear` has found it usable
        self.comeback = Comeback(self.stage.chance)
        self.began = time.perf_counter()  # when the last attempt to connect was
        self._listener = gevent.spawn(self._keep_connected)
        self._listener.link_exception(self._crashed)

    def finish(self) -> None:
        self._listener.kill()

    def address(self) -> str:
        raise NotImplementedError

    def headers(self) -> Mapping[str, str]:
        return {}

    def hear(self, line: Line, text: str) -> None:
        """Raises Cut when the connection is of no use any more."""
        raise NotImplementedError

    def socket_url(self, path: str) -> str:
        """ws:// for http://, and wss:// for https://."""
        return (self.environment.host or "").rstrip("/").replace("http", "ws", 1) + path

    def ready(self, line: Line) -> None:
        """To be called when the other side has said that it listens."""
        self.line = line
        report(self.environment, self.kind, f"{self.who} connect", time.perf_counter() - self.began)

    def fault(self, what: str, error: Exception) -> None:
        report(self.environment, self.kind, f"{self.who} {what}", None, fault=error)

    def _crashed(self, listener: gevent.Greenlet[..., None]) -> None:
        """A fault of this code; locust looks only after the greenlets that are its own."""
        self.fault("crash", WrongAnswer(repr(listener.exception)))

    def _keep_connected(self) -> None:
        while True:
            gevent.sleep(self._one_connection())

    def _one_connection(self) -> float:
        """Until it ends; how long to stay away, in seconds."""
        self.began = time.perf_counter()
        try:
            line = Line(self.address(), self.headers(), self.subprotocols)
        except Refused as refused:
            self.fault("connect", refused)
            return self.comeback.after_refusal(refused.status)
        try:
            while True:
                self.hear(line, line.receive())
        except Cut as cut:
            if cut.code != RESTARTS:  # a hub may be replaced; that is no fault as long as nothing is lost
                self.fault("cut", cut)
            if time.perf_counter() - self.began > STEADY_SECONDS:
                self.comeback.settled()
            return self.comeback.after_close(cut.code)
        finally:
            self.line = None
            line.close()
