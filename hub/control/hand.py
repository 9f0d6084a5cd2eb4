"""A process beside this one for what would hold up the loop: one task after the other, each a message on its standard
input that is answered with one on its standard output. Started when it is first needed, and again when it is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from pathlib import Path
from typing import Generic, TypeVar

import msgspec
import structlog

from hub.control.framing import LENGTH, pack

log = structlog.get_logger(__name__)
D = TypeVar("D", bound=msgspec.Struct)

#: A task takes tens of milliseconds; one that is not answered by then has no process any more.
ANSWER_SECONDS = 20.0
#: A time-out that is meant for the caller comes as a cancellation, and is none of these.
_LOSSES = (ConnectionError, asyncio.IncompleteReadError, TimeoutError)
_ROOT = Path(__file__).resolve().parents[2]


class HandLost(Exception):
    """The process ended, or said nothing for too long, twice, in the middle of a task."""


class Hand(Generic[D]):
    """`module` is run as `python -m module`; `done` is what it answers with. One task at a time: callers take turns.
    `patience`: seconds for a task; `arguments`: what is said to it at its start."""

    def __init__(
        self,
        module: str,
        done: type[D],
        *,
        patience: float = ANSWER_SECONDS,
        arguments: tuple[str, ...] = (),
    ) -> None:
        self._module = module
        self._patience = patience
        self._arguments = arguments
        self._process: asyncio.subprocess.Process | None = None
        self._decoder = msgspec.msgpack.Decoder(done)

    async def do(self, task: msgspec.Struct) -> D:
        """Raises HandLost."""
        try:
            return await self._ask(task)
        except _LOSSES as error:
            # Silence too is rather the host's doing than the task's: one that was suspended goes on too late.
            log.warning("a process was lost; another one takes its place", module=self._module, fault=repr(error))
            await self.close()
        except BaseException:
            # Cancelled in the middle: the answer that is still to come would be taken for the next one's.
            await self.close()
            raise
        try:
            return await self._ask(task)
        except _LOSSES as error:
            await self.close()
            raise HandLost(self._module) from error

    async def _ask(self, task: msgspec.Struct) -> D:
        process = self._process
        if process is None or process.returncode is not None:
            process = self._process = await self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(pack(task))
        async with asyncio.timeout(self._patience):
            await process.stdin.drain()
            head = await process.stdout.readexactly(LENGTH.size)
            return self._decoder.decode(await process.stdout.readexactly(LENGTH.unpack(head)[0]))

    async def _start(self) -> asyncio.subprocess.Process:
        # What it is not given it cannot leak: none of our settings, which hold secrets.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("HUB_")}
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", self._module, *self._arguments),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=environment,
            cwd=_ROOT,
        )

    async def close(self) -> None:
        """Ends the process. Idempotent."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        # asyncio counts a process as ended when its pipes are, and one that is full of an answer which nobody reads
        # never is; so it is read, unless somebody still does.
        with contextlib.suppress(RuntimeError):
            await process.communicate()
        await process.wait()
        if process.stdin is not None:
            process.stdin.close()
            with contextlib.suppress(ConnectionError):
                await process.stdin.wait_closed()
