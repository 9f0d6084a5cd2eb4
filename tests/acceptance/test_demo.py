"""`passhub demo` as a person meets it: started, looked at, stopped, killed, started again, in awkward surroundings."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.program import ROOT, Demo, Program, free_port, is_alive, wait_for
from tests.services import service_dir

pytestmark = pytest.mark.service

FEW = ("--students", "60", "--workers", "1")
SCHOOLS = {"SBK", "HHC"}
REASONS = {
    "malformed_code",
    "bad_signature",
    "unknown_pass",
    "inactive_pass",
    "not_yet_valid",
    "expired_pass",
    "revoked_pass",
    "student_inactive",
    "student_suspended",
    "wrong_school",
}


@pytest.fixture(scope="module")
def lived_in() -> Iterator[Path]:
    """A directory that every test of this file may use, one after another: only the first start makes the schools."""
    with service_dir() as place:
        yield place / "demo"


@pytest.fixture
def place(lived_in: Path) -> Iterator[Path]:
    yield lived_in
    left = Demo(lived_in)
    left.close()


def one_line(program: Program) -> str:
    """What a program that could not start has said for a person."""
    assert program.wait() == 1
    assert "Traceback" not in program.text
    complaints = [line for line in program.lines if line.startswith("passhub: ")]
    assert len(complaints) == 1, program.text
    return complaints[0]


def scans_kept(demo: Demo) -> int:
    return int(demo.sql("SELECT count(*) FROM access_logs"))


def test_a_duration_ends_it_with_status_0_and_nothing_left(place: Path) -> None:
    with Demo(place, *FEW, "--duration", "8") as demo:
        demo.wait_line("first scan answered")
        pids = demo.pids
        assert demo.wait(8 + 90) == 0
        assert "Traceback" not in demo.text
        assert any("GRANTED" in line or "DENIED" in line for line in demo.lines), demo.text
        assert demo.processes() == []
        assert not any(is_alive(pid) for pid in all_pids(pids))
        assert all_pids(demo.pids) == []


def all_pids(pids: dict[str, Any]) -> list[int]:
    return [pid for value in pids.values() for pid in (value if isinstance(value, list) else [value]) if pid]


def test_demo_json_has_what_it_promises_and_every_code_gets_its_answer(place: Path) -> None:
    with Demo(place, *FEW, "--readers", "0", "--workers", "3") as demo:
        document = demo.wait_ready().json
        assert stat.S_IMODE(demo.document.stat().st_mode) == 0o600
        assert set(document) == {
            *("baseUrl", "databaseUrl", "redisUrl", "pids", "accounts", "accessPoints", "codes"),
        }
        assert document["baseUrl"] == f"http://127.0.0.1:{demo.port}"
        assert document["redisUrl"].startswith("unix:///")
        assert demo.sql("SELECT pg_has_role(current_user, relowner, 'USAGE') FROM pg_class WHERE relname = 'passes'")
        wait_for(lambda: len(demo.pids["workers"]) == 3, "three workers")
        assert set(demo.pids) == {"supervisor", "recorder", "workers", "jobs", "postgres", "valkey"}
        assert all(is_alive(pid) for pid in all_pids(demo.pids))
        assert len(all_pids(demo.pids)) == 8

        for account in document["accounts"]:
            assert set(account) == {"email", "password", "role", "schoolCode"}
            assert account["password"]
            credentials = {"email": account["email"], "password": account["password"]}
            status, granted = demo.http("/api/v1/auth/login", credentials)
            assert (status, granted["user"]["role"]) == (200, account["role"])
        roles = {"school_admin", "staff", "security", "card_reader"}
        each = {("super_admin", None), *((role, school) for role in roles for school in SCHOOLS)}
        assert Counter((a["role"], a["schoolCode"]) for a in document["accounts"]) == Counter(each)
        for school in SCHOOLS:
            guard = next(a for a in document["accounts"] if (a["role"], a["schoolCode"]) == ("security", school))
            assert any(guard["email"] in line and guard["password"] in line for line in demo.lines)
        for point in document["accessPoints"]:
            assert set(point) == {"id", "name", "schoolCode", "deviceKey", "accessType"}
        assert {p["schoolCode"] for p in document["accessPoints"]} == SCHOOLS

        granted, denied = document["codes"]["granted"], document["codes"]["denied"]
        assert Counter(code["schoolCode"] for code in granted) == dict.fromkeys(SCHOOLS, 20)
        for code in granted:
            assert set(code) == {"qrCode", "passId", "schoolCode"}
            answer = demo.verify(demo.door(code["schoolCode"])["deviceKey"], code["qrCode"], record=False)
            assert (answer["decision"], answer["reason"], answer["pass"]["id"]) == ("granted", None, code["passId"])
        counts = Counter((code["schoolCode"], code["reason"]) for code in denied)
        assert counts == {(school, reason): 5 for school in SCHOOLS for reason in REASONS}
        for code in denied:
            assert set(code) == {"qrCode", "reason", "schoolCode"}
            answer = demo.verify(demo.door(code["schoolCode"])["deviceKey"], code["qrCode"], record=False)
            assert (answer["decision"], answer["reason"]) == ("denied", code["reason"])

        assert not any("GRANTED" in line for line in demo.lines)
        assert demo.stop() == 0


def test_a_second_start_carries_on_with_the_same_data(place: Path) -> None:
    with Demo(place, *FEW, "--readers", "0") as demo:
        before = demo.wait_ready().json
        door, code = demo.door("SBK"), before["codes"]["granted"][-1]
        scan = demo.verify(demo.door(code["schoolCode"])["deviceKey"], code["qrCode"])["scanId"]
        assert demo.stop(signal.SIGINT) == 0
        # What was answered just before the stop is in the table, or in the journal that the next start goes on with.
        demo.start()
        after = demo.wait_ready().json
        assert (after["accounts"], after["accessPoints"]) == (before["accounts"], before["accessPoints"])
        assert after["codes"]["granted"] == before["codes"]["granted"]
        assert demo.door("SBK")["deviceKey"] == door["deviceKey"]
        wait_for(lambda: demo.sql("SELECT count(*) FROM access_logs WHERE id = $1::uuid", scan), "the scan is kept")
        with Program("demo", "--data-dir", str(place)) as second:
            assert f"in use by another demo (pid {demo.pid})" in one_line(second)
        assert demo.http("/health/ready")[0] == 200


def test_ctrl_c_stops_it_while_it_starts_and_twice_does_no_harm(place: Path) -> None:
    with Demo(place, *FEW) as demo:
        demo.wait_line("starting PostgreSQL")
        demo.send(signal.SIGINT)
        demo.send(signal.SIGINT)
        assert demo.wait() == 0
        assert "Traceback" not in demo.text
        assert demo.processes() == []
        demo.start()
        demo.wait_line("first scan answered")
        demo.send(signal.SIGINT)
        demo.wait_line("stopping")
        demo.send(signal.SIGINT)
        assert demo.wait() == 0
        assert "Traceback" not in demo.text
        assert demo.processes() == []


def test_a_killed_demo_is_recovered_by_the_next_start(place: Path) -> None:
    with Demo(place, *FEW, "--rate", "100") as demo:
        demo.wait_line("first scan answered")
        wait_for(lambda: scans_kept(demo) > 50, "scans")
        former = demo.pids
        demo.kill()
        assert is_alive(former["supervisor"])
        demo.start()
        demo.wait_line("a former run was killed")
        demo.wait_line("first scan answered")
        assert not any(is_alive(pid) for pid in all_pids(former))
        assert demo.stop() == 0
        assert demo.processes() == []


def test_what_dies_during_the_demo_is_back_and_the_readers_find_it(place: Path) -> None:
    with Demo(place, *FEW, "--rate", "50", "--workers", "2") as demo:
        demo.wait_line("first scan answered")
        for part, sentence in (
            ("postgres", "PostgreSQL has ended unexpectedly"),
            ("valkey", "Valkey has ended unexpectedly"),
            ("supervisor", "the server was ended by SIGKILL"),
        ):
            wait_for(lambda: None not in demo.pids.values(), "everybody runs")
            former = demo.pids[part]
            os.kill(former, signal.SIGKILL)
            demo.wait_line(sentence)
            wait_for(lambda part=part, former=former: demo.pids[part] not in (None, former), f"{part} is back")  # type: ignore[misc]
        worker = demo.wait_ready().pids["workers"][0]
        os.kill(worker, signal.SIGKILL)
        wait_for(lambda: len(demo.pids["workers"]) == 2 and worker not in demo.pids["workers"], "another worker")
        before = scans_kept(demo.wait_ready())
        try:
            wait_for(lambda: scans_kept(demo) > before + 50, "scans after all this")
        except AssertionError as error:
            raise AssertionError(f"{error}: {scans_kept(demo)} after {before}\n{demo.text}") from None
        assert demo.stop() == 0
        assert "Traceback" not in demo.text


def test_a_port_in_use_is_one_line(place: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with Demo(place, *FEW, port=port) as demo:
            assert f"port {port} on 127.0.0.1 is in use" in one_line(demo)


@pytest.mark.parametrize("kind", ["a file in the way", "read-only", "somebody's own"])
def test_a_directory_that_will_not_do_is_one_line(tmp_path: Path, kind: str) -> None:
    directory = tmp_path / "place"
    if kind == "a file in the way":
        directory.write_text("not a folder")
    elif kind == "read-only":
        directory = Path("/sys/passhub-demo")  # not even root may make a folder there
    else:
        (directory / "postgres" / "data").mkdir(parents=True)
    with Demo(directory) as demo:
        said = one_line(demo)
    assert str(directory) in said
    assert "--data-dir" in said


def test_it_needs_no_home_and_no_short_path_and_takes_no_other_database(place: Path) -> None:
    """The third: HUB_* addresses of the caller's own installation must not be written to."""
    deep = place.parent / ("d" * 100) / ("e" * 60)
    environment = {
        "HOME": None,
        "HUB_DATABASE_API_URL": "postgresql://nobody@127.0.0.1:1/production",
        "HUB_REDIS_URL": "redis://127.0.0.1:1",
        "LC_ALL": "C",
    }
    with Demo(deep, *FEW, environment=environment) as demo:
        demo.wait_line("first scan answered")
        assert demo.http("/health")[1]["status"] == "healthy"
        assert demo.stop() == 0
        assert "Traceback" not in demo.text
        assert not (deep / "journal.short").is_symlink()
        assert demo.processes() == []


