"""One screen: the end of a connection that frames are written to, and how far it is where it is not in step."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from uuid import UUID

from hub.live.frames import CLOSE_SLOW, close_frame

#: How long a screen that was disconnected has to read what was written to it, the reason last.
LINGER_SECONDS = 20.0


class Screen:
    """`own`: recorder → number of the next event for this screen, where that is not the stream's own position: it is
    catching up, or was further on a moment ago on another worker. `session`: whose sign-in it lives by."""

    __slots__ = ("_limit", "_on_closed", "_transport", "closed", "name", "own", "session")

    def __init__(
        self,
        name: str,
        transport: asyncio.Transport,
        limit: int,
        session: UUID | None,
        on_closed: Callable[[int], None],
    ) -> None:
        self.name = name
        self.own: dict[bytes, int] = {}
        self.session = session
        self.closed = False
        self._transport = transport
        self._limit = limit
        self._on_closed = on_closed

    @property
    def waiting(self) -> int:
        """Bytes written that the other end has not taken."""
        return self._transport.get_write_buffer_size()

    @property
    def has_room(self) -> bool:
        return self.waiting < self._limit // 4

    def write(self, frame: bytes) -> None:
        """Never waits. A screen that lets too much pile up is disconnected, and told why."""
        transport = self._transport
        if self.closed or transport.is_closing():
            return
        if transport.get_write_buffer_size() + len(frame) > self._limit and transport.get_write_buffer_size():
            self.close(CLOSE_SLOW, "this screen does not keep up; connect again with the last cursor")
            return
        transport.write(frame)

    def close(self, code: int, reason: str) -> None:
        """A close frame and the end of the connection, gently: a reset would take the reason from it unread."""
        if self.closed:
            return
        self.closed = True
        self._on_closed(code)
        if not self._transport.is_closing():
            self._transport.write(close_frame(code, reason))
            self._transport.close()
            asyncio.get_running_loop().call_later(LINGER_SECONDS, self._transport.abort)
