"""The disk below a directory: which file system, how much room, and how long it takes to keep a little."""

from __future__ import annotations

import os
import re
import shutil
import time
from pathlib import Path
from typing import NamedTuple

from hub.config import Settings
from hub.supervisor.doctor.findings import Notes, lasting, size_text

WRITES, WRITE_BYTES, WRITING_SECONDS = 60, 4096, 1.0
SLOW_MEDIAN, SLOW_P99 = 0.010, 0.050  # seconds; a disk that keeps up needs a tenth of it
LITTLE_BYTES, NOTHING_BYTES = 2**30, 64 * 2**20
LARGEST_DEFAULT = 10 * 2**30
FORGETFUL = {
    "tmpfs": "memory: what is in it is lost when the host restarts",
    "ramfs": "memory: what is in it is lost when the host restarts",
    "overlay": "the container's own layer: what is in it is lost with the container",
    "aufs": "the container's own layer: what is in it is lost with the container",
}
REMOTE = ("nfs", "cifs", "smb", "9p", "fuse.sshfs", "ceph", "glusterfs", "fuse.glusterfs", "afs")


class Timing(NamedTuple):
    """Seconds that a small write took until it was on the disk."""

    median: float
    p99: float
    writes: int


def file_system(path: Path, mounts: str | None = None) -> str | None:
    """The type of the file system that holds an existing path; None where /proc does not say.

    `mounts`: the text of /proc/self/mountinfo. A later line covers an earlier one of the same mount point.
    """
    try:
        text = Path("/proc/self/mountinfo").read_text("utf-8", "replace") if mounts is None else mounts
    except OSError:
        return None
    best: tuple[int, str] | None = None
    for line in text.splitlines():
        left, _, right = line.partition(" - ")
        fields = left.split(" ")
        if len(fields) < 5 or not right:
            continue
        point = Path(re.sub(r"\\(\d{3})", lambda octal: chr(int(octal[1], 8)), fields[4]))
        if path.is_relative_to(point) and (best is None or len(point.parts) >= best[0]):
            best = (len(point.parts), right.split(" ", 1)[0])
    return None if best is None else best[1]


def judge_file_system(kind: str | None, notes: Notes) -> None:
    if kind is None:
        notes.skip("file system", "this host has no /proc/self/mountinfo")
    elif kind in FORGETFUL:
        notes.warn(
            "file system",
            f"{kind}, {FORGETFUL[kind]}",
            "have HUB_JOURNAL_DIR on a disk of the host, or on a volume",
            type=kind,
        )
    elif kind.startswith(REMOTE):
        notes.warn(
            "file system",
            f"{kind}, over the network: its locks and its fsync are not always what they say",
            "have HUB_JOURNAL_DIR on a disk of this host",
            type=kind,
        )
    else:
        notes.right("file system", kind, type=kind)


def time_writes(directory: Path) -> Timing:
    """Small writes to a file of its own, each with fdatasync, for a second at most. Raises OSError."""
    path = directory / f"doctor-{os.getpid()}.probe"
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        path.unlink()  # nothing is left behind, however this ends
        block = os.urandom(WRITE_BYTES)
        took: list[float] = []
        deadline = time.perf_counter() + WRITING_SECONDS
        while len(took) < WRITES and (time.perf_counter() < deadline or not took):
            started = time.perf_counter()
            os.write(fd, block)
            os.fdatasync(fd)
            took.append(time.perf_counter() - started)
    finally:
        os.close(fd)
    took.sort()
    return Timing(took[len(took) // 2], took[int(len(took) * 0.99)], len(took))


def judge_writes(timing: Timing, journal_timeout: float, notes: Notes) -> None:
    """`journal_timeout`: seconds after which a scan that is not on the disk is denied."""
    facts = {"medianMs": round(timing.median * 1000, 3), "p99Ms": round(timing.p99 * 1000, 3), "writes": timing.writes}
    says = f"a write is on the disk after {lasting(timing.median)} in the median, {lasting(timing.p99)} at p99"
    do = "readers wait for it: have HUB_JOURNAL_DIR on an SSD, and see what else writes there"
    if timing.median > journal_timeout:
        late = f"{says}; after {lasting(journal_timeout)} a scan is denied (HUB_JOURNAL_TIMEOUT_MS)"
        notes.fault("writes", late, do, **facts)
    elif timing.median > SLOW_MEDIAN or timing.p99 > SLOW_P99:
        notes.warn("writes", says, do, **facts)
    else:
        notes.right("writes", says, **facts)


def judge_room(settings: Settings, held: int, notes: Notes) -> None:
    """`held`: bytes that the journal's files take already. Raises OSError."""
    free = shutil.disk_usage(settings.journal_dir).free
    limit = settings.journal_max_bytes
    own = limit is not None
    most = min(LARGEST_DEFAULT, (free + held) // 2) if limit is None else limit
    facts = {"freeBytes": free, "limitBytes": most, "journalBytes": held}
    says = f"{size_text(free)} free; the journal has {size_text(held)} and may have {size_text(most)}"
    if free < NOTHING_BYTES:
        notes.fault("room", says, "make room: scans are denied when the disk is full", **facts)
    elif own and free + held < most:
        notes.warn("room", says, "lower HUB_JOURNAL_MAX_BYTES or make room: the disk is full before the limit", **facts)
    elif free < LITTLE_BYTES:
        notes.warn("room", says, "make room: while PostgreSQL is away, scans wait here", **facts)
    else:
        notes.right("room", says, **facts)
