"""Passwords: what is accepted as one, and hashing them in niced processes of their own (hub/accounts/hashing.py).

The pool is bounded twice: so many processes, and so many who wait for one. Who comes when all places are taken is
refused at once (TooManyRequests): a queue that nobody sees the end of helps nobody.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from pathlib import Path

import msgspec
import structlog

from hub.accounts.hashing import Done, Task
from hub.control.framing import LENGTH, pack
from hub.errors import BadRequest, StoreUnavailable, TooManyRequests

log = structlog.get_logger(__name__)

SHORTEST, LONGEST = 12, 128
#: How many may wait for each process.
WAITING = 64
#: A task takes 20 ms; one that is not answered by then has no process any more.
ANSWER_SECONDS = 20.0
_ROOT = Path(__file__).resolve().parents[2]
# Verified when there is no account, so that it takes as long as when there is one.
_NOBODY = "$argon2id$v=19$m=19456,t=2,p=1$EN/mqByxE7cCr268jRShvQ$AC9Aj1iyw/HkU2Z5Sc5qmyBt6903oFcPLe2Mxia0Z60"


class Passwords:
    """Hashes and verifies. Processes are started when they are first needed; `close` ends them."""

    def __init__(self, processes: int = 1) -> None:
        self._hands = [_Hand() for _ in range(processes)]
        self._free: asyncio.Queue[_Hand] = asyncio.Queue()
        for hand in self._hands:
            self._free.put_nowait(hand)
        self._waiting = 0

    async def hash(self, password: str) -> str:
        """The hash to keep. The password is taken as it is: `accept` says whether it is good enough."""
        done = await self._do(Task("hash", password))
        assert done.hash is not None
        return done.hash

    async def verify(self, password: str, known: str | None) -> tuple[bool, str | None]:
        """Whether it is the password of the hash `known`, and a new hash when that one has old parameters.

        With None (no such account) or '' (none was set yet) the answer is no, and takes as long as any other.
        """
        if len(password) > LONGEST:
            password = password[:LONGEST] + " too long, and so none"
        done = await self._do(Task("verify", password, known or _NOBODY))
        return (done.yes, done.hash) if known else (False, None)

    async def accept(self, password: str, field: str = "password") -> None:
        """Raises BadRequest, naming the field, for one that is too short, too long or too common."""
        if len(password) < SHORTEST:
            raise _bad(field, f"must have at least {SHORTEST} characters")
        if len(password) > LONGEST:
            raise _bad(field, f"must have at most {LONGEST} characters")
        if (await self._do(Task("is_common", password))).yes:
            raise _bad(field, "is one of the most common passwords, which are tried first; take another")

    async def _do(self, task: Task) -> Done:
        if self._waiting >= WAITING * len(self._hands):
            raise TooManyRequests("too many people are signing in at this moment; try again in a second", 1)
        self._waiting += 1
        try:
            hand = await self._free.get()
            try:
                return await hand.do(task)
            finally:
                self._free.put_nowait(hand)
        finally:
            self._waiting -= 1

    async def close(self) -> None:
        """Ends the processes. Idempotent."""
        await asyncio.gather(*(hand.close() for hand in self._hands))


class _Hand:
    """One process; started again when it is gone."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._decoder = msgspec.msgpack.Decoder(Done)

    async def do(self, task: Task) -> Done:
        try:
            return await self._ask(task)
        except (ConnectionError, asyncio.IncompleteReadError):
            log.warning("a process that hashes passwords has ended; another one takes its place")
            await self.close()
        except BaseException:
            # Cancelled in the middle: the answer that is still to come would be taken for the next one's.
            await self.close()
            raise
        try:
            return await self._ask(task)
        except (ConnectionError, asyncio.IncompleteReadError, TimeoutError) as error:
            await self.close()
            raise StoreUnavailable("passwords cannot be checked at this moment") from error

    async def _ask(self, task: Task) -> Done:
        process = self._process
        if process is None or process.returncode is not None:
            process = self._process = await _start()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(pack(task))
        async with asyncio.timeout(ANSWER_SECONDS):
            await process.stdin.drain()
            head = await process.stdout.readexactly(LENGTH.size)
            return self._decoder.decode(await process.stdout.readexactly(LENGTH.unpack(head)[0]))

    async def close(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        if process.stdin is not None:
            process.stdin.close()
            with contextlib.suppress(ConnectionError):
                await process.stdin.wait_closed()


async def _start() -> asyncio.subprocess.Process:
    # What it is not given it cannot leak: none of our settings, which hold secrets.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HUB_")}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "hub.accounts.hashing"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=environment,
        cwd=_ROOT,
    )


def _bad(field: str, message: str) -> BadRequest:
    return BadRequest(f"{field} {message}", [{"field": field, "message": message}])
