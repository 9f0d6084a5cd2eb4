"""`passhub serve` as a real process: a database, a journal directory and a port of its own.

    with Hub(database, directory, workers=2) as hub:
        hub.wait_ready()
        os.kill(hub.pids["recorder"], signal.SIGKILL)

Who runs is read from JOURNAL_DIR/supervisor.json, as an operator would. Leaving the block stops it, and kills by pid
what a killed supervisor has left.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from tests.acceptance.program import Program, free_port, is_alive, wait_for

JOURNAL = "journal.sqlite3"
RECOVERS = 120.0  # a generous bound of "recovers by itself", on a machine that does other things too


@contextmanager
def short_directory() -> Iterator[Path]:
    """A directory on a disk whose path leaves room for a unix socket's name."""
    directory = Path(tempfile.mkdtemp(prefix="hub-"))
    try:
        yield directory
    finally:
        shutil.rmtree(directory)


def state(pid: int) -> str:
    """The letter of a process's state, as ps shows it."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]


class Hub(Program):
    """`settings` are those of hub.config, `journal_max_bytes=1_000_000`. `before`: what to run it under, as strace."""

    def __init__(
        self,
        database: str,
        directory: Path,
        *,
        port: int | None = None,
        before: Sequence[str] = (),
        **settings: object,
    ) -> None:
        self.port = port or free_port()
        self.directory = directory
        own: dict[str, object] = {
            "database_url": database,
            "journal_dir": directory,
            "port": self.port,
            "workers": 2,
            "journal_timeout_ms": 5_000,  # of a machine that is held up now and then
            "rate_device": 1_000_000,  # few doors for much load
            "secret_key": base64.urlsafe_b64encode(bytes(32)).decode(),
            **settings,
        }
        super().__init__("serve", environment={f"HUB_{name.upper()}": str(value) for name, value in own.items()})
        self.traced = bool(before)
        self._command = [*before, *self._command]

    @property
    def log(self) -> str:
        """What it logged; without tracebacks, of which the first line is in the log too."""
        return "\n".join(line for line in self.lines if line.startswith("{"))

    @property
    def journal(self) -> Path:
        """The journal's main file."""
        return self.directory / JOURNAL

    @property
    def pids(self) -> dict[str, Any]:
        """supervisor.json: `supervisor`, `recorder`, `jobs` and the list `workers`."""
        found: dict[str, Any] = json.loads((self.directory / "supervisor.json").read_text("utf-8"))
        return found

    def wait_ready(self) -> None:
        """Until every worker answers, its index loaded and its journal healthy."""
        wait_for(lambda: not self.running or self._all_ready(), "the hub is ready")
        assert self.running, f"the hub has ended:\n{self.text}"

    def _all_ready(self) -> bool:
        try:
            workers = self.pids["workers"]
            return len(self.processes_answering(200, of=len(workers))) == len(workers) > 0
        except (OSError, ValueError, HTTPException):
            return False

    def processes_answering(self, status: int, *, of: int = 2) -> set[str]:
        """The workers that answer /health with `status`; each new connection meets any of the `of` that there are."""
        seen: dict[str, int] = {}
        for _ in range(8 * of):
            answered, body = self.health()
            seen[body["process"]] = answered
            if len(seen) == of:
                break
        return {process for process, answered in seen.items() if answered == status}

    def health(self) -> tuple[int, Any]:
        """Status and body of GET /health, of one of the workers."""
        return self.http("/health")

    def unhealthy(self) -> bool:
        """Whether all workers say 503 on /health."""
        with suppress(OSError, ValueError, HTTPException):
            return len(self.processes_answering(503)) == 2
        return False

    def waiting(self) -> int:
        """Scans that are in the journal and not in PostgreSQL, as /health has it."""
        depth: int = self.health()[1]["parts"]["journal"]["waiting"]
        return depth

    def http(self, path: str, body: object = None, key: str | None = None) -> tuple[int, Any]:
        """GET, or POST of a JSON body, on a connection of its own: status, and the answer's JSON."""
        headers = {"Content-Type": "application/json"} | ({} if key is None else {"Authorization": f"Bearer {key}"})
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=30)) as connection:
            connection.request(
                "GET" if body is None else "POST", path, None if body is None else json.dumps(body), headers
            )
            answer = connection.getresponse()
            return answer.status, json.load(answer)

    def sign_in(self, email: str, password: str) -> str:
        """An access token, as anybody gets one."""
        status, answer = self.http("/api/v1/auth/login", {"email": email, "password": password})
        assert status == 200, (status, answer)
        token: str = answer["accessToken"]
        return token

    def send(self, number: int) -> None:
        """To the supervisor, whatever it runs under."""
        if self.traced:
            os.kill(self.pids["supervisor"], number)
        else:
            super().send(number)

    def crash(self) -> None:
        """kill -9 of every process of the server at once, as when the machine's memory runs out."""
        for pid in self.everybody():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.wait()
        wait_for(lambda: not self.processes(), "the killed processes are gone")

    def everybody(self) -> list[int]:
        """The supervisor first, so that it does not start what dies after it."""
        pids = self.pids
        return [pid for pid in (pids["supervisor"], pids["recorder"], *pids["workers"], pids["jobs"]) if pid]

    def processes(self) -> list[int]:
        """Every living process that was started for this journal directory and port, whoever knows it."""
        marks = {b"HUB_JOURNAL_DIR=" + os.fsencode(self.directory), f"HUB_PORT={self.port}".encode()}
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                with suppress(OSError):
                    if marks <= set((entry / "environ").read_bytes().split(b"\0")) and is_alive(int(entry.name)):
                        found.append(int(entry.name))
        return found

    def recorder_replaced(self, before: int) -> None:
        """Waits until the recorder is another."""
        self.recovers(lambda: self.pids["recorder"] not in {None, before}, "a new recorder")

    def workers_replaced(self, before: list[int], *, count: int) -> None:
        """Waits until there are as many workers as `before`, and `count` of them are new."""

        def done() -> bool:
            now = self.pids["workers"]
            return len(now) == len(before) and len(set(now) - set(before)) == count

        self.recovers(done, f"{count} new workers")

    @contextmanager
    def recorder_down(self) -> Iterator[None]:
        """The recorder is killed, and nobody starts it again until the block ends: time to change its files."""
        supervisor = self.pids["supervisor"]
        recorder = self.pids["recorder"]
        os.kill(supervisor, signal.SIGSTOP)
        try:
            wait_for(lambda: state(supervisor) == "T", "the supervisor is stopped")
            os.kill(recorder, signal.SIGKILL)
            # Nobody reaps it; a zombie has closed its files.
            wait_for(lambda: state(recorder) == "Z", "the recorder is gone")
            yield
        finally:
            os.kill(supervisor, signal.SIGCONT)

    def recovers(self, condition: Callable[[], object], what: str) -> float:
        """Waits, generously, for something that must come by itself; how long it took, in seconds."""
        started = time.monotonic()

        def quietly() -> bool:
            with suppress(OSError, ValueError, HTTPException):
                return bool(condition())
            return False

        try:
            wait_for(quietly, what, RECOVERS)
        except AssertionError as error:
            raise AssertionError(f"{error}; the hub said:\n{self.log[-6000:]}") from None
        return time.monotonic() - started

    def close(self) -> None:
        super().close()
        for pid in self.processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
                os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not self.processes(), "the processes of a killed hub are gone")
