"""What workers and the recorder say to each other on the host's unix socket: length-prefixed msgpack arrays.

A worker opens with Hello, then sends a Frame for each turn of its loop that made verdicts; the recorder answers each
with an Ack or a Nack, in order. A Note of audit rows is answered with Noted, after the same commit. Fields are
positions in an array: new ones go to the end, with a default, so that a recorder can read what a worker of the release
before left in its journal.
"""

from __future__ import annotations

import msgspec

from hub.domain.audit_row import AuditRow
from hub.domain.verdict import Flag

_AMENDS = int(Flag.amends)


class Report(msgspec.Struct, array_like=True, gc=False, frozen=True):
    """What a reader says that it did by itself. `at`: its clock, µs since 1970; `skew_ms`: hub minus reader. `by`: the
    person who decided instead, a user's id."""

    at: int
    granted: bool
    reason: str | None = None
    skew_ms: int | None = None
    by: bytes | None = None


class Entry(msgspec.Struct, array_like=True, gc=False):
    """One answered scan. Ids are 16 bytes, `at` the hub's clock in µs since 1970, `code` a Reason. `limit`: how often
    the pass may be used, 0 for as often as one likes.

    With Flag.amends a scan of before as it is known by now, for screens: it has a place of its own in the stream."""

    scan_id: bytes
    device: bytes
    school: bytes
    key: bytes
    at: int
    code: int
    flags: int
    direction: int
    pass_id: bytes | None
    student_id: bytes | None
    info: bytes | None = None
    report: Report | None = None
    limit: int = 0

    @property
    def identity(self) -> bytes:
        """(device, scanId): the same scan, however often and wherever it is sent."""
        return self.device + self.scan_id

    @property
    def amends(self) -> bool:
        return bool(self.flags & _AMENDS)

    @property
    def access_time(self) -> int:
        """When it happened: the hub's clock, or for a replayed scan the reader's."""
        return self.at if self.report is None else self.report.at


class Amendment(msgspec.Struct, array_like=True, gc=False, frozen=True):
    """The reader was told something else than was recorded."""

    scan_id: bytes
    device: bytes
    access_time: int
    code: int
    school: bytes = b""


class Merge(msgspec.Struct, array_like=True, gc=False, frozen=True):
    """What a reader says it did with a scan that is already recorded."""

    scan_id: bytes
    device: bytes
    access_time: int
    report: Report
    conflict: bool


class Hello(msgspec.Struct, array_like=True, tag=1):
    worker: str


class Frame(msgspec.Struct, array_like=True, tag=2):
    """The verdicts of one loop turn. `deadline`: CLOCK_MONOTONIC of the host in ns; past it the reader was told
    hub_unavailable."""

    seq: int
    deadline: int
    entries: list[Entry]
    amendments: list[Amendment] = []


class Arrival(msgspec.Struct, array_like=True, tag=3):
    """A reader connected; an older connection of the same device, on any worker of the host, has to go."""

    device: bytes
    connection: bytes


class Watch(msgspec.Struct, array_like=True, tag=4):
    """There is a screen of this school: send its events from now on. Answered with Watching."""

    school: bytes


class Unwatch(msgspec.Struct, array_like=True, tag=5):
    school: bytes


class Fetch(msgspec.Struct, array_like=True, tag=6):
    """Events of the past, first ≤ stream_seq < until, as many as are at hand. Answered with Fetched, once. `recorder`:
    whose numbers they are, for the journal may be another's by now."""

    ask: int
    school: bytes
    first: int
    until: int
    recorder: bytes


class ReaderState(msgspec.Struct, array_like=True, gc=False, frozen=True):
    """How a connected reader is. `heard`: when anything came from it; `said`: when it told the rest; µs since 1970.
    `skew_ms`: hub minus reader; `queued`: scans that it has yet to replay."""

    heard: int
    said: int | None = None
    skew_ms: int | None = None
    firmware: str | None = None
    queued: int | None = None


class Readers(msgspec.Struct, array_like=True, tag=25):
    """Once a second: the readers that are connected to this worker. school → device → since, µs since 1970.
    `states`: by device."""

    connected: dict[bytes, dict[bytes, int]]
    states: dict[bytes, ReaderState] = {}


