"""The journal's directory, its lock, and what waits in it for PostgreSQL.

A journal file has one connection, ever: two can damage each other's WAL in the SQLite versions of many systems. So
while a recorder holds the lock, its /health is asked instead; while nobody does, a copy of the files is read. The lock
itself is tried shared and let go at once: a recorder that starts in that very moment tries again half a second later.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import shutil
import stat
import tempfile
import time
from pathlib import Path

from hub.config import Settings
from hub.errors import JournalError
from hub.recorder.journal import FILE, Journal
from hub.recorder.process import socket_path
from hub.supervisor.doctor import disk
from hub.supervisor.doctor.findings import Notes, lasting, many, some
from hub.supervisor.doctor.here import RunningHub

LOCK = "journal.lock"
SOCKET_BYTES = 107
READ_AT_MOST = 256 * 2**20
PRIVATE = 0o700
#: A scan is in PostgreSQL within seconds; an outage longer than this is worth a word.
LATE_SECONDS = 300.0


def examine(settings: Settings, hub: RunningHub | None, notes: Notes) -> None:
    """Blocks for up to a second or two, and for as long as a hung disk does."""
    directory = settings.journal_dir.absolute()
    _socket(settings, notes)
    if not _directory(settings.journal_dir, directory, notes):
        return
    try:
        disk.judge_file_system(disk.file_system(directory.resolve()), notes)
        if not _writes(settings, directory, notes):
            return
        files = [directory / f"{FILE}{suffix}" for suffix in ("", "-wal")]
        sizes = [path.stat().st_size for path in files if path.exists()]
        disk.judge_room(settings, sum(sizes), notes)
        _contents(directory, files, sum(sizes), hub, notes)
    except OSError as error:
        notes.fault("directory", f"{directory}: {error.strerror}", "see what the disk says (dmesg)")


def _socket(settings: Settings, notes: Notes) -> None:
    length = len(os.fsencode(socket_path(settings).absolute()))
    if length > SOCKET_BYTES:
        says = f"the path of the recorder's socket has {length} bytes, {SOCKET_BYTES} are possible"
        notes.fault("path", says, f"shorten HUB_JOURNAL_DIR by {length - SOCKET_BYTES} bytes", bytes=length)


def _directory(given: Path, directory: Path, notes: Notes) -> bool:
    """Whether it is there to be looked into."""
    try:
        found = directory.stat()
    except FileNotFoundError:
        _absent(directory, notes)
        return False
    except OSError as error:
        notes.fault("directory", f"{directory}: {error.strerror}", "remove what is in the way, or set HUB_JOURNAL_DIR")
        return False
    if not stat.S_ISDIR(found.st_mode):
        notes.fault("directory", f"{directory} is a file", "remove it, or set HUB_JOURNAL_DIR to a directory")
        return False
    mode, owner = stat.S_IMODE(found.st_mode), _name(found.st_uid)
    if found.st_uid != os.geteuid():
        do = f"look again as {owner}; if the hub is to run as {_name(os.geteuid())}: chown -R {_name(os.geteuid())}"
        notes.warn("directory", f"{directory} belongs to {owner}, and this is {_name(os.geteuid())}", do)
    elif mode & 0o077:
        says = f"{directory} is open to other users (mode {mode:04o}): they could see or remove answers"
        notes.warn("directory", says, f"chmod 700 {directory}", mode=f"{mode:04o}")
    elif not given.is_absolute():
        says = f"{directory}, because HUB_JOURNAL_DIR is relative: started elsewhere, the hub has another journal"
        notes.warn("directory", says, f"set HUB_JOURNAL_DIR={directory}")
    else:
        notes.right("directory", f"{directory}, of {owner}, mode {mode:04o}", mode=f"{mode:04o}")
    return True


def _absent(directory: Path, notes: Notes) -> None:
    """`passhub serve` makes it, if what is above it lets it."""
    above = next(parent for parent in directory.parents if parent.exists())
    if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
        why = "is no directory" if not above.is_dir() else f"cannot be written by {_name(os.geteuid())}"
        notes.fault(
            "directory", f"{directory} is not there, and {above} {why}", f"make it: install -d -m 700 {directory}"
        )
        return
    says = f"{directory} is not there yet; passhub serve makes it"
    notes.warn("directory", says, "if the hub ran here before, see whether its disk is mounted")


def _writes(settings: Settings, directory: Path, notes: Notes) -> bool:
    """Whether the directory takes writes; how quickly is noted."""
    try:
        timing = disk.time_writes(directory)
    except OSError as error:
        do = f"let {_name(os.geteuid())} write there, or see why the disk refuses (dmesg, df)"
        notes.fault("writes", f"{directory} takes no file: {error.strerror}", do)
        return False
    disk.judge_writes(timing, settings.journal_timeout_ms / 1000, notes)
    return True


def _contents(directory: Path, files: list[Path], size: int, hub: RunningHub | None, notes: Notes) -> None:
    damaged = sorted(path.name for path in directory.glob(f"{FILE}.damaged-*") if not path.name.endswith("-shm"))
    if damaged:
        says = f"a journal could not be read and was set aside: {some(damaged, 2)}"
        notes.warn("damage", says, "see to the disk; what could be read was carried over. Keep it until that is sure")
    try:
        holder = held_by(directory / LOCK)
    except OSError as error:
        notes.skip("lock", f"{directory / LOCK}: {error.strerror}")
        return
    if holder is not None:
        _held(holder, hub, notes)
    elif hub is not None:
        says = f"nobody has it, though a hub runs (process {hub.state.supervisor}): its recorder is away"
        notes.fault("lock", says, "see the hub's log; the supervisor starts it again")
    elif not files[0].exists():
        notes.right("lock", "free; there is no journal yet")
    elif size > READ_AT_MOST:
        notes.right("lock", "free; what waits is too much to be looked at, and is drained by the next start")
    else:
        _read(directory, files, notes)


def held_by(lock: Path) -> str | None:
    """Who holds the journal: a process id as the file has it, or "unknown"; None when nobody does. Raises OSError."""
    try:
        fd = os.open(lock, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        fcntl.flock(fd, fcntl.LOCK_UN)
    except BlockingIOError:
        return os.pread(fd, 32, 0).decode(errors="replace").strip() or "unknown"
    else:
        return None
    finally:
        os.close(fd)


def _held(holder: str, hub: RunningHub | None, notes: Notes) -> None:
    if hub is None:
        notes.warn(
            "lock",
            f"a recorder has it (process {holder}), of which no supervisor is known here",
            "if it is the last of a killed hub, it ends by itself; else end it before the next start",
            holder=holder,
        )
        return
    journal = hub.journal()
    waiting, oldest = journal.get("waiting"), journal.get("oldestSeconds", 0.0)
    if waiting is None:
        notes.right("lock", f"the running hub's recorder has it (process {holder})", holder=holder)
        return
    says = f"the running hub's recorder has it (process {holder}); {_waiting(waiting, oldest)}"
    facts = {"holder": holder, "waiting": waiting, "oldestSeconds": oldest}
    if waiting and oldest > LATE_SECONDS:
        notes.warn("lock", says, "see what is said of PostgreSQL above, and the recorder's lines in the log", **facts)
    else:
        notes.right("lock", says, **facts)


def _waiting(scans: int, oldest: float) -> str:
    if not scans:
        return "all its scans are in PostgreSQL"
    return f"{many(scans, 'scan')} not in PostgreSQL yet, the oldest for {lasting(oldest)}"


def _read(directory: Path, files: list[Path], notes: Notes) -> None:
    """Through the recorder's own reading, of a copy."""
    with tempfile.TemporaryDirectory(prefix="hub-doctor-") as place:
        for path in files:
            if path.exists():
                shutil.copyfile(path, Path(place) / path.name)
        if held_by(directory / LOCK) is not None:
            notes.right("lock", "a recorder has just taken it")
            return
        journal = Journal(Path(place))
        try:
            journal.open()
            waiting, since = journal.waiting, journal.oldest_waiting()
        except JournalError as error:
            says = str(error).replace(place, str(directory))
            notes.fault("lock", f"free, and the journal cannot be read: {says}", "keep a copy, then start the hub")
            return
        finally:
            journal.close()
        oldest = 0.0 if since is None else max(0.0, time.time() - since / 1e6)
        facts = {"waiting": waiting, "oldestSeconds": round(oldest, 3)}
        if journal.damaged is not None:
            says = f"free, and the journal is damaged; of what can be read, {_waiting(waiting, oldest)}"
            notes.fault("lock", says, "keep a copy; the next start carries over what can be read", **facts)
        elif waiting:
            notes.warn("lock", f"free: no hub runs; {_waiting(waiting, oldest)}", "start passhub serve", **facts)
        else:
            notes.right("lock", f"free: no hub runs; {_waiting(waiting, oldest)}", **facts)


def _name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"user {user}"
