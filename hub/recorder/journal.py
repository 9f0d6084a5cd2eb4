"""The file that no answer leaves before: a SQLite database in WAL mode, one row a commit.

A row holds, as one blob, what all workers had sent since the commit before. One connection, one process (flock),
`synchronous=FULL` set and read back. Concurrency: none; the recorder's loop calls it and waits for the disk.

A file that SQLite cannot read is set aside under another name with what could be read of it copied over, so that a
damaged page costs its own scans and no others.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import sqlite3
import time
from collections.abc import Generator, Iterator
from pathlib import Path

import msgspec

from hub.domain.ids import new_id_bytes
from hub.errors import JournalError
from hub.recorder.salvage import SELECT_ROWS, is_sound_note, is_sound_row, readable_notes, readable_rows

FILE = "journal.sqlite3"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS journal (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    scans INTEGER NOT NULL,
    firsts BLOB NOT NULL,
    body BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
"""
_INSERT = "INSERT INTO journal VALUES (?, ?, ?, ?, ?)"
_SELECT_FIRSTS = "SELECT id, firsts FROM journal WHERE id < ? ORDER BY id DESC LIMIT ?"
_HAS_META = "SELECT 1 FROM meta WHERE key = ?"
_PUT_META = "INSERT OR REPLACE INTO meta VALUES (?, ?)"
_PUT_ROW = "INSERT OR IGNORE INTO journal VALUES (?, ?, ?, ?, ?)"
ASIDE = ".damaged-"
#: How far numbers go on after a file was set aside: more than the scans of a school that can have been lost with it.
SKIP = 100_000


class Row(msgspec.Struct, frozen=True):
    """One commit. `at`: µs since 1970; `firsts`: school → stream_seq of its first scan in `body`."""

    id: int
    at: int
    scans: int
    firsts: dict[bytes, int]
    body: bytes


