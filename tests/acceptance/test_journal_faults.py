"""A journal that cannot be written, read or reached: scans are denied with hub_unavailable, /health is red, and it
recovers by itself when the cause is gone. Nothing that was answered otherwise is missing afterwards."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import msgspec
import pytest

from hub.recorder.admission import entries
from hub.recorder.journal import Row
from hub.recorder.salvage import SELECT_ROWS, is_sound_row
from tests.acceptance.hub import JOURNAL, Hub
from tests.acceptance.load import Load
from tests.acceptance.oracle import check, compare
from tests.acceptance.outage import family, frozen
from tests.acceptance.school import School
from tests.services import Cluster

pytestmark = pytest.mark.service

FULL_DISK = 3 * 2**20


@pytest.fixture
def small_disk(directory: Path) -> Iterator[Path]:
    """A file system of its own, of a few MB."""
    place = directory / "disk"
    place.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={FULL_DISK}", "none", place], capture_output=True, text=True, check=False
    )
    if made.returncode:
        assert not os.environ.get("CI"), f"no file system can be mounted here: {made.stderr}"
        pytest.skip(f"a full disk was not tried, because none can be mounted here: {made.stderr}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


def remount(place: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", place], check=True)


def is_red(hub: Hub, load: Load) -> None:
    """Scans are denied, /health is red on every worker, and both stay so."""
    hub.recovers(hub.unhealthy, "red")
    kept = load.ledger.kept
    load.wait_unavailable(60)
    for _ in range(6):
        assert hub.health()[0] == 503
        assert hub.http("/health/ready")[0] == 503
        assert hub.http("/health/live")[0] == 200
        load.wait_unavailable(5)
    assert load.ledger.kept <= kept + 50  # what was under way when it turned red


def is_green(hub: Hub, load: Load) -> None:
    hub.recovers(lambda: hub.processes_answering(200) == {"worker-0", "worker-1"}, "green")
    load.wait_kept(200)


def test_a_full_disk_denies_until_there_is_room(school: School, small_disk: Path) -> None:
    with Hub(school.url, small_disk) as hub:
        hub.wait_ready()
        with Load(hub.port, school.doors) as load:
            load.wait_kept(100)
            ballast = small_disk / "ballast"
            with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
                while True:
                    file.write(bytes(4096))
            load.wait_unavailable(20)
            is_red(hub, load)
            ballast.unlink()
            is_green(hub, load)
        assert not load.ledger.faults, load.ledger.faults
        check(school, load.ledger, amended=True)


def test_a_read_only_disk_denies_until_it_is_writable(school: School, small_disk: Path) -> None:
    remount(small_disk, "ro")
    hub = Hub(school.url, small_disk, journal_timeout_ms=500)
    with hub, Load(hub.port, school.doors) as load:
        is_red(hub, load)
        remount(small_disk, "rw")
        is_green(hub, load)
        # And while it runs: nobody has a file open there for a moment, else it could not be changed.
        hub.recovers(lambda: hub.pids["recorder"], "supervisor.json")
        with hub.recorder_down():
            remount(small_disk, "ro")
        is_red(hub, load)
        remount(small_disk, "rw")
        is_green(hub, load)
        load.stop()
        check(school, load.ledger)


def test_a_locked_journal_denies_until_it_is_let_go(school: School, directory: Path) -> None:
    with (directory / "journal.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        hub = Hub(school.url, directory)
        with hub, Load(hub.port, school.doors) as load:
            is_red(hub, load)
            assert "is held by another recorder" in hub.health()[1]["parts"]["journal"]["why"]
            fcntl.flock(lock, fcntl.LOCK_UN)
            is_green(hub, load)
            load.stop()
            check(school, load.ledger, amended=True)


def test_logs_that_cannot_be_written_keep_nothing_from_mending_itself(school: School, directory: Path) -> None:
    """As when they are on the disk that is full. A recorder that ends of it would be another one."""
    mute = ("sh", "-c", 'exec "$@" 2>/dev/full', "sh")
    with (directory / "journal.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        hub = Hub(school.url, directory, before=mute)
        with hub, Load(hub.port, school.doors) as load:
            is_red(hub, load)
            recorder = hub.pids["recorder"]
            fcntl.flock(lock, fcntl.LOCK_UN)
            is_green(hub, load)
            assert hub.pids["recorder"] == recorder
            os.kill(recorder, signal.SIGKILL)  # which the supervisor says
            hub.recorder_replaced(recorder)
            is_green(hub, load)
            load.stop()
            check(school, load.ledger, amended=True)
            assert hub.stop() == 0


def test_a_second_hub_on_the_same_journal_takes_nothing_from_the_first(school: School, directory: Path) -> None:
    with Hub(school.url, directory) as first:
        first.wait_ready()
        victims = first.pids["workers"]
        with Load(first.port, school.doors) as load, Hub(school.url, directory) as second:
            second.wait_line("index loaded")
            load.wait_kept(200)
            for pid in victims:
                os.kill(pid, 9)
            load.wait_kept(300)
            assert load.ledger.unavailable == 0
        check(school, load.ledger)


def test_a_deleted_socket_is_made_anew(school: School, directory: Path) -> None:
    with Hub(school.url, directory) as hub:
        hub.wait_ready()
        with Load(hub.port, school.doors) as load:
            load.wait_kept(100)
            (directory / "recorder.sock").unlink()
            # Workers that are connected go on; those that come have to find it.
            for pid in hub.pids["workers"]:
                os.kill(pid, 9)
            is_green(hub, load)
        check(school, load.ledger)


def test_a_journal_at_its_limit_denies_until_it_is_drained(
    own_cluster: Cluster, frozen_school: School, directory: Path
) -> None:
    school = frozen_school
    with Hub(school.url, directory, journal_max_bytes=1_000_000) as hub:
        hub.wait_ready()
        with Load(hub.port, school.doors, in_flight=8, pace=0.02, info={"padding": "x" * 900}) as load:
            load.wait_kept(100)
            with frozen(family(own_cluster.postgres.pid)):
                is_red(hub, load)
                assert "HUB_JOURNAL_MAX_BYTES" in hub.health()[1]["parts"]["journal"]["why"]
            is_green(hub, load)
        check(school, load.ledger, amended=True)


# Damage


def damage_while_down(hub: Hub, change: Callable[[Path], None]) -> None:
    """What a crash, a bad disk or a person's mistake leaves: the recorder finds changed files when it starts."""
    with hub.recorder_down():
        change(hub.journal)


