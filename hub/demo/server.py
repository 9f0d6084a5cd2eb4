"""`python -m hub serve` as the demo's child: started, watched, stopped; and the one that a killed demo has left."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp

from hub.config import PREFIX, Settings, to_environment
from hub.demo.place import Place
from hub.demo.screen import Screen
from hub.errors import StartError
from hub.supervisor.run import STATE_FILE

# In the environment of the server and of its children: whose they are.
MARK = "PASSHUB_DEMO_DIR"
READY_WITHIN = 60.0
POLL_SECONDS = 0.03
STOP_SECONDS = 2.5
ORPHAN_SECONDS = 5.0
PAUSES = (0.0, 0.5, 2.0, 5.0)
STEADY_SECONDS = 5.0
# The folder that has this very package: the server's code is ours, wherever the demo was started.
CODE = Path(__file__).resolve().parents[2]


class Server:
    """One supervisor with its workers, recorder and jobs. `base_url` is where a program on this machine reaches it."""

    def __init__(self, settings: Settings, place: Place) -> None:
        self.settings = settings
        self.base_url = f"http://{_reachable(settings.host)}:{settings.port}"
        self._place = place
        self._process: asyncio.subprocess.Process | None = None
        self._log_start = 0

    async def start(self) -> None:
        """Starts the process; `wait_ready` says when it answers."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith(PREFIX)} | to_environment(self.settings)
        try:
            fd = os.open(self._place.log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            try:
                self._log_start = os.fstat(fd).st_size
                self._process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "hub", "serve"),
                    env=environment | {MARK: str(self._place.path)},
                    cwd=CODE,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=fd,
                    stderr=fd,
                    start_new_session=True,  # a Ctrl-C at the terminal is for us, not for it
                )
            finally:
                os.close(fd)
            self._place.serve_pid.write_text(f"{self._process.pid}\n", "ascii")
        except OSError as error:
            raise StartError(f"cannot start the server: {error}") from error

    async def wait_ready(self, http: aiohttp.ClientSession) -> None:
        """Until its index is loaded and its journal takes writes. Raises StartError with what its log says."""
        deadline = time.monotonic() + READY_WITHIN
        while not await self._is_ready(http):
            if not self.alive:
                raise StartError(f"the server did not start: {self._complaint()}")
            if time.monotonic() > deadline:
                raise StartError(f"the server was not ready within {READY_WITHIN:.0f} s (see {self._place.log_file})")
            await asyncio.sleep(POLL_SECONDS)

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.returncode is None

    def pids(self) -> dict[str, Any]:
        """`supervisor`, `recorder`, `workers`, `jobs` as they are now; None, or an empty list, for who is not there."""
        nobody: dict[str, Any] = {"supervisor": None, "recorder": None, "workers": [], "jobs": None}
        if not self.alive or self._process is None:
            return nobody
        state = _state(self._place)
        if state.get("supervisor") != self._process.pid:  # a former run's
            return nobody | {"supervisor": self._process.pid}
        return {name: state.get(name, nobody[name]) for name in nobody}

    async def keep(self, screen: Screen, http: aiohttp.ClientSession) -> None:
        """Until cancelled: a server that ends is started again, with growing pauses when it keeps ending."""
        deaths = 0
        while True:
            started = time.monotonic()
            assert self._process is not None
            status = await self._process.wait()
            deaths = 0 if time.monotonic() - started > STEADY_SECONDS else deaths + 1
            why = f"was ended by {_signal_name(-status)}" if status < 0 else f"ended with status {status}"
            screen.say(f"the server {why}; starting it again")
            await asyncio.sleep(PAUSES[min(deaths, len(PAUSES) - 1)])
            try:
                await self.start()
                await self.wait_ready(http)
            except StartError as error:
                screen.say(str(error))
                await self.stop()
            else:
                screen.say(f"the server is back (pid {self._process.pid})")

    async def stop(self) -> None:
        """Ends it and its children; in four seconds if they are frozen, else in one. Idempotent."""
        process = self._process
        if process is None:
            return
        children = _children(self._place)
        # The second signal makes it kill its children.
        for number, patience in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGTERM, 0.5), (signal.SIGKILL, 0.5)):
            if process.returncode is None:
                process.send_signal(number)
                with suppress(TimeoutError):
                    async with asyncio.timeout(patience):
                        await process.wait()
        # Children whose supervisor was killed go by themselves, unless they are frozen.
        await _end(children, self._place, 0.7)
        if _read_pid(self._place.serve_pid) == process.pid:  # not its successor's
            self._place.serve_pid.unlink(missing_ok=True)

    async def _is_ready(self, http: aiohttp.ClientSession) -> bool:
        try:
            async with http.get(f"{self.base_url}/health/ready", timeout=aiohttp.ClientTimeout(total=2.0)) as answer:
                return answer.status == 200
        except (aiohttp.ClientError, OSError, TimeoutError):
            return False

    def _complaint(self) -> str:
        """The one line that it left for a person, or where to look."""
        try:
            with self._place.log_file.open("rb") as log:
                log.seek(self._log_start)
                lines = log.read(65_536).decode("utf-8", "replace").splitlines()
        except OSError:
            lines = []
        said = [line.removeprefix("passhub: ") for line in lines if line.startswith("passhub: ")]
        return said[-1] if said else f"see {self._place.log_file}"


async def end_former_run(place: Place, screen: Screen) -> None:
    """Stops the server that a killed demo of this directory has left. Raises StartError when it cannot."""
    state = _state(place)
    pids = [state.get("supervisor"), _read_pid(place.serve_pid)]
    supervisors = {pid for pid in pids if isinstance(pid, int) and _is_ours(pid, place)}
    if supervisors:
        screen.say(f"a former run was killed; stopping what it left (pid {', '.join(map(str, sorted(supervisors)))})")
    children = _children(place)
    await _end(supervisors, place, ORPHAN_SECONDS)
    await _end(children, place, ORPHAN_SECONDS)
    place.serve_pid.unlink(missing_ok=True)


async def _end(pids: set[int], place: Place, patience: float) -> None:
    """SIGTERM, and SIGKILL after `patience` seconds, to those that still are this directory's."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        pids = {pid for pid in pids if _is_ours(pid, place)}
        for pid in pids:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue
            except PermissionError:
                raise StartError(f"a former run's server (pid {pid}) is not ours to stop; stop it first") from None
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if not (pids := {pid for pid in pids if _is_ours(pid, place)}):
                return
            await asyncio.sleep(POLL_SECONDS)
    raise StartError(f"the server's process {min(pids)} does not stop; end it with: kill -9 {min(pids)}")


def _children(place: Place) -> set[int]:
    """The supervisor's children, by its own account."""
    state = _state(place)
    pids = [state.get("recorder"), state.get("jobs"), *(state.get("workers") or [])]
    return {pid for pid in pids if isinstance(pid, int)}


def _is_ours(pid: int, place: Place) -> bool:
    """Whether a live process belongs to a demo of this directory: a number alone may be somebody else's by now."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False
    hub = any(part == b"hub" or part.startswith(b"hub.") for part in command)
    return hub and os.fsencode(f"{MARK}={place.path}") in environment


def _state(place: Place) -> dict[str, Any]:
    """The supervisor's own account of its processes; empty where there is none."""
    try:
        state = json.loads((place.journal / STATE_FILE).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}


def _read_pid(path: Path) -> int | None:
    try:
        return int(path.read_text("ascii"))
    except (OSError, ValueError):
        return None


def _reachable(host: str) -> str:
    """An address for a client: nobody can connect to "every address"."""
    host = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"[{host}]" if ":" in host else host


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
