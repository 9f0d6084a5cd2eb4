"""The embedded PostgreSQL and Valkey as a person meets them: started twice, killed, in awkward directories."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import platform
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import pytest

from hub.demo.embedded import erase, start_postgres, start_valkey
from hub.demo.embedded.account import Account
from hub.demo.embedded.home import Home
from hub.errors import StartError

pytestmark = pytest.mark.service

START_BOTH_AND_HANG = """
import sys, time
from pathlib import Path
from hub.demo.embedded import start_postgres, start_valkey
postgres, valkey = start_postgres(Path(sys.argv[1])), start_valkey(Path(sys.argv[1]))
print(postgres.pid, valkey.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "data"
    yield place
    erase(place)


def query(url: str, statement: str) -> object:
    async def ask() -> object:
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()

    return asyncio.run(ask())


def command(path: Path, line: str) -> bytes:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(60)
        connection.connect(str(path))
        connection.sendall(line.encode() + b"\r\n")
        return connection.recv(1024)


def is_running(pid: int) -> bool:
    try:
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes())
    except OSError:
        return False


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_postgres_keeps_its_data_and_its_password_over_a_restart(directory: Path) -> None:
    first = start_postgres(directory)
    query(first.url(), "CREATE TABLE kept AS SELECT 7 AS n")
    assert query(first.url(), "SHOW fsync") == "on"
    first.stop()
    assert not first.alive()
    second = start_postgres(directory)
    try:
        assert query(second.url(), "SELECT n FROM kept") == 7
        assert second.url() == first.url()
        assert query(second.url("template1"), "SELECT current_database()") == "template1"
        assert stat.S_IMODE((directory / "postgres.password").stat().st_mode) == 0o600
        assert stat.S_IMODE(second.socket_dir.stat().st_mode) == 0o700
    finally:
        second.stop()
        second.stop()


def test_a_wrong_password_is_refused(directory: Path) -> None:
    running = start_postgres(directory)
    try:
        password = (directory / "postgres.password").read_text().strip()
        with pytest.raises(asyncpg.InvalidPasswordError):
            query(running.url().replace(password, "guess"), "SELECT 1")
    finally:
        running.stop()


def test_a_lost_password_file_is_made_anew(directory: Path) -> None:
    start_postgres(directory).stop()
    (directory / "postgres.password").unlink()
    running = start_postgres(directory)
    try:
        assert query(running.url(), "SELECT 1") == 1
    finally:
        running.stop()


def test_valkey_keeps_its_data_over_a_restart(directory: Path) -> None:
    first = start_valkey(directory)
    assert first.url.startswith("unix:///")
    assert command(first.socket, "SET kept 7") == b"+OK\r\n"
    first.stop()
    second = start_valkey(directory)
    try:
        assert command(second.socket, "GET kept") == b"$1\r\n7\r\n"
    finally:
        second.stop()


@pytest.mark.parametrize("start", [start_postgres, start_valkey])
def test_a_second_run_is_refused_with_the_first_ones_pid(directory: Path, start: Callable[[Path], object]) -> None:
    running = start(directory)
    try:
        with pytest.raises(StartError, match=rf"in use by another run \(pid {os.getpid()}\)"):
            start(directory)
        assert running.alive()  # type: ignore[attr-defined]
    finally:
        running.stop()  # type: ignore[attr-defined]


@pytest.mark.parametrize("also_kill", ["nothing", "services"])
def test_a_run_killed_with_kill_9_is_recovered(directory: Path, also_kill: str) -> None:
    killed = subprocess.Popen(
        [sys.executable, "-c", START_BOTH_AND_HANG, str(directory)], stdout=subprocess.PIPE, cwd=Path.cwd()
    )
    assert killed.stdout is not None
    with killed.stdout:
        former = [int(pid) for pid in killed.stdout.readline().split()]
    if also_kill == "services":
        for pid in former:
            os.kill(pid, signal.SIGKILL)
    killed.kill()
    killed.wait()
    postgres, valkey = start_postgres(directory), start_valkey(directory)
    try:
        assert not any(is_running(pid) for pid in former)
        assert query(postgres.url(), "SELECT 1") == 1
        assert command(valkey.socket, "PING") == b"+PONG\r\n"
    finally:
        valkey.stop()
        postgres.stop()


