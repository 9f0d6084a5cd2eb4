"""`stats`: how the doors of a school are, once a second."""

from __future__ import annotations

import time

import msgspec
from msgspec import UNSET, UnsetType

from hub.domain.clock import moment_text
from hub.index.directory import Directory
from hub.index.feed import Feed
from hub.live.stream import Stream
from hub.live.tally import SERIES_MINUTES, WINDOW_SECONDS, Counts
from hub.recorder.client import RecorderClient
from hub.recorder.wire import ReaderState

#: A host that has not said who is connected to it for as long as this is taken to be gone.
PRESENT_SECONDS = 3.5
_encode = msgspec.json.Encoder().encode
_NONE = Counts()
_UNHEARD = ReaderState(0)


class TodayStats(msgspec.Struct):
    """Since the school's midnight."""

    granted: int
    denied: int


class DoorStats(msgspec.Struct):
    """One access point.

    `granted` and `denied` count `windowSeconds`, `perMinute` the last minute, `today` the school's day (null until the
    log was asked). `reader` is online while it has a connection that stays open to any host, and silent when nothing
    has been heard over that connection for longer than there should; readers that ask by HTTP have none. `since`: it
    is so since then; null when it was never there. What the reader said of itself at `saidAt`: `skewMs`, hub minus
    reader; `firmware`; `queued`, scans that it has yet to replay. `series`: scans of each of the last thirty minutes,
    the one that runs last; on joining, and when it is known better.
    """

    id: str
    name: str
    perMinute: int
    granted: int
    denied: int
    today: TodayStats | None
    reader: str
    since: str | None
    lastScanAt: str | None
    saidAt: str | None
    skewMs: int | None
    firmware: str | None
    queued: int | None
    series: list[int] | UnsetType = UNSET


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
    """Of this worker, for any school. `ping`: how often a reader is heard that is as it should be, in seconds."""

    def __init__(self, directory: Directory, feed: Feed, recorder: RecorderClient, ping: float) -> None:
        self._directory = directory
        self._feed = feed
        self._recorder = recorder
        #: One that answers pings is heard every `ping`; half of that again is more than any network needs.
        self._silence = int(ping * 1.5 * 1e6)

    def text(self, stream: Stream, *, series: bool = False) -> bytes:
        """The JSON of one school, with what a screen draws that has just come."""
        now = time.time_ns() // 1000
        school = self._directory.schools.get(stream.school)
        if school is not None:
            stream.tally.turn(school.day.begins(now), now)
        state = self._recorder.state
        age = time.monotonic() - self._feed.last_heartbeat
        body = LiveStats(
            moment_text(now),
            WINDOW_SECONDS,
            self._doors(stream, now, stream.tally.series(now) if series else None),
            FeedStats(round(age, 3), self._feed.stale_since is not None),
            JournalStats(state.depth, round(state.oldest, 3), self._recorder.healthy),
        )
        return _encode(body)

    def _doors(self, stream: Stream, now: int, series: dict[bytes, list[int]] | None) -> list[DoorStats]:
        online: dict[bytes, int] = {}
        states: dict[bytes, ReaderState] = {}
        for at, present in stream.present.values():
            if time.monotonic() - at < PRESENT_SECONDS:
                online.update(present.devices)
                states.update(present.states)
        counts, tally = stream.tally.counts(), stream.tally
        doors = []
        for point in self._directory.points.values():
            if point.school_id == stream.school and point.active:
                id_, counted = point.id, counts.get(point.id, _NONE)
                reader, since = self._reader(online.get(id_), states.get(id_), stream.seen.get(id_), now)
                said, scanned = states.get(id_, _UNHEARD), tally.last.get(id_)
                doors.append(
                    DoorStats(
                        point.id_text,
                        point.name,
                        counted.per_minute,
                        counted.granted,
                        counted.denied,
                        TodayStats(*tally.today.get(id_, (0, 0))) if tally.known else None,
                        reader,
                        _text(since),
                        None if scanned is None else moment_text(int(scanned * 1e6)),
                        _text(said.said),
                        said.skew_ms,
                        said.firmware,
                        said.queued,
                        UNSET if series is None else series.get(id_, [0] * SERIES_MINUTES),
                    )
                )
        return sorted(doors, key=lambda door: door.name)

    def _reader(
        self, since: int | None, state: ReaderState | None, seen: int | None, now: int
    ) -> tuple[str, int | None]:
        """How it is, and since when."""
        if since is None:
            return "offline", seen
        if state is not None and now - state.heard > self._silence:
            return "silent", state.heard
        return "online", since


def _text(at: int | None) -> str | None:
    return None if at is None else moment_text(at)
