"""The doctor on this host: its journal, its port, the hub that runs here; and the command itself."""

from __future__ import annotations

import asyncio
import base64
import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hub.config import load_settings
from hub.recorder.journal import FILE, Journal
from hub.supervisor.doctor import Level, here
from tests.acceptance.hub import Hub, short_directory
from tests.acceptance.program import free_port, wait_for
from tests.certificates import write_pair
from tests.integration.doctor.report import SECRET, Look, at, faults, told


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        yield sock.getsockname()[1]


async def test_the_port_is_taken(look: Look, taken: int) -> None:
    report = await look(port=taken)
    assert faults(report) == ["port"]
    told(report, "port", f"process {os.getpid()}", "HUB_PORT")


async def test_something_is_in_the_journals_way(look: Look, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    told(await look(journal_dir=tmp_path / "file"), "directory", "is a file", "HUB_JOURNAL_DIR")
    told(await look(journal_dir=tmp_path / "file" / "journal"), "directory")
    told(await look(journal_dir=tmp_path / "later"), "directory", "not there yet", level=Level.warning)
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o755)
    told(await look(journal_dir=tmp_path / "open"), "directory", "chmod 700", level=Level.warning)


async def test_a_journal_that_takes_no_file(look: Look, journal_dir: Path) -> None:
    """Root writes into read-only directories too: something stands where the doctor's own file is to be."""
    (journal_dir / f"doctor-{os.getpid()}.probe").mkdir()
    report = await look()
    assert faults(report) == ["writes"]
    told(report, "writes", "takes no file")


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


async def test_what_waits_in_a_journal_that_nobody_has(look: Look, journal_dir: Path) -> None:
    journal = Journal(journal_dir)
    journal.open()
    journal.append(1_700_000_000_000_000, 3, {}, b"", prune=[])
    held = await look()
    told(held, "lock", f"process {os.getpid()}", level=Level.warning)
    journal.close()
    before = contents(journal_dir)
    report = await look()
    assert told(report, "lock", "3 scans", "passhub serve", level=Level.warning).facts["waiting"] == 3
    assert contents(journal_dir) == before
    (journal_dir / FILE).write_bytes(b"not a database" * 1000)
    told(await look(), "lock", "damaged", "keep a copy")
    assert (journal_dir / FILE).read_bytes() == b"not a database" * 1000
    (journal_dir / FILE).rename(journal_dir / f"{FILE}.damaged-20261124T030000-1")
    told(await look(), "damage", "set aside", level=Level.warning)


async def test_the_hub_that_runs_here(look: Look, database: str) -> None:
    with short_directory() as directory, Hub(database, directory, workers=1) as hub:
        await asyncio.to_thread(hub.wait_ready)
        report = await look(journal_dir=directory, port=hub.port, workers=1)
        assert faults(report) == []
        assert "is healthy" in at(report, "health", Level.right).says
        assert "that hub" in at(report, "port", Level.right).says
        assert at(report, "lock", Level.right).facts == {
            "holder": str(hub.pids["recorder"]), "waiting": 0, "oldestSeconds": 0.0
        }  # fmt: skip
        other = await look(port=hub.port)
        assert faults(other) == ["port"]
        told(other, "port", "another journal than HUB_JOURNAL_DIR", str(hub.pids["supervisor"]))
        with hub.recorder_down():
            await asyncio.to_thread(wait_for, lambda: hub.health()[0] == 503, "the worker has noticed")
            report = await look(journal_dir=directory, port=hub.port)
            assert faults(report) == ["lock", "health"]
            told(report, "health", "journal: ")


async def test_a_hub_that_speaks_tls(look: Look, database: str, tmp_path: Path) -> None:
    cert, key = write_pair(tmp_path, "hub", days=90)
    own: dict[str, Any] = {"tls_cert": cert, "tls_key": key, "workers": 1}
    with short_directory() as directory, Hub(database, directory, **own) as hub:
        settings = load_settings(**own)

        def answers() -> bool:
            found = here.ask(settings, "127.0.0.1", hub.port, 1).values()
            return [answer["status"] for answer in found] == ["healthy"]

        await asyncio.to_thread(wait_for, answers, "the hub answers")
        report = await look(journal_dir=directory, port=hub.port, **own)
        assert faults(report) == []
        assert "is healthy" in at(report, "health", Level.right).says
        assert "valid for another 90 days" in at(report, "certificate", Level.right).says


async def test_a_certificate_that_nobody_can_use(look: Look, tmp_path: Path) -> None:
    cert, key = write_pair(tmp_path, "hub", days=-3.0)
    told(await look(tls_cert=cert, tls_key=key), "certificate", "expired 3 days ago", "renew")
    write_pair(tmp_path, "hub", days=5.01)
    told(await look(tls_cert=cert, tls_key=key), "certificate", "expires in 5 days", level=Level.warning)
    told(await look(tls_cert=cert), "certificate", "set together")
    told(await look(tls_cert=cert, tls_key=tmp_path / "gone.pem"), "certificate", "there is no", "gone.pem")
    (tmp_path / "other").mkdir()
    _, other = write_pair(tmp_path / "other", "hub")
    told(await look(tls_cert=cert, tls_key=other), "certificate", "is not the key of")


async def test_a_worker_that_hangs(look: Look, database: str) -> None:
    with short_directory() as directory, Hub(database, directory, watchdog_timeout=600) as hub:
        await asyncio.to_thread(hub.wait_ready)
        hung = hub.pids["workers"][0]
        os.kill(hung, signal.SIGSTOP)
        try:
            report = await look(journal_dir=directory, port=hub.port)
        finally:
            os.kill(hung, signal.SIGCONT)
        told(report, "health", "1 of 2 workers", "worker-1", level=Level.warning)


async def run(*arguments: str, **environment: str) -> tuple[int, str]:
    """Exit status and output of the program."""
    own = {k: v for k, v in os.environ.items() if not k.startswith("HUB_")} | environment
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "hub", "doctor", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=own,
    )
    out, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode()


async def test_the_command(database: str, valkey: str, journal_dir: Path) -> None:
    secret = base64.urlsafe_b64encode(SECRET).decode()
    own = {
        "HUB_DATABASE_URL": database,
        "HUB_REDIS_URL": valkey,
        "HUB_SECRET_KEY": secret,
        "HUB_JOURNAL_DIR": str(journal_dir),
        "HUB_PORT": str(free_port()),
    }
    (status, right), (failed, text) = await asyncio.gather(
        run("--json", **own), run(**own | {"HUB_PROT": "1", "HUB_REDIS_URL": "redis://:hunter2@127.0.0.1:1"})
    )
    document = msgspec.json.decode(right)
    assert (status, document["faults"]) == (0, 0)
    assert {"part", "check", "level", "says"} <= document["findings"][0].keys()
    password = database.split("postgres:", 1)[1].split("@", 1)[0]
    assert password not in right + text
    assert secret not in right + text
    assert "hunter2" not in text
    assert failed == 1
    faulty = [line.split()[2] for line in text.splitlines() if line.startswith("FAULT")]
    assert faulty == ["HUB_PROT", "answers"]
    assert text.splitlines()[-1].startswith("2 faults, ")
