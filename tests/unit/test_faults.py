"""Whether a failure is the server's (wait) or the rows' (set them aside): the drain lives by the difference."""

from __future__ import annotations

import asyncpg
import pytest

from hub.store.faults import connection_fault, is_cut_short, is_data_fault, is_outage

AWAY = [
    ConnectionRefusedError(),
    TimeoutError(),
    asyncpg.CannotConnectNowError("the database system is starting up"),
    asyncpg.AdminShutdownError("terminating connection"),
    asyncpg.CrashShutdownError("terminating connection"),
    asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
    asyncpg.TooManyConnectionsError("sorry, too many clients already"),
    asyncpg.DiskFullError("could not extend file"),
    asyncpg.ReadOnlySQLTransactionError("cannot execute INSERT in a read-only transaction"),
    asyncpg.InterfaceError("cannot perform operation: connection is closed"),
    asyncpg.InterfaceError("pool is closing"),
    # Two wanted the same rows: the same statement may succeed in a moment.
    asyncpg.DeadlockDetectedError("deadlock detected"),
    asyncpg.SerializationError("could not serialize access"),
]
BAD_ROWS = [
    asyncpg.StringDataRightTruncationError("value too long"),
    asyncpg.CharacterNotInRepertoireError("invalid byte sequence"),
    asyncpg.NotNullViolationError("null value"),
    asyncpg.CheckViolationError("violates check"),
    asyncpg.ProgramLimitExceededError("index row size"),
    asyncpg.RaiseError("a trigger says no"),
    asyncpg.DataError("invalid input for query argument"),
    UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"),
]
NEITHER = [
    asyncpg.QueryCanceledError("canceling statement due to statement timeout"),
    asyncpg.LockNotAvailableError("canceling statement due to lock timeout"),
    asyncpg.UndefinedColumnError("column does not exist"),
    asyncpg.InsufficientPrivilegeError("permission denied"),
    asyncpg.InterfaceError("cannot perform operation: another operation is in progress"),
    KeyError("a fault of the program"),
]


def name(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


@pytest.mark.parametrize("error", AWAY, ids=name)
def test_an_outage_is_no_data_fault(error: BaseException) -> None:
    assert (is_outage(error), is_data_fault(error)) == (True, False)


@pytest.mark.parametrize("error", BAD_ROWS, ids=name)
def test_a_data_fault_is_no_outage(error: BaseException) -> None:
    assert (is_outage(error), is_data_fault(error)) == (False, True)


@pytest.mark.parametrize("error", NEITHER, ids=name)
def test_anything_else_is_neither(error: BaseException) -> None:
    assert (is_outage(error), is_data_fault(error)) == (False, False)


def test_what_was_given_up_is_known() -> None:
    assert [error for error in (*AWAY, *BAD_ROWS, *NEITHER) if is_cut_short(error)] == NEITHER[:2]


def test_a_fault_is_one_line_that_says_something() -> None:
    assert connection_fault(TimeoutError()) == "no answer in time"
    assert connection_fault(OSError("a\nb")) == "a b"
    assert connection_fault(ConnectionResetError()) == "ConnectionResetError"
    role = asyncpg.InvalidParameterValueError('role "hub_api" does not exist')
    assert connection_fault(role) == 'role "hub_api" does not exist; run `passhub migrate` first'
