"""`stats`: how the doors of a school are, once a second."""

from __future__ import annotations

import time

import msgspec

from hub.domain.clock import moment_text
from hub.index.directory import Directory
from hub.index.feed import Feed
from hub.live.stream import Stream
from hub.live.tally import WINDOW_SECONDS, Counts
from hub.recorder.client import RecorderClient

#: A host that has not said who is connected to it for as long as this is taken to be gone.
PRESENT_SECONDS = 3.5
_encode = msgspec.json.Encoder().encode
_NONE = Counts()


class DoorStats(msgspec.Struct):
    """One access point. `granted` and `denied` count `windowSeconds`, `perMinute` the last minute; `reader` is online
    while it has a connection that stays open to any host, `since` then: readers that ask by HTTP have none."""

    id: str
    name: str
    perMinute: int
    granted: int
    denied: int
    reader: str
    since: str | None
    lastScanAt: str | None


class FeedStats(msgspec.Struct):
    """How old what this worker knows of the database may be."""

    ageSeconds: float
    stale: bool


class JournalStats(msgspec.Struct):
    """Scans of this host that are not in PostgreSQL yet; `healthy` is false while scans cannot be kept."""

    waiting: int
    oldestSeconds: float
    healthy: bool


class LiveStats(msgspec.Struct):
    at: str
    windowSeconds: int
    accessPoints: list[DoorStats]
    feed: FeedStats
    journal: JournalStats


class Stats:
    """Of this worker, for any school."""

    def __init__(self, directory: Directory, feed: Feed, recorder: RecorderClient) -> None:
        self._directory = directory
        self._feed = feed
        self._recorder = recorder

    def text(self, stream: Stream) -> bytes:
        """The JSON of one school."""
        state = self._recorder.state
        age = time.monotonic() - self._feed.last_heartbeat
        body = LiveStats(
            moment_text(time.time_ns() // 1000),
            WINDOW_SECONDS,
            self._doors(stream),
            FeedStats(round(age, 3), self._feed.stale_since is not None),
            JournalStats(state.depth, round(state.oldest, 3), self._recorder.healthy),
        )
        return _encode(body)

    def _doors(self, stream: Stream) -> list[DoorStats]:
        online: dict[bytes, int] = {}
        for at, devices in stream.present.values():
            if time.monotonic() - at < PRESENT_SECONDS:
                online.update(devices)
        counts, last = stream.tally.counts(), stream.tally.last
        doors = []
        for point in self._directory.points.values():
            if point.school_id == stream.school and point.active:
                counted, since, scanned = counts.get(point.id, _NONE), online.get(point.id), last.get(point.id)
                doors.append(
                    DoorStats(
                        point.id_text,
                        point.name,
                        counted.per_minute,
                        counted.granted,
                        counted.denied,
                        "offline" if since is None else "online",
                        None if since is None else moment_text(since),
                        None if scanned is None else moment_text(int(scanned * 1e6)),
                    )
                )
        return sorted(doors, key=lambda door: door.name)