def torn_wal(journal: Path) -> None:
    """A commit that was being written: the first half of a frame, after all that were answered."""
    wal = journal.with_name(f"{JOURNAL}-wal")
    size = wal.stat().st_size
    with wal.open("r+b") as file:
        last = file.read()[-2048:]
        file.seek(size)
        file.write(last)


def test_a_torn_page_at_the_end_of_the_wal_costs_nothing(school: School, directory: Path) -> None:
    with Hub(school.url, directory) as hub:
        hub.wait_ready()
        with Load(hub.port, school.doors) as load:
            load.wait_kept(200)
            damage_while_down(hub, torn_wal)
            is_green(hub, load)
        assert not list(directory.glob("*.damaged-*"))
        check(school, load.ledger, amended=True)


def garbage(journal: Path) -> None:
    journal.write_bytes(os.urandom(journal.stat().st_size or 65_536))
    journal.with_name(f"{JOURNAL}-wal").unlink(missing_ok=True)


def test_a_garbage_file_is_set_aside_and_scans_are_answered(school: School, directory: Path) -> None:
    with Hub(school.url, directory) as hub:
        hub.wait_ready()
        with Load(hub.port, school.doors) as before:
            before.wait_kept(200)
        check(school, before.ledger)
        damage_while_down(hub, garbage)
        with Load(hub.port, school.doors) as load:
            is_green(hub, load)
        assert list(directory.glob(f"{JOURNAL}.damaged-*"))
        load.ledger.scans |= before.ledger.scans
        check(school, load.ledger, amended=True)


def read_rows(journal: Path) -> dict[int, Row]:
    """Each row that SQLite can read by its number."""
    found = {}
    with contextlib.closing(sqlite3.connect(journal)) as db:
        for number in range(1, 5_000):
            with contextlib.suppress(sqlite3.DatabaseError):
                values = db.execute(SELECT_ROWS + "WHERE id = ?", (number,)).fetchone()
                if values is not None and is_sound_row(*values[1:]):
                    _, at, scans, firsts, body = values
                    found[number] = Row(number, at, scans, msgspec.msgpack.decode(firsts), body)
    return found


@pytest.mark.parametrize("how", ["the last page zeroed", "the last page torn off", "two pages zeroed"])
def test_a_damaged_page_costs_its_own_scans_and_no_others(
    own_cluster: Cluster, frozen_school: School, directory: Path, how: str
) -> None:
    school = frozen_school
    hub = Hub(school.url, directory, shutdown_timeout=20)
    with hub, Load(hub.port, school.doors, pace=0.02, info={"padding": "x" * 600}) as load:
        hub.wait_ready()
        with frozen(family(own_cluster.postgres.pid)):
            load.wait_kept(400)
            load.stop()
            # Nothing of it is in PostgreSQL, and a stop moves all of it from the WAL to the main file.
            assert hub.stop() == 0
            damaged = damage(hub.journal, how)
        hub.start()
        hub.wait_ready()
        with Load(hub.port, school.doors) as after:
            is_green(hub, after)
        hub.recovers(lambda: hub.waiting() == 0, "the drain")
        after.ledger.scans |= load.ledger.scans
        tally = compare(school, after.ledger, quiet=3.0)
        lost = set(tally.lost)
        print(f"{how}: {len(damaged)} scans were on it, {len(lost)} are lost of {tally.answered}")
        assert lost <= damaged
        assert [tally.doubled, tally.different, tally.invented, tally.same_sequence] == [[], [], [], []]
        assert after.ledger.unavailable == 0


def damage(journal: Path, how: str) -> set[str]:
    """Damages the main file; the scans of the rows that were on it."""
    whole = read_rows(journal)
    page = 4096
    content = bytearray(journal.read_bytes())
    pages = len(content) // page
    assert pages > 50
    if how == "the last page torn off":
        del content[-page // 2 :]
    else:
        for number in [pages - 1] if how == "the last page zeroed" else [pages // 3, pages // 2]:
            content[number * page : (number + 1) * page] = bytes(page)
    journal.write_bytes(content)
    left = read_rows(journal)
    gone = [row for number, row in whole.items() if left.get(number) != row]
    return {str(UUID(bytes=entry.scan_id)) for row in gone for entry, _ in entries(row)}