def test_a_pid_that_now_belongs_to_another_process_is_left_alone(directory: Path) -> None:
    start_valkey(directory).stop()
    running = start_postgres(directory)
    postmaster = directory.joinpath("postgres/data/postmaster.pid")
    os.kill(running.pid, signal.SIGKILL)
    wait_for(lambda: not running.alive())
    with subprocess.Popen(["sleep", "600"]) as stranger:
        try:
            lines = postmaster.read_text().split("\n")
            postmaster.write_text("\n".join([str(stranger.pid), *lines[1:]]))
            (directory / "valkey.pid").write_text(f"{stranger.pid}\n")
            running.stop()
            again, valkey = start_postgres(directory), start_valkey(directory)
            try:
                assert query(again.url(), "SELECT 1") == 1
                assert stranger.poll() is None
            finally:
                again.stop()
                valkey.stop()
        finally:
            stranger.kill()


def test_an_interrupted_first_start_begins_anew(directory: Path) -> None:
    home = Home(directory, "postgres", ".s.PGSQL.5432")
    (home.make("data.new") / "PG_VERSION").write_text("18\n")
    home.close()
    running = start_postgres(directory)
    try:
        assert query(running.url(), "SELECT 1") == 1
    finally:
        running.stop()


def test_a_deep_directory_gets_a_short_socket_folder_that_is_removed_again() -> None:
    # Not tmp_path: the account that serves root cannot enter that, so the data would not lie in the deep directory.
    with tempfile.TemporaryDirectory() as top:
        deep = Path(top) / ("d" * 90) / "e"
        deep.mkdir(parents=True)
        for place in (Path(top), deep.parent, deep):
            place.chmod(0o711)
        postgres, valkey = start_postgres(deep), start_valkey(deep)
        folders = [postgres.socket_dir, valkey.socket.parent]
        try:
            assert (deep / "postgres" / "data").is_dir()
            assert not any(deep in folder.parents for folder in folders)
            assert query(postgres.url(), "SELECT 1") == 1
            assert command(valkey.socket, "PING") == b"+PONG\r\n"
        finally:
            postgres.stop()
            valkey.stop()
        assert not any(folder.exists() for folder in folders)


def test_a_service_that_dies_is_seen_to_be_dead(directory: Path) -> None:
    valkey = start_valkey(directory)
    assert valkey.alive()
    os.kill(valkey.pid, signal.SIGKILL)
    wait_for(lambda: not valkey.alive())
    valkey.stop()


def test_a_broken_cluster_is_told_in_one_line(directory: Path) -> None:
    start_postgres(directory).stop()
    (directory / "postgres/data/PG_VERSION").write_text("9.6\n")
    with pytest.raises(StartError, match="incompatible with server") as failure:
        start_postgres(directory)
    assert "\n" not in str(failure.value)


def test_a_directory_that_cannot_be_used_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for start in (start_postgres, start_valkey):
        with pytest.raises(StartError, match="Not a directory") as failure:
            start(tmp_path / "file" / "data")
        assert "\n" not in str(failure.value)


def test_another_platform_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    with pytest.raises(StartError, match="linux riscv64; use your own servers"):
        start_postgres(tmp_path)


def test_missing_wheels_are_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(StartError, match=r"passhub\[demo\]"):
        start_valkey(tmp_path)


def test_programs_that_the_account_cannot_read_are_copied_and_run(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Account, "can_read", lambda self, path: False)
    postgres, valkey = start_postgres(directory), start_valkey(directory)
    try:
        assert (directory / "postgres").resolve() in Path(f"/proc/{postgres.pid}/exe").readlink().parents
        assert query(postgres.url(), "SELECT 1") == 1
        assert command(valkey.socket, "PING") == b"+PONG\r\n"
    finally:
        valkey.stop()
        postgres.stop()


def test_erase_leaves_nothing_and_refuses_while_in_use(directory: Path) -> None:
    running = start_postgres(directory)
    outside = (directory / "postgres").resolve()
    with pytest.raises(StartError, match="in use"):
        erase(directory)
    running.stop()
    erase(directory)
    assert not outside.exists()
    assert [path.name for path in directory.iterdir()] == ["log"]
