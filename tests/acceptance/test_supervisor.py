"""The supervisor: what it leaves when it is killed, how it replaces workers under load, how it stops."""

from __future__ import annotations

import json
import os
import resource
import signal
import time
from functools import partial
from pathlib import Path

import pytest

from tests.acceptance.hub import RECOVERS, Hub
from tests.acceptance.load import Load
from tests.acceptance.oracle import check
from tests.acceptance.outage import family, frozen
from tests.acceptance.program import is_alive, wait_for
from tests.acceptance.school import School
from tests.services import Cluster

pytestmark = pytest.mark.service


def all_gone(pids: list[int]) -> bool:
    return not any(is_alive(pid) for pid in pids)


def test_nothing_outlives_a_killed_supervisor(school: School, directory: Path) -> None:
    hub = Hub(school.url, directory)
    with hub, Load(hub.port, school.doors) as load:
        load.wait_kept(200)
        everybody = hub.everybody()
        os.kill(hub.pid, signal.SIGKILL)
        hub.wait()
        # At once: the next start waits for the port itself.
        hub.start()
        wait_for(partial(all_gone, everybody), "the processes of the killed supervisor end")
        load.wait_kept(200)
        assert not set(hub.everybody()) & set(everybody)
        load.stop()
        check(school, load.ledger)


def test_processes_end_by_themselves_when_nobody_starts_again(school: School, directory: Path) -> None:
    with Hub(school.url, directory) as hub:
        hub.wait_ready()
        everybody = hub.everybody()
        os.kill(hub.pid, signal.SIGKILL)
        hub.wait()
        wait_for(partial(all_gone, everybody), "they end", RECOVERS)
        assert hub.processes() == []


def test_sighup_replaces_the_workers_and_nobody_notices(school: School, directory: Path) -> None:
    with Hub(school.url, directory) as hub:
        hub.wait_ready()
        # Hardly a pause: something is always on its way when a worker closes a connection.
        with Load(hub.port, school.doors, sockets=12, pace=0.003) as load:
            for _ in range(2):
                load.wait_kept(200)
                before = hub.pids
                hub.send(signal.SIGHUP)
                hub.workers_replaced(before["workers"], count=2)
                wait_for(partial(all_gone, before["workers"]), "the old workers end")
                after = hub.pids
                assert not set(after["workers"]) & set(before["workers"])
                assert (after["recorder"], after["jobs"]) == (before["recorder"], before["jobs"])
            load.wait_kept(200)
        # Readers were asked to go with 1012, service restart; nothing else befell anybody.
        assert not load.ledger.faults, load.ledger.faults
        assert set(load.ledger.closes) == {1012}
        assert load.ledger.unavailable == 0
        assert not list(load.ledger.unanswered)
        check(school, load.ledger, amended=True)


def test_a_worker_killed_while_it_is_replaced_leaves_two(school: School, directory: Path) -> None:
    with Hub(school.url, directory) as hub:
        hub.wait_ready()
        with Load(hub.port, school.doors) as load:
            load.wait_kept(100)
            old = hub.pids["workers"]
            others = {hub.pid, hub.pids["recorder"], hub.pids["jobs"]}
            hub.send(signal.SIGHUP)
            wait_for(lambda: len(set(hub.processes()) - others) > 2, "the first successor is starting")
            for pid in old:
                os.kill(pid, signal.SIGKILL)
            hub.recovers(
                lambda: (
                    len(set(hub.processes()) - others) == 2 == len(hub.pids["workers"])
                    and set(hub.processes()) - others == set(hub.pids["workers"])
                ),
                "two workers, both known",
            )
            load.wait_kept(200)
        check(school, load.ledger)


def test_whatever_hangs_is_killed_and_started_again(school: School, directory: Path) -> None:
    with Hub(school.url, directory, watchdog_timeout=10) as hub:
        hub.wait_ready()
        with Load(hub.port, school.doors) as load:
            for kind in ("worker-1", "jobs", "recorder"):
                load.wait_kept(200)
                pids = hub.pids
                hung = pids["workers"][1] if kind == "worker-1" else pids[kind]
                os.kill(hung, signal.SIGSTOP)
                hub.recovers(partial(_is_another, hub, hung, len(pids["workers"])), f"another {kind}")
                said = [json.loads(line)["process"] for line in hub.lines if "a process hangs" in line]
                assert kind in said  # another one may have been held up too
            load.wait_kept(200)
        check(school, load.ledger)


def _is_another(hub: Hub, hung: int, workers: int) -> bool:
    """Whether everybody runs, and the one that hung is not among them."""
    pids = hub.pids
    running = [pids["recorder"], pids["jobs"], *pids["workers"]]
    return None not in running and hung not in running and len(pids["workers"]) == workers


