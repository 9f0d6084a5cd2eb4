"""PostgreSQL's refusals in words: why a connection was not made, why a question has no answer, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from hub.errors import HubError
from hub.store.pg import InterfaceError, OwnConnection, PostgresError, Record, connection_fault
from hub.supervisor.doctor.address import ESCAPE, UNREADABLE
from hub.supervisor.doctor.findings import Notes

MIGRATE = "run: passhub migrate"
# SQLSTATE → what to do; {0} is the variable that holds the address.
OF_CONNECTIONS = {
    "28P01": "correct the password in {0}",
    "28000": "correct the user in {0}, or allow it in pg_hba.conf",
    "3D000": "create that database, or correct its name in {0}",
    "53300": "end sessions that nobody needs, or raise max_connections",
    "57P03": "wait until PostgreSQL has started, then look again",
    "42501": "let that user take the roles: GRANT hub_api, hub_admin, hub_system, hub_definer TO it, as a superuser",
    "22023": MIGRATE,
    "42704": MIGRATE,
    "08P01": "if a PgBouncer is in between, have {0} lead straight to PostgreSQL",
}
OF_QUESTIONS = {
    "42P01": MIGRATE,
    "42703": MIGRATE,
    "42883": MIGRATE,
    "42501": "the grants of the migrations are missing, as after a restore without them: restore those too",
    "57014": "it took too long: see who holds a lock (pg_stat_activity), and whether the host is overloaded",
}


def explain(error: BaseException, name: str) -> tuple[str, str]:
    """What is wrong with a connection, and what to do. `name`: the variable with its address."""
    code = getattr(error, "sqlstate", None)
    if isinstance(code, str):
        says = connection_fault(error).removesuffix("; run `passhub migrate` first")
        return says, OF_CONNECTIONS.get(code, f"see PostgreSQL's log; the address is in {name}").format(name)
    if isinstance(error, ValueError):  # its text may quote what it took for a port
        return UNREADABLE, ESCAPE
    if isinstance(error, TimeoutError):
        return "no answer in time", "see whether that host is up, and whether a firewall drops what is sent to it"
    if isinstance(error, ConnectionRefusedError | FileNotFoundError) or "Errno 111" in str(error):
        return "nothing listens there", f"start PostgreSQL, or correct {name}"
    if "rejected SSL" in str(error):
        return "what listens there speaks no TLS, or is no PostgreSQL", f"correct {name}"
    return connection_fault(error), f"see whether PostgreSQL runs there, or correct {name}"


@contextmanager
def asking(notes: Notes, check: str) -> Iterator[None]:
    """Notes whatever a question raises as a fault of `check`: it is a finding, and not the end of the examination."""
    try:
        yield
    except (PostgresError, InterfaceError, HubError, OSError, TimeoutError) as error:
        code = getattr(error, "sqlstate", None) or ""
        says = connection_fault(error) + (f" ({code})" if code else "")
        notes.fault(check, says, OF_QUESTIONS.get(code, "see PostgreSQL's log"))


async def one_row(connection: OwnConnection, statement: str, *values: object) -> Record:
    """The row of a statement that always has one."""
    row = await connection.fetchrow(statement, *values)
    assert row is not None
    return row
