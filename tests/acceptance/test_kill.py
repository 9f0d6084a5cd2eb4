"""kill -9 of each process under load, twenty times in all: every answered scan is in the log once, as answered."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.acceptance.hub import Hub
from tests.acceptance.load import Load
from tests.acceptance.oracle import check
from tests.acceptance.program import is_alive
from tests.acceptance.school import School

pytestmark = pytest.mark.service

WORKER_KILLS, RECORDER_KILLS, SERVER_KILLS = 8, 6, 6
BETWEEN = 120  # answers after one kill, before the next


def test_killed_workers_lose_nothing(school: School, directory: Path) -> None:
    with Hub(school.url, directory) as hub:
        hub.wait_ready()
        with Load(hub.port, school.doors) as load:
            for number in range(WORKER_KILLS):
                load.wait_kept(BETWEEN)
                workers = hub.pids["workers"]
                os.kill(workers[number % 2], signal.SIGKILL)
                hub.workers_replaced(workers, count=1)
            load.wait_kept(BETWEEN)
        check(school, load.ledger)


def test_a_killed_recorder_loses_nothing(school: School, directory: Path) -> None:
    with Hub(school.url, directory) as hub:
        hub.wait_ready()
        with Load(hub.port, school.doors) as load:
            for _ in range(RECORDER_KILLS):
                load.wait_kept(BETWEEN)
                victim = hub.pids["recorder"]
                os.kill(victim, signal.SIGKILL)
                hub.recorder_replaced(victim)
            load.wait_kept(BETWEEN)
        assert not load.ledger.faults, load.ledger.faults
        check(school, load.ledger, amended=True)


def test_a_killed_server_loses_nothing(school: School, directory: Path) -> None:
    hub = Hub(school.url, directory)
    with hub, Load(hub.port, school.doors) as load:
        for _ in range(SERVER_KILLS):
            load.wait_kept(BETWEEN)
            victims = hub.everybody()
            hub.crash()
            assert not any(is_alive(pid) for pid in victims)
            hub.start()
        load.wait_kept(BETWEEN)
        load.stop()
        check(school, load.ledger)
