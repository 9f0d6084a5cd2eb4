"""What can still be read of a journal file that SQLite calls damaged."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import msgspec

SELECT_ROWS = "SELECT id, at, scans, firsts, body FROM journal "
#: How many row numbers are tried one by one around damage, and how many in vain before the rest is read from the end.
_NEAR, _PROBES = 100, 10_000


def readable_notes(path: Path) -> Iterator[tuple[str, bytes]]:
    """The notes of a damaged journal that can be read."""
    with contextlib.suppress(sqlite3.Error), contextlib.closing(_open_damaged(path)) as db:
        for key, value in db.execute("SELECT key, value FROM meta"):
            if isinstance(value, bytes) and is_sound_note(key, value):
                yield key, value


def is_sound_note(key: str, value: bytes) -> bool:
    if key == "sequences":
        return _is_sound_map(value)
    return value.isdigit() if key in {"drained", "top"} else len(value) == 16 or key != "recorder_id"


def _is_sound_map(value: bytes) -> bool:
    try:
        msgspec.msgpack.decode(value, type=dict[bytes, int])
    except msgspec.MsgspecError:
        return False
    return True


def readable_rows(path: Path) -> Iterator[tuple[int, int, int, bytes, bytes]]:
    """Every row of a damaged journal that can be read: past each that cannot, the next that can is looked for."""
    following, misses = 0, 0
    with contextlib.suppress(sqlite3.Error), contextlib.closing(_open_damaged(path)) as db:
        while misses < _PROBES:
            try:
                for row in db.execute(SELECT_ROWS + "WHERE id >= ? ORDER BY id", (following,)):
                    following, misses = row[0] + 1, 0
                    if is_sound_row(*row[1:]):
                        yield row
            except sqlite3.Error:
                # The cursor steps ahead of what it hands out: the last good row is lost with the bad one after it.
                for id_ in range(following, following + _NEAR):
                    row = _row(db, id_)
                    following, misses = id_ + 1, 0 if row else misses + 1
                    if row:
                        yield row
            else:
                return
        yield from (row for row in db.execute(SELECT_ROWS + "ORDER BY id DESC") if is_sound_row(*row[1:]))


def _row(db: sqlite3.Connection, id_: int) -> tuple[int, int, int, bytes, bytes] | None:
    try:
        row = db.execute(SELECT_ROWS + "WHERE id = ?", (id_,)).fetchone()
    except sqlite3.Error:
        return None
    return row if row and is_sound_row(*row[1:]) else None


def is_sound_row(at: object, scans: object, firsts: object, body: object) -> bool:
    """Whether these are a row's values: of a page that is partly gone, SQLite may read NULLs and zeros."""
    return (
        isinstance(at, int)
        and isinstance(scans, int)
        and isinstance(firsts, bytes)
        and isinstance(body, bytes)
        and _is_sound_map(firsts)
    )


def _open_damaged(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True)
