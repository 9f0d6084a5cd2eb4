"""`acknowledged`: somebody has seen to a scan or to a door, told to every screen of the school on every worker.

It comes by the change feed: an acknowledgement is a row of PostgreSQL and nothing else, and the feed already tells
every worker of every host of each committed row, with Redis away too, and again after a cut. What is told twice then
has the same id. It is no part of the cursor: a screen that joins reads GET /hand-over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from uuid import UUID

import msgspec

from hub.domain.clock import micros, moment_text
from hub.domain.ids import id_text
from hub.live.events import EventPoint
from hub.live.frames import acknowledged_frame
from hub.live.sources import queries
from hub.store.pg import Connection, Record

_encode = msgspec.json.Encoder().encode


class AcknowledgedBy(msgspec.Struct):
    """`name` is that of the moment."""

    id: str
    name: str


class Acknowledged(msgspec.Struct):
    """One acknowledgement: of a scan or, where `scanId` is null, of a door."""

    id: str
    at: str
    scanId: str | None
    accessPoint: EventPoint
    note: str | None
    by: AcknowledgedBy


class AcknowledgedBatch(msgspec.Struct):
    """`acknowledged`. The same may come again after a cut; its id tells."""

    acknowledgements: list[Acknowledged]


class Acknowledgements:
    """hub.index.feed.Follower. `send(school, frame)`: to the school's screens here; set by who has them."""

    kinds = ("acknowledgement",)

    def __init__(self) -> None:
        self.send: Callable[[bytes, bytes], None] = lambda school, frame: None

    async def load(self, connection: Connection) -> None:
        """Nothing is kept: who joins reads what is open."""

    async def reread(self, connection: Connection, kind: str, ids: Iterable[bytes]) -> None:
        """New ones, as they are."""
        by_school: dict[UUID, list[Acknowledged]] = {}
        for row in await connection.fetch(queries["acknowledgements"], [UUID(bytes=id_) for id_ in ids]):
            by_school.setdefault(row["school_id"], []).append(_acknowledged(row))
        for school, found in by_school.items():
            self.send(school.bytes, acknowledged_frame(_encode(AcknowledgedBatch(found))))


def _acknowledged(row: Record) -> Acknowledged:
    scan_id = row["scan_id"]
    return Acknowledged(
        id_text(row["id"].bytes),
        moment_text(micros(row["created_at"])),
        None if scan_id is None else id_text(scan_id.bytes),
        EventPoint(id_text(row["access_point_id"].bytes), row["access_point"]),
        row["note"],
        AcknowledgedBy(id_text(row["user_id"].bytes), row["user_name"]),
    )
