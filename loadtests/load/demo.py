"""A demo of one's own for a while: started on a directory that is made for it, stopped by process id, erased."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hub.demo.embedded import erase
from loadtests.load.targets import LoadError

READY_SECONDS, STOP_SECONDS = 120.0, 30.0


@contextmanager
def running_demo(root: Path, *arguments: str) -> Iterator[Path]:
    """Its demo.json, once it is ready; `arguments` are `passhub demo`'s, without any nobody walks in. Raises LoadError
    with its own last words when it does not come up."""
    place = Path(tempfile.mkdtemp(prefix="passhub-load-"))
    place.chmod(0o711)  # as root its services run as another account, which must get through
    said = place / "said"
    try:
        with said.open("wb") as out:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "hub", "demo", "--data-dir", str(place / "demo")),
                    *("--port", str(_free_port()), *(arguments or ("--readers", "0"))),
                ],
                cwd=root,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C ends the load first, and then this
            )
        try:
            yield _wait_ready(process, place / "demo" / "demo.json", said)
        finally:
            _stop(process, place / "demo" / "demo.json")
    finally:
        erase(place / "demo")
        shutil.rmtree(place, ignore_errors=True)


def _wait_ready(process: subprocess.Popen[bytes], document: Path, said: Path) -> Path:
    deadline = time.monotonic() + READY_SECONDS
    while not document.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise LoadError("the demo did not come up; it said:\n" + said.read_text(errors="replace"))
        time.sleep(0.05)
    return document


def _stop(process: subprocess.Popen[bytes], document: Path) -> None:
    """What does not end in time is killed, each process by its id. A second Ctrl-C does not leave it half done."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        left = _pids(document)
        process.kill()
        process.wait()
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _pids(document: Path) -> list[int]:
    """The processes of a demo that runs."""
    try:
        named = json.loads(document.read_bytes())["pids"].values()
    except (OSError, ValueError):
        return []
    return [pid for value in named for pid in (value if isinstance(value, list) else [value]) if pid]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
