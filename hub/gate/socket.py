"""The door for readers that stay connected: WebSocket /api/v1/readers/connect.

Subprotocol `passhub.v1.json` (text) or `passhub.v1.msgpack` (binary); none offered means JSON. What is said over a
connection is in hub/gate/reader.py.
"""

from __future__ import annotations

from uuid import UUID

from aiohttp import web

from hub.config import Settings
from hub.errors import BadRequest
from hub.gate.codec import CODECS, JSON, MSGPACK
from hub.gate.connections import CLOSE_KEY_GONE, Connections
from hub.gate.desk import Desk
from hub.gate.http import HttpDoor
from hub.gate.reader import ReaderConnection
from hub.gate.straight import StraightWebSocket
from hub.gate.tickets import Tickets, Visit, offered_protocols, presented_ticket
from hub.index.directory import AccessPoint
from hub.telemetry import Family, Histogram, counters, gauge


class SocketDoor:
    """Accepts readers and counts what they do."""

    def __init__(
        self, settings: Settings, desk: Desk, door: HttpDoor, connections: Connections, tickets: Tickets
    ) -> None:
        self.settings = settings
        self.desk = desk
        self._door = door
        self._tickets = tickets
        self.pace = door.pace
        self.connections = connections
        tickets.sessions.on_ended(self._session_changed)
        tickets.sessions.on_changed(self._session_changed)
        self.retiring = False
        self.messages = 0
        self.malformed = 0
        self.invalid = 0
        self.slow_down = 0
        self.answer_seconds = Histogram((0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0))

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/api/v1/readers/connect", self.connect)]

    async def connect(self, request: web.Request) -> web.StreamResponse:
        """A reader's connection, from the handshake to its end."""
        point, key_hash, visit = await self._who(request)
        offered = offered_protocols(request)
        if offered and not set(offered) & set(CODECS):
            raise BadRequest(f"none of the offered subprotocols is spoken here; offer {JSON} or {MSGPACK}")
        # aiohttp refuses what reaches its limit, not what passes it.
        limit = self.settings.reader_max_frame + 1
        socket = StraightWebSocket(protocols=(MSGPACK, JSON), autoping=False, compress=False, max_msg_size=limit)
        if not socket.can_prepare(request).ok:
            raise BadRequest("this address is a WebSocket: connect with Upgrade: websocket")
        await socket.prepare(request)
        connection = ReaderConnection(self, request, socket, point, key_hash, visit)
        self.connections.add(connection)
        if not self.holds(connection):
            connection.close(CLOSE_KEY_GONE, connection.over)
        try:
            await connection.run()
        finally:
            self.connections.discard(connection)
            connection.end()
        return socket

    async def _who(self, request: web.Request) -> tuple[AccessPoint, bytes, Visit | None]:
        """The door, and by a device's key or by a person's ticket."""
        ticket = presented_ticket(request)
        if ticket is None:
            return *self._door.device(request), None
        point, visit = await self._tickets.use(request, ticket)
        return point, b"", visit

    def holds(self, connection: ReaderConnection) -> bool:
        """Whether what it came with is good still: a key may be revoked during a handshake, or run out."""
        if connection.visit is not None:
            return self._tickets.hold(connection.visit, connection.point)
        return self._door.point_of(connection.key_hash) is not None

    def _session_changed(self, session: UUID) -> None:
        """It ended, or its holder may do something else than before."""
        for connection in self.connections.of_session(session):
            if connection.visit is not None and not self._tickets.hold(connection.visit, connection.point):
                connection.close(CLOSE_KEY_GONE, connection.over)

    def families(self) -> list[Family]:
        return [
            gauge("hub_readers_connected", "Readers connected by WebSocket", len(self.connections)),
            counters(
                "hub_reader_frames_total",
                "Frames of readers, by what they were",
                "kind",
                {
                    "accepted": self.messages,
                    "malformed": self.malformed,
                    "invalid_scan": self.invalid,
                    "slow_down": self.slow_down,
                },
            ),
            self.answer_seconds.family(
                "hub_answer_seconds", "From a scan's frame to its answer, the journal included; of one in 16"
            ),
        ]
