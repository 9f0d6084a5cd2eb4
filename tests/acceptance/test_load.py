"""`make load`: what it counts is what the database has, and it leaves nothing running."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.program import ROOT, Demo, is_alive, wait_for
from tests.services import service_dir

pytestmark = pytest.mark.service

COMMAND = (sys.executable, "-m", "loadtests.load")
# How fast it is on the machine at hand is not asked here.
AT_ANY_SPEED = ("--decision-p99", "60000", "--event-p99", "60000")
LINE = re.compile(r"^(?P<name>\S.*?)  +(?P<count>[\d,]+) .* (?P<failures>[\d,]+)$", re.MULTILINE)


def rows(output: str) -> dict[str, tuple[int, int]]:
    """Count and failures of each row of the table."""
    return {m["name"]: (int(m["count"].replace(",", "")), int(m["failures"])) for m in LINE.finditer(output)}


def scans_kept(demo: Demo) -> int:
    return int(demo.sql("SELECT count(*) FROM access_logs"))


def test_what_it_counts_is_what_the_database_has() -> None:
    with service_dir() as place, Demo(place / "demo", "--students", "60", "--readers", "0", "--workers", "2") as demo:
        demo.wait_ready()
        crowd = ("--users", "8", "--spawn-rate", "8", "--socket-readers", "3", "--screens", "2", "--run-time", "10s")
        run = subprocess.run(
            [*COMMAND, "--demo-json", str(demo.document), *crowd, *AT_ANY_SPEED],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 0, run.stdout + run.stderr
        assert run.stdout.startswith("3 readers on HTTP, 3 readers on WebSocket, 2 screens; ")
        assert run.stdout.endswith("\npassed\n")
        found = rows(run.stdout)
        # Nothing was cut, refused, missed or seen twice: there would be a row for it.
        assert found.keys() <= {
            *("HTTP decision", "WebSocket decision", "WebSocket connect"),
            *("screen connect", "screen event", "screen event, caught up"),
        }
        assert {failures for _, failures in found.values()} == {0}
        assert (found["WebSocket connect"][0], found["screen connect"][0]) == (3, 2)
        scans = found["HTTP decision"][0] + found["WebSocket decision"][0]
        wait_for(lambda: scans_kept(demo) >= scans, "every scan is in the table")
        assert scans_kept(demo) == scans
        # Each screen watches a school of its own; that all sent since it joined is on it, the load has checked.
        assert 0 < found["screen event"][0] <= scans
        assert demo.stop() == 0


def test_a_threshold_that_is_passed_is_a_failure() -> None:
    with service_dir() as place, Demo(place / "demo", "--students", "60", "--readers", "0", "--workers", "1") as demo:
        demo.wait_ready()
        crowd = ("--users", "1", "--socket-readers", "0", "--screens", "0", "--run-time", "10s")
        run = subprocess.run(
            [*COMMAND, "--demo-json", str(demo.document), *crowd, "--decision-p99", "0.001"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 1, run.stdout + run.stderr
        assert re.search(r"^FAILED  HTTP decision: p99 is \d+ ms, more than 0.001 ms$", run.stdout, re.MULTILINE)


def test_a_load_that_is_stopped_shows_its_table_and_leaves_nothing() -> None:
    with service_dir() as place:
        process = subprocess.Popen(
            [*COMMAND, "--users", "4", "--run-time", "1h", *AT_ANY_SPEED],
            cwd=ROOT,
            env=os.environ | {"TMPDIR": str(place)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("starting a demo")
            assert "readers on HTTP" in process.stdout.readline()
            (directory,) = Path(place).glob("passhub-load-*")
            demo = Demo(directory / "demo")
            running = demo.processes()
            assert running
            wait_for(lambda: scans_kept(demo) > 40, "scans of every kind of reader")
            process.send_signal(signal.SIGTERM)
            output = process.stdout.read()
            assert process.wait() == 0, output
            assert "HTTP decision" in rows(output)
        finally:
            process.kill()
            process.communicate()
        assert not any(is_alive(pid) for pid in running)
        assert list(Path(place).iterdir()) == []