class Journal:
    """An open journal. Raises JournalError from every method when the disk does not do its part."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.path = directory / FILE
        self.next_id = 1
        self.drained = 0
        self.sequences: dict[bytes, int] = {}
        self.recorder_id = b""
        self.bytes = 0
        self.waiting = 0
        #: Where the last `open` has put a file that could not be read; why the open one cannot be; and whether another
        #: process has the lock. `openings` counts: rows of one opening mean nothing in another.
        self.damaged: Path | None = None
        self.damage: str | None = None
        self.locked_out = False
        self.openings = 0
        self._lock: int | None = None
        self._db: sqlite3.Connection | None = None
        self._meta_due: dict[str, bytes] = {}
        #: Numbers that were not given, by school: [first, following).
        self.skipped: dict[bytes, tuple[int, int]] = {}

    def open(self) -> None:
        """Lock and open the file, or make it. One that cannot be read, now or when it was last open, is set aside."""
        self.damaged = None
        self.openings += 1
        try:
            self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._take_lock()
            try:
                self._open_file()
            except sqlite3.DatabaseError as error:
                if not _is_damage(error):
                    raise
                self.damage = str(error)
            if self.damage is not None:
                self._set_aside()
            self._salvage_all()
        except (OSError, sqlite3.Error) as error:
            self.close()
            raise JournalError(f"journal {self.path}: {error}") from error

    def _take_lock(self) -> None:
        path = self.directory / "journal.lock"
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            owner = os.pread(fd, 32, 0).decode(errors="replace").strip()
            os.close(fd)
            self.locked_out = True
            raise OSError(f"is held by another recorder (process {owner or 'unknown'})") from None
        self._lock = fd
        self.locked_out = False
        with contextlib.suppress(OSError):
            os.ftruncate(fd, 0)
            os.pwrite(fd, str(os.getpid()).encode(), 0)

    def _open_file(self) -> None:
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        os.close(fd)
        db = sqlite3.connect(self.path, isolation_level=None, timeout=1.0)
        self._db = db
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        db.execute("PRAGMA mmap_size=0")
        db.execute("PRAGMA wal_autocheckpoint=4000")
        if db.execute("PRAGMA synchronous").fetchone()[0] != 2:
            raise sqlite3.OperationalError("synchronous=FULL was not taken")
        db.executescript(_SCHEMA)
        self._load(db)

    def _load(self, db: sqlite3.Connection) -> None:
        self._meta_due = {}
        meta = dict(db.execute("SELECT key, value FROM meta"))
        unsound = [key for key, value in meta.items() if not is_sound_note(key, value)]
        if unsound:
            raise sqlite3.DatabaseError(f"its notes cannot be read: {', '.join(unsound)}")
        self.recorder_id = meta.get("recorder_id", b"")
        self.drained = int(meta.get("drained", b"0"))
        self.sequences = msgspec.msgpack.decode(meta["sequences"], type=dict[bytes, int]) if "sequences" in meta else {}
        top, total = db.execute("SELECT coalesce(max(id), 0), coalesce(sum(length(body)), 0) FROM journal").fetchone()
        self.next_id = max(top, self.drained, int(meta.get("top", b"0"))) + 1
        self.bytes = total
        (self.waiting,) = db.execute(
            "SELECT coalesce(sum(scans), 0) FROM journal WHERE id > ?", (self.drained,)
        ).fetchone()
        if not self.recorder_id:
            self.recorder_id = new_id_bytes()
            db.execute("INSERT INTO meta VALUES ('recorder_id', ?)", (self.recorder_id,))

    def _set_aside(self) -> None:
        """Rename the damaged file and start a new one."""
        if self._db is not None:
            self._db.close()
        stamp = time.strftime("%Y%m%dT%H%M%S")
        self.damaged = self.path.with_name(f"{FILE}{ASIDE}{stamp}-{os.getpid()}-{self.openings}")
        for suffix in ("-shm", "-wal", ""):
            with contextlib.suppress(FileNotFoundError):
                Path(f"{self.path}{suffix}").rename(f"{self.damaged}{suffix}")
        self.damage = None
        self._open_file()

    def _salvage_all(self) -> None:
        """Carry over what can still be read of files that were set aside: once, but a full disk may cut it short."""
        db = self._connection()
        for aside in sorted(self.directory.glob(f"{FILE}{ASIDE}*")):
            mark = f"salvaged {aside.name}"
            if aside.name.endswith(("-wal", "-shm")) or db.execute(_HAS_META, (mark,)).fetchone():
                continue
            db.execute("BEGIN IMMEDIATE")
            db.executemany(_PUT_META, readable_notes(aside))
            db.executemany(_PUT_ROW, readable_rows(aside))
            db.execute(_PUT_META, (mark, b""))
            db.execute("COMMIT")
            self._load(db)

    def skip_numbers(self) -> None:
        """What was lost with a file may have been seen, or be in PostgreSQL: no other scan gets its number."""
        for school, first in self.sequences.items():
            self.sequences[school] = first + SKIP
            self.skipped[school] = (first, first + SKIP)
        self._meta_due["sequences"] = msgspec.msgpack.encode(self.sequences)

    def _connection(self) -> sqlite3.Connection:
        if self._db is None:
            raise JournalError(f"journal {self.path} is not open")
        return self._db

    def append(self, at: int, scans: int, firsts: dict[bytes, int], body: bytes, *, prune: list[int]) -> int:
        """One durable commit: the row, and with it the deletions and notes that were waiting for one.

        Returns the row's id once fsync has returned. Raises JournalError, with nothing kept, when it does not.
        """
        db = self._connection()
        row = self.next_id
        notes = dict(self._meta_due)
        values = (row, at, scans, msgspec.msgpack.encode(firsts), body)
        try:
            if notes or prune:
                db.execute("BEGIN IMMEDIATE")
                db.execute(_INSERT, values)
                self._write_notes(db, prune, notes)
                db.execute("COMMIT")
            else:
                db.execute(_INSERT, values)
        except sqlite3.Error as error:
            self._roll_back(db)
            raise self._fault(error) from error
        self.next_id = row + 1
        self.bytes += len(body)
        self.waiting += scans
        self._settle(notes)
        return row

    def note_drained(self, row: int, scans: int) -> None:
        """Rows up to `row`, `scans` more scans, are in PostgreSQL; written with the next commit (late is harmless)."""
        self.drained = row
        # Of a damaged row fewer may have been read than it had.
        self.waiting = self.waiting - scans if self.behind else 0
        self._meta_due["drained"] = str(row).encode()

    @property
    def notes_due(self) -> bool:
        return bool(self._meta_due)

    def commit_notes(self, prune: list[int]) -> None:
        """A commit without scans: writes what is due, and shows that the disk still takes writes."""
        db = self._connection()
        notes = {**self._meta_due, "probe": str(time.time_ns()).encode()}
        try:
            db.execute("BEGIN IMMEDIATE")
            self._write_notes(db, prune, notes)
            db.execute("COMMIT")
        except sqlite3.Error as error:
            self._roll_back(db)
            raise self._fault(error) from error
        self._settle(notes)

    def _write_notes(self, db: sqlite3.Connection, prune: list[int], notes: dict[str, bytes]) -> None:
        if prune:
            # What only the pruned rows knew: where ids and sequences go on.
            notes["top"] = str(self.next_id).encode()
            notes["sequences"] = msgspec.msgpack.encode(self.sequences)
            db.executemany("DELETE FROM journal WHERE id = ?", [(row,) for row in prune])
        if notes:
            db.executemany(_PUT_META, notes.items())

    def _settle(self, written: dict[str, bytes]) -> None:
        self._meta_due = {k: v for k, v in self._meta_due.items() if written.get(k) != v}

    def _roll_back(self, db: sqlite3.Connection) -> None:
        with contextlib.suppress(sqlite3.Error):
            if db.in_transaction:
                db.execute("ROLLBACK")

    def forget_bytes(self, size: int) -> None:
        """A pruned row's size no longer counts."""
        self.bytes -= size

    def rows_after(self, row: int, limit: int) -> list[Row]:
        """Up to `limit` rows with a greater id, in order."""
        return list(self._rows("WHERE id > ? ORDER BY id LIMIT ?", (row, limit)))

    def rows_before(self, row: int, at: int | None, limit: int) -> list[Row]:
        """Up to `limit` of the oldest rows with id ≤ `row`, up to the first that was not made before `at` (µs); None:
        whenever they were made. No row behind that one is read: it is asked twice a second, and there are many. Where
        the clock was set back, older ones wait behind it."""
        with contextlib.closing(self._rows("WHERE id <= ? ORDER BY id LIMIT ?", (row, limit))) as rows:
            return list(itertools.takewhile(lambda found: at is None or found.at < at, rows))

    def firsts_before(self, row: int, limit: int) -> list[tuple[int, dict[bytes, int]]]:
        """Id and `firsts` of up to `limit` rows with a smaller id, newest first; their bodies are not read."""
        try:
            found = self._connection().execute(_SELECT_FIRSTS, (row, limit)).fetchall()
            return [(id_, msgspec.msgpack.decode(firsts, type=dict[bytes, int])) for id_, firsts in found]
        except (sqlite3.Error, msgspec.MsgspecError, TypeError) as error:
            raise self._fault(error) from error

    def row(self, row: int) -> Row | None:
        return next(self._rows("WHERE id = ?", (row,)), None)

    def all_rows(self) -> Iterator[Row]:
        return self._rows("ORDER BY id", ())

    def _rows(self, clause: str, values: tuple[int, ...]) -> Generator[Row, None, None]:
        try:
            for id_, at, scans, firsts, body in self._connection().execute(SELECT_ROWS + clause, values):
                if not is_sound_row(at, scans, firsts, body):
                    raise sqlite3.DatabaseError(f"row {id_} cannot be read")
                yield Row(id_, at, scans, msgspec.msgpack.decode(firsts, type=dict[bytes, int]), body)
        except (sqlite3.Error, msgspec.MsgspecError) as error:
            raise self._fault(error) from error

    def _fault(self, error: Exception) -> JournalError:
        if _is_damage(error):
            self.damage = f"journal {self.path}: {error}"
        return JournalError(f"journal {self.path}: {error}")

    @property
    def behind(self) -> bool:
        """Whether there is a row that is not drained, with scans or with changes to some."""
        return self.drained < self.next_id - 1

    def oldest_waiting(self) -> int | None:
        """When (µs since 1970) the oldest row that is not drained was made; None when all are."""
        row = next(self._rows("WHERE id > ? ORDER BY id LIMIT 1", (self.drained,)), None)
        return None if row is None else row.at

    def close(self) -> None:
        if self._db is not None:
            with contextlib.suppress(sqlite3.Error):
                self._db.close()
            self._db = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _is_damage(error: Exception) -> bool:
    """Whether the file's content is at fault, rather than a disk that is full, away or read-only."""
    return type(error) is sqlite3.DatabaseError or isinstance(error, msgspec.MsgspecError)
