"""Which failures of PostgreSQL mean what: away (try again later), or bad data (trying again will not help)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from hub.errors import Conflict, HubError

# SQLSTATE classes (two characters) and codes. https://www.postgresql.org/docs/current/errcodes-appendix.html
_OUTAGE = (
    "08",  # connection exception
    "53",  # out of disk, memory or connections
    "57P01",  # admin shutdown
    "57P02",  # crash shutdown
    "57P03",  # starting up
    "57P05",  # idle session time-out
    "58",  # system error: I/O
    "25P03",  # idle in transaction time-out
    "25006",  # read-only: a standby took the connection
    "40001",  # another transaction changed the same rows
    "40P01",  # a deadlock, of which this was the one to end
)
_CUT_SHORT = frozenset(
    {
        "57014",  # a statement's time-out, or somebody has cancelled it
        "55P03",  # a lock's time-out
    }
)
_DATA = (
    "21",  # cardinality
    "22",  # data exception: too long, out of range, bad text
    "23",  # integrity constraint
    "54",  # a limit of the program: an index row too large
    "P0001",  # raised by a trigger
)
_TOO_FAR = (
    "22000",  # asyncpg's own, before anything is sent: a value that does not fit its type
    "22001",  # text too long
    "22003",  # number out of range
    "22007",  # no date
    "22008",  # date out of range
    "22021",  # a character that the database does not have
    "22P05",  # the same, converted
    "54",  # a limit of the program
)


def is_cut_short(error: BaseException) -> bool:
    """PostgreSQL gave a statement up that ran, or waited for a lock, for too long; later it may manage."""
    return isinstance(error, asyncpg.PostgresError) and error.sqlstate in _CUT_SHORT


def is_outage(error: BaseException) -> bool:
    """PostgreSQL is away, starting, full or unreachable: the same statement may succeed later."""
    if isinstance(error, asyncpg.PostgresError):
        return (error.sqlstate or "").startswith(_OUTAGE)
    if isinstance(error, asyncpg.InterfaceError):
        # asyncpg says "connection is closed" and "pool is closing" without a code; wrong arguments are DataError.
        return not isinstance(error, asyncpg.DataError) and "clos" in str(error)
    return isinstance(error, OSError | TimeoutError)


def is_data_fault(error: BaseException) -> bool:
    """The rows are at fault: the same statement fails on them for ever, and other rows may pass."""
    if isinstance(error, asyncpg.PostgresError):
        return (error.sqlstate or "").startswith(_DATA)
    # asyncpg's own refusals, before anything is sent: a value that does not fit its type, a lone surrogate.
    return isinstance(error, asyncpg.DataError | UnicodeError | OverflowError)


def is_out_of_range(error: BaseException) -> bool:
    """A value that no column can hold: too long, too large, too long ago."""
    if isinstance(error, asyncpg.PostgresError):
        return (error.sqlstate or "").startswith(_TOO_FAR)
    return isinstance(error, UnicodeError | OverflowError)


@contextmanager
def conflicts(**messages: str | HubError) -> Iterator[None]:
    """`with conflicts(name_of_a_constraint="what a person reads"):` a constraint that fails is a Conflict, or the error
    that is given instead of a sentence."""
    try:
        yield
    except asyncpg.IntegrityConstraintViolationError as error:
        message = messages.get(error.constraint_name or "")
        if message is None:
            raise
        raise (Conflict(message) if isinstance(message, str) else message) from None


def connection_fault(error: BaseException) -> str:
    """One line for a person; asyncpg's messages hold no password, and neither does this."""
    if isinstance(error, TimeoutError) and not str(error):
        return "no answer in time"
    if isinstance(error, asyncpg.PostgresError) and error.sqlstate in {"22023", "42704"} and "role" in str(error):
        return f"{error}; run `passhub migrate` first"
    text = " ".join(str(error).split())
    return text or type(error).__name__
