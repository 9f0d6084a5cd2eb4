"""The journal file: what was appended is there after any end, in order, and nobody else writes to it."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.errors import JournalError
from hub.recorder.journal import FILE, Journal

SCHOOL = b"s" * 16


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    found = Journal(tmp_path / "deep" / "journal")
    found.open()
    yield found
    found.close()


def append(journal: Journal, number: int, scans: int = 1) -> int:
    journal.sequences[SCHOOL] = number + scans
    return journal.append(number, scans, {SCHOOL: number}, b"body %d" % number, prune=[])


def reopen(journal: Journal) -> Journal:
    journal.close()
    found = Journal(journal.directory)
    found.open()
    return found


def test_rows_come_back_in_order_as_they_were(journal: Journal) -> None:
    assert [append(journal, number) for number in range(1, 6)] == [1, 2, 3, 4, 5]
    again = reopen(journal)
    assert [(row.id, row.at, row.scans, row.firsts, row.body) for row in again.all_rows()] == [
        (number, number, 1, {SCHOOL: number}, b"body %d" % number) for number in range(1, 6)
    ]
    assert (again.waiting, again.bytes, again.next_id) == (5, 30, 6)
    assert again.recorder_id == journal.recorder_id
    assert len(again.recorder_id) == 16
    assert again.row(3) is not None
    assert again.row(9) is None
    assert [row.id for row in again.rows_after(3, 10)] == [4, 5]
    assert [row.id for row in again.rows_after(0, 2)] == [1, 2]
    assert [row.id for row in again.rows_before(4, 4, 10)] == [1, 2, 3]
    again.close()


def test_looking_for_what_may_go_costs_no_more_when_more_stays(journal: Journal) -> None:
    for number in range(1, 11):
        append(journal, number)
    few = steps(journal)
    for number in range(11, 501):
        append(journal, number)
    assert steps(journal) == few
    assert [row.id for row in journal.rows_before(500, None, 100)] == list(range(1, 101))


def steps(journal: Journal) -> int:
    """What SQLite does to find the three oldest rows."""
    taken = 0

    def count() -> None:
        nonlocal taken
        taken += 1

    journal._connection().set_progress_handler(count, 1)
    assert [row.id for row in journal.rows_before(500, 4, 100)] == [1, 2, 3]
    journal._connection().set_progress_handler(None, 1)
    return taken


def test_rows_from_before_a_clock_was_set_back_wait_for_the_first_of_them(journal: Journal) -> None:
    for at in (1, 9, 2, 3):
        append(journal, at)
    assert [row.id for row in journal.rows_before(4, 4, 10)] == [1]
    assert [row.id for row in journal.rows_before(4, 10, 10)] == [1, 2, 3, 4]
    assert [row.id for row in journal.rows_before(3, None, 10)] == [1, 2, 3]


def test_the_note_of_what_was_drained_rides_with_the_next_commit(journal: Journal) -> None:
    append(journal, 1, scans=3)
    append(journal, 2, scans=2)
    journal.note_drained(1, 3)
    assert (journal.waiting, journal.notes_due, journal.oldest_waiting()) == (2, True, 2)
    forgotten = reopen(journal)
    assert (forgotten.drained, forgotten.waiting) == (0, 5)
    forgotten.note_drained(1, 3)
    append(forgotten, 3)
    assert not forgotten.notes_due
    kept = reopen(forgotten)
    assert (kept.drained, kept.waiting) == (1, 3)
    kept.note_drained(3, 3)
    kept.commit_notes([])
    last = reopen(kept)
    assert (last.drained, last.waiting, last.oldest_waiting()) == (3, 0, None)
    last.close()


def test_ids_and_sequences_go_on_after_every_row_is_pruned(journal: Journal) -> None:
    for number in range(1, 4):
        append(journal, number)
    journal.note_drained(3, 3)
    journal.commit_notes([1, 2, 3])
    again = reopen(journal)
    assert list(again.all_rows()) == []
    assert (again.sequences, again.drained, again.waiting) == ({SCHOOL: 4}, 3, 0)
    following = append(again, 4)
    assert following > 3
    assert [row.id for row in again.rows_after(again.drained, 10)] == [following]
    again.close()


def test_an_append_may_prune(journal: Journal) -> None:
    append(journal, 1)
    append(journal, 2)
    journal.note_drained(2, 2)
    journal.append(3, 1, {SCHOOL: 3}, b"x", prune=[1])
    again = reopen(journal)
    assert [row.id for row in again.all_rows()] == [2, 3]
    assert again.drained == 2
    again.close()


def test_it_is_synced_and_the_file_is_the_owners_alone(journal: Journal) -> None:
    db = journal._connection()
    assert db.execute("PRAGMA synchronous").fetchone() == (2,)
    assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert db.execute("PRAGMA mmap_size").fetchone() in {(0,), None}
    assert journal.path.stat().st_mode & 0o077 == 0
    assert journal.directory.stat().st_mode & 0o077 == 0


def test_a_second_recorder_is_refused_and_told_who_has_it(journal: Journal) -> None:
    second = Journal(journal.directory)
    with pytest.raises(JournalError, match=f"held by another recorder .process {os.getpid()}"):
        second.open()
    journal.close()
    second.open()
    second.close()


def test_a_killed_process_leaves_what_it_appended(tmp_path: Path) -> None:
    program = (
        "import os, sys\nfrom pathlib import Path\nfrom hub.recorder.journal import Journal\n"
        "journal = Journal(Path(sys.argv[1]))\njournal.open()\n"
        "for n in range(1, 51):\n    journal.append(n, 1, {b's' * 16: n}, b'x', prune=[])\n"
        "os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False, timeout=60)
    assert done.returncode == -9
    journal = Journal(tmp_path)
    journal.open()
    assert [row.id for row in journal.all_rows()] == list(range(1, 51))
    assert journal.damaged is None
    journal.close()


def test_a_torn_end_of_the_log_costs_only_what_was_torn(journal: Journal) -> None:
    for number in range(1, 21):
        append(journal, number)
    copy = journal.directory / "copy"
    copy.mkdir()
    for suffix in ("", "-wal"):
        (copy / (FILE + suffix)).write_bytes(Path(f"{journal.path}{suffix}").read_bytes())
    wal = copy / (FILE + "-wal")
    wal.write_bytes(wal.read_bytes()[:-2000])
    torn = Journal(copy)
    torn.open()
    rows = [row.id for row in torn.all_rows()]
    assert rows == list(range(1, len(rows) + 1))
    assert 15 <= len(rows) < 20
    assert torn.damaged is None
    assert append(torn, torn.next_id) == len(rows) + 1
    torn.close()


def test_a_file_that_is_no_journal_is_set_aside(journal: Journal) -> None:
    journal.close()
    for suffix in ("", "-wal", "-shm"):
        Path(f"{journal.path}{suffix}").unlink(missing_ok=True)
    journal.path.write_bytes(b"not a database at all" * 500)
    again = Journal(journal.directory)
    again.open()
    assert again.damaged is not None
    assert again.damaged.read_bytes().startswith(b"not a database")
    assert append(again, 1) == 1
    again.close()


def test_a_damaged_page_costs_its_own_rows_and_no_others(journal: Journal) -> None:
    for number in range(1, 200):
        journal.append(number, 1, {SCHOOL: number}, os.urandom(3000), prune=[])
    recorder = journal.recorder_id
    journal._connection().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    journal.close()
    raw = bytearray(journal.path.read_bytes())
    assert len(raw) > 600_000
    raw[0:16] = b"SQLite format 3\0"
    raw[40 * 4096 : 41 * 4096] = b"\xa5" * 4096
    journal.path.write_bytes(raw)
    again = Journal(journal.directory)
    try:
        again.open()
        rows = [row.id for row in again.all_rows()]
    except JournalError:
        again = Journal(journal.directory)
        again._take_lock()
        again._set_aside()
        rows = [row.id for row in again.all_rows()]
    assert again.recorder_id == recorder
    assert 150 < len(rows) < 200
    assert rows == sorted(rows)
    again.close()


def test_a_disk_that_takes_no_writes_raises_and_keeps_nothing(journal: Journal) -> None:
    append(journal, 1)
    journal._connection().execute("PRAGMA query_only=ON")
    before = (journal.next_id, journal.bytes, journal.waiting)
    with pytest.raises(JournalError, match=r"journal .*readonly"):
        append(journal, 2)
    journal.note_drained(1, 1)
    with pytest.raises(JournalError):
        journal.append(2, 1, {SCHOOL: 2}, b"x", prune=[1])
    with pytest.raises(JournalError):
        journal.commit_notes([1])
    assert journal.notes_due
    assert (journal.next_id, journal.bytes, journal.waiting + 1) == before
    journal._connection().execute("PRAGMA query_only=OFF")
    assert append(journal, 2) == 2
    assert [row.id for row in journal.all_rows()] == [1, 2]


def test_a_directory_that_cannot_be_made_and_a_journal_that_is_not_open(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    blocked = Journal(tmp_path / "file" / "journal")
    with pytest.raises(JournalError, match="journal"):
        blocked.open()
    with pytest.raises(JournalError, match="is not open"):
        append(blocked, 1)
    with pytest.raises(JournalError, match="is not open"):
        list(blocked.all_rows())
    blocked.close()
    assert not isinstance(blocked._db, sqlite3.Connection)