class Note(msgspec.Struct, array_like=True, tag=7):
    """Audit rows of one loop turn; kept in the journal as it is. The same row may come twice: its id tells."""

    seq: int
    rows: list[AuditRow]


class Annul(msgspec.Struct, array_like=True, tag=8):
    """Nobody passed after all: the turnstile did not turn. Answered with Annulled.

    `devices`: the doors at which the scan can have been; `not_before`: when it was answered at the earliest, µs since
    1970; `by`: a user's id, None for the device itself. `found`: PostgreSQL has it, at the one door that is named, and
    it may be annulled; otherwise this journal has to know it. `scan`: as PostgreSQL has it.
    """

    seq: int
    scan_id: bytes
    devices: list[bytes]
    school: bytes
    at: int
    by: bytes | None = None
    reason: str | None = None
    not_before: int | None = None
    found: bool = False
    scan: Entry | None = None


class Annulment(msgspec.Struct, array_like=True, gc=False, frozen=True, tag=9):
    """What the journal keeps of it."""

    scan_id: bytes
    device: bytes
    school: bytes
    at: int
    by: bytes | None
    reason: str | None


class Welcome(msgspec.Struct, array_like=True, tag=10):
    recorder_id: bytes


class Ack(msgspec.Struct, array_like=True, tag=11):
    """The frame is on disk. `late`: recorded as hub_unavailable. `overrides`: what was answered to scans before."""

    seq: int
    late: bool = False
    overrides: list[Override] = []


class Nack(msgspec.Struct, array_like=True, tag=12):
    """The frame could not be kept, and is not."""

    seq: int
    fault: str


class State(msgspec.Struct, array_like=True, tag=13):
    """Once a second, and when `fault` changes."""

    fault: str | None
    depth: int
    bytes: int
    oldest: float
    commit_p99: float


class Superseded(msgspec.Struct, array_like=True, tag=14):
    device: bytes
    connection: bytes


class Watching(msgspec.Struct, array_like=True, tag=15):
    """The next event of the school will have this stream_seq or a later one."""

    school: bytes
    recorder: bytes
    following: int


class Events(msgspec.Struct, array_like=True, tag=16):
    """Scans of one school as they were recorded, the first with stream_seq `first`, without a gap."""

    school: bytes
    recorder: bytes
    first: int
    entries: list[Entry]


class Fetched(msgspec.Struct, array_like=True, tag=17):
    """What there is of a Fetch, from its `first` on without a gap: fewer than asked for, or none when the journal no
    longer has the first of them. `reached`: the recorder itself gave no number from `first` up to this."""

    ask: int
    entries: list[Entry]
    reached: int = 0


class Present(msgspec.Struct, array_like=True, tag=18):
    """Once a second: the readers of a school that are connected to this host. device → since, µs since 1970. `states`:
    by device."""

    school: bytes
    recorder: bytes
    devices: dict[bytes, int]
    states: dict[bytes, ReaderState] = {}


class Noted(msgspec.Struct, array_like=True, tag=20):
    """The note is on disk or, with a fault, is not kept."""

    seq: int
    fault: str | None = None


class Annulled(msgspec.Struct, array_like=True, tag=21):
    """`outcome`: annulled (and on disk), unknown (to this journal), denied (nobody was let in) or too_old. With a fault
    nothing is kept. `device`, `school` and `student` are the scan's."""

    seq: int
    outcome: str = ""
    device: bytes = b""
    school: bytes = b""
    student: bytes | None = None
    fault: str | None = None


class Override(msgspec.Struct, array_like=True, gc=False, frozen=True):
    """Scan `index` of a frame was known. `code` and `at` are the first verdict's; `same`: nothing was added;
    `conflict`: the reader did otherwise than it was told."""

    index: int
    code: int
    at: int
    conflict: bool = False


#: What screens are fed with; other hosts get it over Redis.
ToScreens = Events | Present
ToRecorder = Hello | Frame | Arrival | Watch | Unwatch | Fetch | Readers | Note | Annul
ToWorker = Welcome | Ack | Nack | State | Superseded | Watching | Fetched | ToScreens | Noted | Annulled
