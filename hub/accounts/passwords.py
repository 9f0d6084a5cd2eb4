"""Passwords: what is accepted as one, and hashing them in niced processes of their own (hub/accounts/hashing.py).

The pool is bounded twice: so many processes, and so many who wait for one. Who comes when all places are taken is
refused at once (TooManyRequests): a queue that nobody sees the end of helps nobody.
"""

from __future__ import annotations

import asyncio

from hub.accounts.hashing import Done, Task
from hub.control.hand import Hand, HandLost
from hub.errors import BadRequest, StoreUnavailable, TooManyRequests

SHORTEST, LONGEST = 12, 128
#: How many may wait for each process.
WAITING = 64
# Verified when there is no account, so that it takes as long as when there is one.
_NOBODY = "$argon2id$v=19$m=19456,t=2,p=1$EN/mqByxE7cCr268jRShvQ$AC9Aj1iyw/HkU2Z5Sc5qmyBt6903oFcPLe2Mxia0Z60"


class Passwords:
    """Hashes and verifies. Processes are started when they are first needed; `close` ends them."""

    def __init__(self, processes: int = 1) -> None:
        self._hands = [Hand("hub.accounts.hashing", Done) for _ in range(processes)]
        self._free: asyncio.Queue[Hand[Done]] = asyncio.Queue()
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
            except HandLost as error:
                raise StoreUnavailable("passwords cannot be checked at this moment") from error
            finally:
                self._free.put_nowait(hand)
        finally:
            self._waiting -= 1

    async def close(self) -> None:
        """Ends the processes. Idempotent."""
        await asyncio.gather(*(hand.close() for hand in self._hands))


def _bad(field: str, message: str) -> BadRequest:
    return BadRequest(f"{field} {message}", [{"field": field, "message": message}])
