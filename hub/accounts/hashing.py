"""The process that hashes passwords: `python -m hub.accounts.hashing`, a child of a worker.

argon2 takes a core and 19 MiB for 20 ms by design. Here that is another process's time, at a low priority, so that
a flood of sign-ins never slows a scan. One request after another comes in on standard input and is answered on standard
output, each a msgpack message with its length before it; when the input ends, so does the process.
"""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Literal

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from hub.control.framing import answer_each

#: OWASP's second choice for argon2id, which ASVS 5 refers to: 19 MiB, two passes, one lane.
MEMORY_KIB = 19_456
PASSES = 2
LANES = 1
#: A tenth of the weight of a worker. At 19, a sign-in on a host that has no core to spare took ten seconds.
NICENESS = 10


class Task(msgspec.Struct, array_like=True):
    """What to do with a password. `hash` is for `verify` alone."""

    what: Literal["hash", "verify", "is_common"]
    password: str
    hash: str = ""


class Done(msgspec.Struct, array_like=True):
    """`hash`: of a `hash` task, or the one to keep from now on when what was verified has old parameters."""

    yes: bool
    hash: str | None = None


def hasher() -> PasswordHasher:
    """argon2id with this version's parameters."""
    return PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES)


def perform(task: Task) -> Done:
    """Carries out one task, in this very process."""
    if task.what == "hash":
        return Done(True, hasher().hash(task.password))
    if task.what == "is_common":
        return Done(is_common(task.password))
    try:
        hasher().verify(task.hash, task.password)
    except (VerificationError, InvalidHashError):
        return Done(False)
    return Done(True, hasher().hash(task.password) if hasher().check_needs_rehash(task.hash) else None)


def is_common(password: str) -> bool:
    """Whether it is among what is tried first: a common password in any case, a common word with digits or signs around
    it, one of them twice, or nothing but digits or a few different characters."""
    word = password.casefold()
    core = word.strip("0123456789!?.,-_*#@$%&+= ")
    half = core[: len(core) // 2]
    if not core or len(set(word)) < 5:
        return True
    return word in _common() or core in _common() or (half * 2 == core and half in _common())


@lru_cache(maxsize=1)
def _common() -> frozenset[str]:
    # Imported on first use, and only in this process: the lists are some megabytes.
    from zxcvbn.frequency_lists import FREQUENCY_LISTS  # noqa: PLC0415

    return frozenset().union(*FREQUENCY_LISTS.values())


def main() -> None:
    """Until standard input ends."""
    os.nice(NICENESS)
    answer_each(Task, perform)


if __name__ == "__main__":
    main()
