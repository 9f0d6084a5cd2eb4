"""Slows down whoever guesses passwords, without ever shutting out whose account it is.

Three counts of failures, each forgotten after a quarter of an hour without one:

    account and address   the answer waits, longer with each failure
    account               the same, for addresses from which this account never signed in: many who guess together
    address               past a number of failures the request is refused at once, for a time that grows to a minute

An account's counts only ever make an answer wait, a few seconds at most, and are forgotten when its owner signs in: a
stranger who fails a thousand times elsewhere delays an owner at the usual address by nothing, and at a new one by those
seconds. Only an address as a whole is refused, for a minute at most, and never to somebody who has signed in from it
before. What is counted does not depend on whether there is such an account.

Counts are in Redis, for all hosts; while it is away, in this process.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from hub.accounts.counts import FAULTS, Counts, LocalCounts, SharedCounts
from hub.errors import TooManyRequests
from hub.store.redis import Redis

log = structlog.get_logger(__name__)
T = TypeVar("T")

FORGOTTEN_SECONDS = 900
KNOWN_SECONDS = 90 * 86_400
FREE_FAILURES = 3
LONGEST_WAIT = 8.0
FREE_FAILURES_OF_ADDRESS = 30
LONGEST_REFUSAL = 60
FREE_CODES = 5
LONGEST_CODE_REFUSAL = 900
#: Answers that wait at once: of one address, and in this process.
WAITING_OF_ADDRESS = 10
WAITING = 500
LETTERS_AN_HOUR = 3


class Throttle:
    """`redis`: None keeps counts in this process. `pause` waits; a test hands in its own."""

    def __init__(self, redis: Redis | None, pause: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._shared = None if redis is None else SharedCounts(redis)
        self._local = LocalCounts()
        self._pause = pause
        self._waiting: dict[str, int] = {}

    async def before(self, email: str, address: str | None) -> None:
        """Before a password is looked at: waits, or raises TooManyRequests."""
        account, place = _key(email), address or "unknown"
        names = [f"p:{account}:{place}", f"a:{account}", f"i:{place}", f"k:{account}:{place}"]
        pair, all_, of_address, known = await self._ask(lambda counts: counts.read(names))
        refused = _growing(of_address - FREE_FAILURES_OF_ADDRESS, 1.0, LONGEST_REFUSAL)
        if refused and not known and (left := await self._left(f"i:{place}:until")):
            raise _refusal(left)
        failures = pair if known else max(pair, all_)
        await self._wait(place, _growing(failures - FREE_FAILURES, 0.5, LONGEST_WAIT))

    async def failed(self, email: str, address: str | None) -> None:
        """A password was wrong, or there is no such account."""
        account, place = _key(email), address or "unknown"
        await self._add(f"p:{account}:{place}", FORGOTTEN_SECONDS)
        await self._add(f"a:{account}", FORGOTTEN_SECONDS)
        count = await self._add(f"i:{place}", FORGOTTEN_SECONDS)
        refused = _growing(count - FREE_FAILURES_OF_ADDRESS, 1.0, LONGEST_REFUSAL)
        if refused:
            await self._set(f"i:{place}:until", int(refused))

    async def succeeded(self, email: str, address: str | None) -> None:
        """Its owner is here: the account's failures are forgotten, and the address is one of its own from now on."""
        account, place = _key(email), address or "unknown"
        await self.forget(email, address)
        await self._set(f"k:{account}:{place}", KNOWN_SECONDS)

    async def forget(self, email: str, address: str | None) -> None:
        """The account has another password: who guessed the former one has learnt nothing."""
        account, place = _key(email), address or "unknown"
        await self._drop(f"p:{account}:{place}", f"a:{account}")

    async def before_code(self, email: str) -> None:
        """Before a code of the second factor is looked at, the password being right: six digits are soon guessed, so
        here the account itself is refused for a while. Only who knows its password gets here."""
        account = _key(email)
        if left := await self._left(f"c:{account}:until"):
            raise _refusal(left)

    async def code_failed(self, email: str) -> None:
        account = _key(email)
        count = await self._add(f"c:{account}", 86_400)
        refused = _growing(count - FREE_CODES, 4.0, LONGEST_CODE_REFUSAL)
        if refused:
            await self._set(f"c:{account}:until", int(refused))

    async def code_accepted(self, email: str) -> None:
        """Its owner is here. The password alone does not show that: who has it could guess codes without end."""
        account = _key(email)
        await self._drop(f"c:{account}", f"c:{account}:until")

    async def may_mail(self, email: str) -> bool:
        """Whether another letter may go to this address: nobody's mailbox is filled by a stranger."""
        return await self._add(f"m:{_key(email)}", 3600, extend=False) <= LETTERS_AN_HOUR

    async def _left(self, name: str) -> int:
        return await self._ask(lambda counts: counts.left(name))

    async def _add(self, name: str, seconds: int, *, extend: bool = True) -> int:
        return await self._ask(lambda counts: counts.add(name, seconds, extend))

    async def _drop(self, *names: str) -> None:
        await self._local.drop(list(names))
        await self._ask(lambda counts: counts.drop(list(names)))

    async def _set(self, name: str, seconds: int) -> None:
        await self._ask(lambda counts: counts.set(name, seconds))

    async def _wait(self, place: str, seconds: float) -> None:
        if not seconds:
            return
        if self._waiting.get(place, 0) >= WAITING_OF_ADDRESS or sum(self._waiting.values()) >= WAITING:
            raise _refusal(seconds)
        self._waiting[place] = self._waiting.get(place, 0) + 1
        try:
            await self._pause(seconds)
        finally:
            self._waiting[place] -= 1
            if not self._waiting[place]:
                del self._waiting[place]

    async def _ask(self, what: Callable[[Counts], Awaitable[T]]) -> T:
        """Of Redis, or of this process while it is away."""
        if self._shared is not None:
            try:
                return await what(self._shared)
            except FAULTS as error:
                log.debug("failed sign-ins are counted in this process, Redis is away", error=type(error).__name__)
        return await what(self._local)


def _growing(over: int, first: float, longest: float) -> float:
    """0 up to the free ones, then `first`, doubled with each, at most `longest` seconds."""
    return 0.0 if over < 0 else min(longest, first * 2.0 ** min(over, 20))


def _key(email: str) -> str:
    """No address of a person is in Redis."""
    return hashlib.sha256(email.strip().lower().encode("utf-8", "replace")).hexdigest()[:32]


def _refusal(seconds: float) -> TooManyRequests:
    wait = max(1, int(seconds + 0.999))
    return TooManyRequests(f"too many failed attempts; try again in {wait} s", wait)
