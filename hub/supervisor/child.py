"""What a child process runs: `python -m hub.supervisor.child worker|recorder|jobs --control-fd=N …`.

A module of its own, so that a worker that is restarted while people wait at doors does not import the command line.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import os
import signal
import socket
import sys
from collections.abc import Coroutine
from typing import Any

import uvloop

from hub.config import Settings, load_settings
from hub.control.line import ControlLine
from hub.errors import HubError
from hub.logs import configure
from hub.supervisor.watchdog import say_where_when_asked

FINAL_DRAIN_SECONDS = 1.0
#: Whoever waits at a door comes before whoever waits for a job.
JOBS_NICENESS = 10


async def _recorder(settings: Settings, control_fd: int | None) -> None:
    from hub.recorder.process import Recorder

    line = await ControlLine.open(control_fd)
    recorder = Recorder(settings)
    line.collect(recorder.families)
    ready = asyncio.Event()
    stop = stop_event()
    tasks = [asyncio.create_task(recorder.run(ready)), asyncio.create_task(line.run())]
    announce = asyncio.create_task(ready.wait())
    announce.add_done_callback(lambda _: line.ready())
    ends = [asyncio.create_task(stop.wait()), asyncio.create_task(line.gone.wait())]
    await asyncio.wait([*tasks, *ends], return_when=asyncio.FIRST_COMPLETED)
    if not line.gone.is_set() and not tasks[0].done():
        await recorder.finish(FINAL_DRAIN_SECONDS)
        line.send_numbers()
    await _cancel([*tasks, *ends, announce])


async def _worker(settings: Settings, slot: int, listening: socket.socket, fd: int | None, successor: bool) -> None:
    from hub.app import serve

    await serve(settings, slot, listening, fd, successor=successor)


async def _jobs(settings: Settings, control_fd: int | None) -> None:
    from hub.jobs.process import run
    from hub.store.pg import active_connections
    from hub.telemetry import gauge

    os.nice(JOBS_NICENESS)
    line = await ControlLine.open(control_fd)
    line.collect(lambda: [gauge("active_connections", "Connections to PostgreSQL in use", active_connections())])
    stop = stop_event()
    tasks = [asyncio.create_task(run(settings, stop)), asyncio.create_task(line.run())]
    line.ready()
    ends = [asyncio.create_task(stop.wait()), asyncio.create_task(line.gone.wait())]
    await asyncio.wait([*tasks, *ends], return_when=asyncio.FIRST_COMPLETED)
    stop.set()
    # After half of it, jobs are put back into the queue: that takes a moment before the connections are cut.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(settings.shutdown_timeout * 3 / 4):
            await asyncio.shield(tasks[0])
    await _cancel([*tasks, *ends])


def stop_event() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, lambda: None)
    return stop


async def _cancel(tasks: list[asyncio.Task[Any]]) -> None:
    """End the tasks; the first failure among them surfaces."""
    failed = [t.exception() for t in tasks if t.done() and not t.cancelled()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for error in failed:
        if error is not None:
            raise error


def main() -> int:
    parser = argparse.ArgumentParser(prog="passhub-child")
    parser.add_argument("role", choices=["worker", "recorder", "jobs"])
    parser.add_argument("--control-fd", type=int)
    parser.add_argument("--listen-fd", type=int)
    parser.add_argument("--slot", type=int, default=0)
    parser.add_argument("--successor", action="store_true")
    arguments = parser.parse_args()
    say_where_when_asked()
    try:
        settings = load_settings()
        configure(settings, f"{arguments.role}-{arguments.slot}" if arguments.role == "worker" else arguments.role)
        work: Coroutine[Any, Any, None]
        if arguments.role == "worker":
            listening = socket.socket(fileno=arguments.listen_fd)
            work = _worker(settings, arguments.slot, listening, arguments.control_fd, arguments.successor)
        elif arguments.role == "recorder":
            work = _recorder(settings, arguments.control_fd)
        else:
            work = _jobs(settings, arguments.control_fd)
        # Allocation on the hot path is short-lived and acyclic: look for cycles less often.
        gc.set_threshold(10_000, 20, 50)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(work)
    except HubError as error:
        sys.stderr.write(f"passhub: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
