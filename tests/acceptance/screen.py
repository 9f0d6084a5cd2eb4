"""A guard's screen that is not ours: npm's own socket.io-client, in a Node process.

    with NodeScreen(hub.port, hub.sign_in(email, password)) as screen:
        screen.wait_connected()
        ...
        screen.wait_ids(expected)
        screen.cut()                      # the connection is gone; it comes back by itself, with its cursor
        screen.wait_connected(2)
        assert sorted(screen.ids) == sorted(expected)      # none twice, none missing

`ids` and `events` are in the order of their arrival. `cursor` is the last that came, to be given to another screen.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from tests.acceptance.node import PATIENCE, Line, NodeScript


class NodeScreen(NodeScript):
    """`reconnect=False`: it stays away once it was disconnected or refused. `origin`: what a browser would send."""

    def __init__(
        self,
        port: int,
        token: str,
        *,
        cursor: str | None = None,
        origin: str | None = None,
        reconnect: bool = True,
    ) -> None:
        self.ids: list[str] = []
        self.events: list[dict[str, Any]] = []
        self.cursor = cursor
        given = {"cursor": cursor, "origin": origin}
        options = {name: value for name, value in given.items() if value is not None}
        url = f"http://127.0.0.1:{port}"
        super().__init__("screen.mjs", json.dumps({"url": url, "token": token, "reconnect": reconnect} | options))

    def cut(self) -> None:
        """Its TCP connection is destroyed, from its side."""
        self.tell(cut=True)

    def deafen(self, seconds: float) -> None:
        """It stays connected and stops reading; returns when it has stopped."""
        before = len(self.lines("deaf"))
        self.tell(deaf=seconds)
        self.wait_lines("deaf", before + 1)

    def wait_connected(self, times: int = 1, seconds: float = PATIENCE) -> Line:
        """Until it was connected so many times, the first one included."""
        return self.wait_lines("connected", times, seconds)

    def wait_ids(self, expected: Iterable[str], seconds: float = PATIENCE) -> None:
        """Until each of these has come."""
        wanted = set(expected)
        self.wait(lambda: wanted <= set(self.ids), f"{len(wanted)} ids", seconds)

    def missing(self, expected: Iterable[str]) -> set[str]:
        """Those that have not come."""
        return set(expected) - set(self.ids)

    def noted(self, line: Line) -> None:
        if line["what"] == "events":
            self.ids += line["ids"]
            self.events += line["events"]
        if line["what"] in {"events", "reset"}:
            self.cursor = line["cursor"]
