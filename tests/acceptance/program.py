"""The real program as a process, as a person starts it: `Program` is any `passhub …`, `Demo` is `passhub demo`.

    with Demo(directory, "--students", "40") as demo:
        demo.wait_ready()
        demo.verify(key, code)

Leaving the block stops it; what a killed one has left is killed too, process by process, found by what it was started
with. Nothing here asserts how long anything takes; waiting ends with AssertionError and the program's own words.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import asyncpg

from hub.demo.server import MARK

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120.0


def _ports() -> Iterator[int]:
    """This test process's own, below those that the system gives to whoever asks for any."""
    span = 20_000 // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    first = 11_000 + span * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    return (first + (os.getpid() + step) % span for step in itertools.count())


_PORTS = _ports()


def free_port() -> int:
    """A port that nobody has at the moment, and that no other test is given soon."""
    for port in itertools.islice(_PORTS, 20_000):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


def wait_for(condition: Callable[[], object], what: str, seconds: float = PATIENCE) -> None:
    """Until `condition()` is true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes())
    except OSError:
        return False


class Program:
    """`python -m hub ARGUMENTS`. `environment` is added to this process's, without its HUB_*; None removes one.

    `lines`: what it has printed so far, on standard output and standard error.
    """

    def __init__(self, *arguments: str, environment: Mapping[str, str | None] | None = None) -> None:
        self.lines: list[str] = []
        self._command = [sys.executable, "-m", "hub", *arguments]
        self._environment = {k: v for k, v in os.environ.items() if not k.startswith("HUB_")}
        for name, value in (environment or {}).items():
            self._environment.pop(name, None)
            if value is not None:
                self._environment[name] = value
        self._process: subprocess.Popen[str] | None = None
        self._reading: threading.Thread | None = None

    @property
    def pid(self) -> int:
        return self._started().pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def start(self) -> Self:
        """Starts it (again); `lines` are the new run's."""
        assert not self.running
        self.lines = []
        self._process = subprocess.Popen(
            self._command,
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )
        self._reading = threading.Thread(target=self._read, args=(self._process, self.lines), daemon=True)
        self._reading.start()
        return self

    def send(self, number: int) -> None:
        self._started().send_signal(number)

    def wait(self, seconds: float = PATIENCE) -> int:
        """Until it ends; its exit status."""
        process = self._started()
        try:
            status = process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {seconds:.0f} s; it said:\n{self.text}") from None
        assert self._reading is not None
        self._reading.join(5.0)
        return status

    def stop(self, number: int = signal.SIGTERM) -> int:
        """A signal, and the exit status that follows."""
        self.send(number)
        return self.wait()

    def kill(self) -> None:
        """kill -9, this process alone."""
        self._started().kill()
        self.wait()

    def wait_line(self, part: str) -> str:
        """The first line that contains `part`, when it comes."""
        wait_for(lambda: any(part in line for line in self.lines) or not self.running, f"a line with {part!r}")
        for line in list(self.lines):
            if part in line:
                return line
        self.wait()
        raise AssertionError(f"it ended without a line with {part!r}:\n{self.text}")

    def close(self) -> None:
        """Ends it, whatever it takes."""
        if self.running:
            self.send(signal.SIGTERM)
            try:
                self.wait(15.0)
            except AssertionError:
                self.kill()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _started(self) -> subprocess.Popen[str]:
        assert self._process is not None, "not started"
        return self._process

    @staticmethod
    def _read(process: subprocess.Popen[str], lines: list[str]) -> None:
        assert process.stdout is not None
        with process.stdout:
            lines.extend(line.rstrip("\n") for line in process.stdout)


class Demo(Program):
    """`passhub demo` on a directory; a free port unless one is given."""

    def __init__(
        self,
        directory: Path,
        *arguments: str,
        port: int | None = None,
        environment: Mapping[str, str | None] | None = None,
    ) -> None:
        self.directory = directory
        self.port = port or free_port()
        super().__init__(
            *("demo", "--data-dir", str(directory), "--port", str(self.port), *arguments), environment=environment
        )

    @property
    def document(self) -> Path:
        return self.directory / "demo.json"

    @property
    def json(self) -> dict[str, Any]:
        """demo.json as it is now."""
        document: dict[str, Any] = json.loads(self.document.read_text("utf-8"))
        return document

    @property
    def pids(self) -> dict[str, Any]:
        pids: dict[str, Any] = self.json["pids"]
        return pids

    def wait_ready(self) -> Self:
        """Until demo.json is there and /health/ready answers 200."""
        wait_for(lambda: self._is_ready() or not self.running, "ready")
        assert self.running, f"the demo has ended:\n{self.text}"
        return self

    def processes(self) -> list[int]:
        """Every process of a demo on this directory, but the one that was started here."""
        directory = os.fsencode(self.directory.resolve())
        mark = MARK.encode() + b"=" + directory
        own = self._process.pid if self._process is not None else -1
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) not in (own, os.getpid()):
                try:
                    command = (entry / "cmdline").read_bytes()
                    environment = (entry / "environ").read_bytes()
                except OSError:
                    continue
                if mark in environment.split(b"\0") or directory + b"/" in command:
                    found.append(int(entry.name))
        return found

    def http(self, path: str, body: object = None, key: str | None = None) -> tuple[int, Any]:
        """GET, or POST of a JSON body: status, and the answer's JSON."""
        headers = {"Content-Type": "application/json"} | ({} if key is None else {"Authorization": f"Bearer {key}"})
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=30)) as connection:
            connection.request(
                "GET" if body is None else "POST", path, None if body is None else json.dumps(body), headers
            )
            answer = connection.getresponse()
            return answer.status, json.load(answer)

    def verify(self, key: str, code: str, **more: object) -> dict[str, Any]:
        """One question at a door, answered 200; `scanId` is new unless given."""
        status, answer = self.http("/api/v1/passes/verify", {"qrCode": code, "scanId": str(uuid4())} | more, key)
        assert status == 200, (status, answer)
        found: dict[str, Any] = answer
        return found

    def door(self, school: str) -> dict[str, Any]:
        """An access point of the school that serves both directions, the last such: its simulated reader comes last."""
        doors = [p for p in self.json["accessPoints"] if p["schoolCode"] == school and p["accessType"] == "both"]
        found: dict[str, Any] = doors[-1]
        return found

    def sql(self, statement: str, *values: object) -> Any:
        """One value, asked as the schema's owner."""

        async def ask() -> Any:
            connection = await asyncpg.connect(self.json["databaseUrl"])
            try:
                return await connection.fetchval(statement, *values)
            finally:
                await connection.close()

        return asyncio.run(ask())

    def close(self) -> None:
        super().close()
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        wait_for(lambda: not self.processes(), "the processes of a killed demo are gone")

    def _is_ready(self) -> bool:
        if not self.document.exists():
            return False
        try:
            return self.http("/health/ready")[0] == 200
        except (OSError, ValueError, HTTPException):
            return False