def test_a_process_says_where_it_is_when_it_is_asked(school: School, directory: Path) -> None:
    with Hub(school.url, directory) as hub:
        hub.wait_ready()
        for pid in hub.everybody():
            os.kill(pid, signal.SIGUSR1)
            hub.wait_line("Current thread")  # once in each answer, and its last thread
            hub.wait_line("  File ")
            hub.lines.clear()
            assert is_alive(pid)


def test_a_successor_that_cannot_start_leaves_the_worker_at_work(
    own_cluster: Cluster, frozen_school: School, directory: Path
) -> None:
    school = frozen_school
    with Hub(school.url, directory) as hub:
        hub.wait_ready()
        with Load(hub.port, school.doors) as load:
            load.wait_kept(100)
            before = hub.pids["workers"]
            with frozen(family(own_cluster.postgres.pid)):
                hub.send(signal.SIGHUP)
                others = {*hub.everybody()}
                wait_for(lambda: set(hub.processes()) - others, "a successor")
                load.wait_kept(1000)
                assert hub.pids["workers"] == before
                (successor,) = set(hub.processes()) - others
                os.kill(successor, signal.SIGKILL)
                hub.wait_line("the successor did not become ready; the worker stays")
                load.wait_kept(300)
                assert hub.pids["workers"][0] == before[0]
            hub.recovers(lambda: hub.pids["workers"][1] != before[1], "the second worker was replaced")
            load.wait_kept(200)
        assert not load.ledger.faults, load.ledger.faults
        check(school, load.ledger, amended=True)


def test_a_process_that_cannot_be_started_again_now_is_later_and_the_others_work_on(
    school: School, directory: Path
) -> None:
    with Hub(school.url, directory) as hub:
        hub.wait_ready()
        before = hub.pids
        _, most = resource.prlimit(hub.pid, resource.RLIMIT_NOFILE)
        # What is open stays so: this supervisor's three first, and all else it has.
        soft, _ = resource.prlimit(hub.pid, resource.RLIMIT_NOFILE, (3, most))
        try:
            os.kill(before["workers"][1], signal.SIGKILL)
            os.kill(before["jobs"], signal.SIGKILL)
            hub.wait_line("a process cannot be started; trying again")
            hub.send(signal.SIGHUP)
            hub.wait_line("the successor cannot be started; the worker stays")
            assert is_alive(before["workers"][0])
            assert is_alive(before["recorder"])
        finally:
            resource.prlimit(hub.pid, resource.RLIMIT_NOFILE, (soft, most))
        hub.workers_replaced(before["workers"], count=1)
        hub.recovers(lambda: hub.pids["jobs"] not in {None, before["jobs"]}, "new jobs")
        hub.wait_ready()
        assert (hub.pids["recorder"], hub.pids["workers"][0]) == (before["recorder"], before["workers"][0])


def test_sigterm_stops_within_five_seconds_with_the_journal_drained(school: School, directory: Path) -> None:
    with Hub(school.url, directory) as hub:
        hub.wait_ready()
        with Load(hub.port, school.doors) as load:
            load.wait_kept(500)
            started = time.monotonic()
            status = hub.stop()
            seconds = time.monotonic() - started
            print(f"stopped in {seconds:.1f} s")
            rows = school.fetch("SELECT id::text FROM access_logs")
            load.stop(at_once=True)
        assert status == 0
        assert seconds < 30.0  # the promise is 5, on a machine that does nothing else
        assert hub.processes() == []
        assert not (directory / "supervisor.json").exists()
        # Drained when it ended: nothing was written to PostgreSQL since.
        answered = {scan.id for scan in load.ledger.scans.values() if scan.kept}
        assert answered <= {row["id"] for row in rows}
        assert not directory.joinpath("journal.sqlite3-wal").exists()


def test_sigterm_stops_though_postgresql_does_not_answer(
    own_cluster: Cluster, frozen_school: School, directory: Path
) -> None:
    school = frozen_school
    hub = Hub(school.url, directory)
    with hub, Load(hub.port, school.doors) as load:
        load.wait_kept(200)
        with frozen(family(own_cluster.postgres.pid)):
            load.wait_kept(200)
            started = time.monotonic()
            assert hub.stop() == 0
            seconds = time.monotonic() - started
            print(f"stopped in {seconds:.1f} s")
            assert seconds < 30.0
            assert hub.processes() == []
        hub.start()
        load.wait_kept(100)
        load.stop()
        check(school, load.ledger)
