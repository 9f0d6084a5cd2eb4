"""The supervisor's life.

Start: sockets, recorder, workers, jobs. Whatever dies is started again, at once the first time and with growing pauses
when it keeps dying; whatever hangs is killed first. SIGHUP replaces workers one at a time: the successor has its index
before the old one stops taking connections. SIGTERM and SIGINT stop workers first, then jobs and the recorder. A second
signal does not wait.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import time
from collections.abc import Coroutine
from contextlib import suppress

import structlog

from hub.config import Settings
from hub.errors import StartError
from hub.rest.tls import Tls
from hub.supervisor.children import Child
from hub.supervisor.metrics import Totals, render
from hub.supervisor.sockets import open_sockets
from hub.supervisor.watchdog import say_where_when_asked, watch
from hub.telemetry import counters, gauge
from hub.version import __version__

log = structlog.get_logger(__name__)

STATE_FILE = "supervisor.json"
BACKOFF_SECONDS = (0.0, 0.1, 0.5, 1.0, 2.0)
STEADY_SECONDS = 5.0
STATE_SECONDS = 1.0
SUCCESSOR_PATIENCE_SECONDS = 60.0


class Supervisor:
    """`run()` returns when everything has stopped."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._sockets: list[socket.socket] = []
        self._workers: dict[int, Child] = {}
        self._children: set[Child] = set()
        self._recorder: Child | None = None
        self._jobs: Child | None = None
        self._dead = Totals()
        self._restarts = {"recorder": 0, "worker": 0, "jobs": 0}
        self._stopping = asyncio.Event()
        self._replacing = asyncio.Lock()
        self._started = time.monotonic()
        self._background: set[asyncio.Task[None]] = set()
        self._state_due: asyncio.TimerHandle | None = None

    async def run(self) -> None:
        """Until SIGTERM or SIGINT. Raises StartError when it cannot start."""
        self._make_journal_dir()
        Tls.of(self._settings)  # a certificate that no worker could use is said once, here
        self._sockets = open_sockets(self._settings.host, self._settings.port, self._settings.workers)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        loop.add_signal_handler(signal.SIGHUP, self._replace_soon)
        say_where_when_asked()
        keepers = [
            asyncio.create_task(self._keep("recorder", None)),
            asyncio.create_task(self._keep("jobs", None)),
            *(asyncio.create_task(self._keep("worker", slot)) for slot in range(self._settings.workers)),
            asyncio.create_task(watch(lambda: self._children, self._settings.watchdog_timeout)),
        ]
        log.info("passhub is starting", version=__version__, host=self._settings.host, port=self._settings.port)
        try:
            stopping = asyncio.create_task(self._stopping.wait())
            await asyncio.wait([stopping, *keepers], return_when=asyncio.FIRST_COMPLETED)
            for keeper in keepers:
                if keeper.done():
                    keeper.result()
        finally:
            await self._stop(keepers)

    def _make_journal_dir(self) -> None:
        directory = self._settings.journal_dir
        try:
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise StartError(f"HUB_JOURNAL_DIR {directory} cannot be made: {error.strerror}") from None

    # Keeping processes alive

    async def _keep(self, role: str, slot: int | None) -> None:
        deaths, begun = 0, False
        while not self._stopping.is_set():
            started = time.monotonic()
            try:
                child = self._holder(slot) or await self._start(role, slot, successor=False)
            except OSError as error:
                # No memory, no processes or no descriptors left. The others work on, and some may be free again soon;
                # whoever has just started the hub is told instead.
                if not begun:
                    raise
                log.error("a process cannot be started; trying again", process=_name(role, slot), error=str(error))
                deaths += 1
                await self._pause(deaths)
                continue
            begun = True
            while True:
                await child.ended.wait()
                # A worker that was replaced is not a death: watch its successor.
                current = self._workers.get(slot) if slot is not None else None
                if current is None or current is child:
                    break
                child, started = current, time.monotonic()
            if self._stopping.is_set():
                return
            deaths = 0 if time.monotonic() - started > STEADY_SECONDS else deaths + 1
            self._restarts[role] += 1
            log.error("a process ended; starting it again", process=child.name, status=child.returncode)
            await self._pause(deaths)

    def _holder(self, slot: int | None) -> Child | None:
        """The living worker of a slot: a successor may have taken it while its worker was to be started again."""
        there = None if slot is None else self._workers.get(slot)
        return there if there is not None and there.pid is not None else None

    async def _pause(self, deaths: int) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(BACKOFF_SECONDS[min(deaths, len(BACKOFF_SECONDS) - 1)]):
                await self._stopping.wait()

    async def _start(self, role: str, slot: int | None, *, successor: bool) -> Child:
        """Raises OSError."""
        child = Child(_name(role, slot), role, self._render)
        arguments = [] if slot is None else [f"--slot={slot}"]
        if successor:
            arguments.append("--successor")
        await child.start(self._settings, arguments, None if slot is None else self._sockets[slot])
        self._children.add(child)
        if slot is None:
            setattr(self, f"_{role}", child)
        self._in_background(self._watch(child))
        if slot is not None and not successor:
            if (there := self._holder(slot)) is not None:
                self._in_background(child.stop(self._settings.shutdown_timeout))
                return there
            self._workers[slot] = child
        self._write_state()
        return child

    def _in_background(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _watch(self, child: Child) -> None:
        await child.wait()
        self._children.discard(child)
        self._dead.add(child.families, None)
        self._write_state()

    # Replacing workers

    def _replace_soon(self) -> None:
        self._in_background(self._replace_all())

    async def _replace_all(self) -> None:
        async with self._replacing:
            log.info("replacing the workers one at a time")
            for slot in range(self._settings.workers):
                if self._stopping.is_set():
                    return
                await self._replace(slot)

    async def _replace(self, slot: int) -> None:
        try:
            successor = await self._start("worker", slot, successor=True)
        except OSError as error:
            log.error("the successor cannot be started; the worker stays", slot=slot, error=str(error))
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(SUCCESSOR_PATIENCE_SECONDS):
                done = [asyncio.create_task(e.wait()) for e in (successor.ready, successor.ended, self._stopping)]
                try:
                    await asyncio.wait(done, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for task in done:
                        task.cancel()
        if not successor.ready.is_set():
            log.error("the successor did not become ready; the worker stays", slot=slot)
            await successor.stop(self._settings.shutdown_timeout)
            return
        # The old one may have died meanwhile: then it is the one that was started in its place.
        old, self._workers[slot] = self._workers[slot], successor
        self._write_state()
        old.retire()
        try:
            async with asyncio.timeout(self._settings.retire_timeout + self._settings.shutdown_timeout):
                await old.ended.wait()
        except TimeoutError:
            await old.stop(1.0)

    # Stopping

    async def _stop(self, keepers: list[asyncio.Task[None]]) -> None:
        self._stopping.set()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._kill)
        timeout = self._settings.shutdown_timeout
        others = {c for c in (self._recorder, self._jobs) if c is not None}
        jobs = [asyncio.create_task(self._jobs.stop(timeout))] if self._jobs is not None else []
        await asyncio.gather(*(child.stop(timeout) for child in self._children - others))
        await asyncio.gather(*jobs, *(child.stop(timeout) for child in self._children & others))
        for keeper in keepers:
            keeper.cancel()
        await asyncio.gather(*keepers, return_exceptions=True)
        for sock in self._sockets:
            sock.close()
        with suppress(OSError):
            (self._settings.journal_dir / STATE_FILE).unlink()
        log.info("passhub has stopped")

    def _kill(self) -> None:
        for child in self._children:
            child.signal(signal.SIGKILL)

    # Saying how it is

    def _write_state(self) -> None:
        """Who runs, for people, `passhub demo` and tests: HUB_JOURNAL_DIR/supervisor.json, replaced as a whole."""
        state = {
            "supervisor": os.getpid(),
            "recorder": None if self._recorder is None else self._recorder.pid,
            "workers": [c.pid for _, c in sorted(self._workers.items()) if c.pid is not None],
            "jobs": None if self._jobs is None else self._jobs.pid,
            "host": self._settings.host,
            "port": self._settings.port,
        }
        path = self._settings.journal_dir / STATE_FILE
        try:
            draft = path.with_suffix(".new")
            draft.write_text(json.dumps(state))
            draft.replace(path)
        except OSError:
            # A disk that is full or read-only now may not be later.
            if self._state_due is None:
                self._state_due = asyncio.get_running_loop().call_later(STATE_SECONDS, self._write_state_again)

    def _write_state_again(self) -> None:
        self._state_due = None
        if not self._stopping.is_set():
            self._write_state()

    def _render(self) -> str:
        own = [
            gauge("hub_uptime_seconds", "Since the supervisor's start", time.monotonic() - self._started),
            counters("hub_restarts_total", "Processes that died and were started again", "process", self._restarts),
            gauge("hub_workers", "Workers that run", len([c for c in self._workers.values() if c.pid is not None])),
        ]
        current = {self._recorder, self._jobs, *self._workers.values()}
        living = [(child.name if child in current else None, child.families) for child in self._children]
        return render(self._dead, living, own)


def _name(role: str, slot: int | None) -> str:
    return role if slot is None else f"{role}-{slot}"
