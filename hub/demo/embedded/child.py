"""A service's process: started, watched, stopped; and the one that a killed former run has left."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from hub.demo.embedded.account import Account
from hub.demo.embedded.home import Home
from hub.errors import StartError

POLL = 0.01
# Nothing of the caller's environment: PGOPTIONS, TZ or an absent LC_ALL would change what the service does.
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}


class Child:
    """A running service whose output goes to its log. `pid` stays readable after it has ended."""

    def __init__(self, home: Home, command: Sequence[str | Path]) -> None:
        self._home = home
        self._log_start = home.log_file.stat().st_size if home.log_file.exists() else 0
        with home.log_file.open("ab") as log:
            self._process = spawn(home.account, command, subprocess.DEVNULL, log.fileno())
        self.pid = self._process.pid
        home.pid_file.write_text(f"{self.pid}\n", encoding="ascii")

    def alive(self) -> bool:
        return self._process.poll() is None

    def wait_until(self, ready: Callable[[], bool], seconds: float) -> None:
        """Returns when `ready()`. Raises StartError with what the log says if it ends or takes longer."""
        deadline = time.monotonic() + seconds
        while not ready():
            if not self.alive():
                raise StartError(f"{self._home.service} did not start: {self.complaint()}")
            if time.monotonic() > deadline:
                self.stop([signal.SIGKILL], 1.0)
                raise StartError(f"{self._home.service} was not ready within {seconds:.0f} s: {self.complaint()}")
            time.sleep(POLL)

    def complaint(self) -> str:
        """The log's own words since this process began, in one line."""
        with self._home.log_file.open("rb") as log:
            log.seek(self._log_start)
            text = log.read(65_536).decode("utf-8", "replace")
        return f"{one_line(text)} (see {self._home.log_file})"

    def stop(self, signals: Sequence[signal.Signals], seconds: float) -> None:
        """Sends each signal in turn, waiting up to `seconds` after each."""
        for number in signals:
            if not self.alive():
                return
            self._process.send_signal(number)
            try:
                self._process.wait(seconds)
            except subprocess.TimeoutExpired:
                continue


def spawn(account: Account, command: Sequence[str | Path], stdin: int, output: int) -> subprocess.Popen[bytes]:
    """Starts `command` as the account, in a session of its own: a Ctrl-C at the terminal is for us, not for it."""
    try:
        return subprocess.Popen(
            [str(part) for part in command],
            stdin=stdin,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=ENVIRONMENT,
            start_new_session=True,
            umask=0o077,
            user=account.uid if account.foreign else None,
            group=account.gid if account.foreign else None,
            extra_groups=[] if account.foreign else None,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise StartError(f"cannot run {command[0]} as user {account.name}: {error}") from error


def run(account: Account, command: Sequence[str | Path], text: str = "") -> None:
    """Runs `command` to its end with `text` on its input. Raises StartError with its complaint when it fails."""
    process = spawn(account, command, subprocess.PIPE, subprocess.PIPE)
    output, _ = process.communicate(text.encode())
    if process.returncode != 0:
        raise StartError(f"{Path(command[0]).name} failed: {one_line(output.decode('utf-8', 'replace'))}")


def stop_orphan(pid: int, directory: Path, signals: Sequence[signal.Signals], seconds: float) -> bool:
    """Stops `pid` if it is a service of `directory`, as its command line says; True when it was one.

    A pid file alone proves nothing: after a restart of the machine the number belongs to somebody else.
    """
    if not is_service(pid, directory):
        return False
    for number in signals:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return True
        except PermissionError as error:
            raise StartError(f"a former run's process {pid} still uses {directory} and is not ours to stop") from error
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not is_service(pid, directory):
                return True
            time.sleep(POLL)
    raise StartError(
        f"a former run's process {pid} still uses {directory} and does not stop; end it with kill -9 {pid}"
    )


def is_service(pid: int, directory: Path) -> bool:
    """Whether a live process `pid` was started with `directory` as one of its arguments (a zombie has none)."""
    try:
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return os.fsencode(directory) in arguments


def read_pid(path: Path) -> int | None:
    """The number in the first line of a pid file, None where there is no such thing."""
    try:
        return int(path.read_text(encoding="utf-8").split("\n", 1)[0])
    except (OSError, ValueError):
        return None


def one_line(text: str) -> str:
    """What matters of a service's output: its errors and their hints, else its last words."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    marks = (
        "FATAL",
        "PANIC",
        "DETAIL:",
        "HINT:",
        "error:",
        "error ",
        "Fatal",
        "ERROR",
        "Can't",
    )
    telling = [line for line in lines if any(mark in line for mark in marks)] or lines[-2:]
    return "; ".join(telling)[:400] or "it said nothing"