def test_a_uid_without_a_passwd_entry_is_one_line() -> None:
    """Everything is imported before root gives itself up, because the checkout may be out of a stranger's reach."""
    script = """
import os, pwd, sys
import encodings.ascii, encodings.idna, hub.cli, hub.demo.run
def nobody(uid): raise KeyError(uid)
if os.getuid() == 0:
    os.chown(sys.argv[-1], 12345, 12345)
    os.setgroups([])
    os.setgid(12345)
    os.setuid(12345)
else:
    pwd.getpwuid = nobody
hub.cli.main()
"""
    with service_dir() as place:
        directory = place / "own"
        directory.mkdir()
        outcome = subprocess.run(
            [sys.executable, "-c", script, "demo", "--port", str(free_port()), "--data-dir", str(directory)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    assert outcome.returncode == 1
    assert "has no entry in /etc/passwd" in outcome.stderr
    assert len(outcome.stderr.splitlines()) == 1


def test_an_output_that_nobody_reads_any_more_stops_it(place: Path) -> None:
    """`passhub demo | head -1`."""
    demo = Demo(place, *FEW)
    command = f"{sys.executable} -m hub demo --data-dir {place} --port {demo.port} | head -1"
    outcome = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    assert outcome.stdout.startswith("passhub ")
    assert outcome.stderr == ""
    assert outcome.returncode == 0
    assert demo.processes() == []
