"""PostgreSQL: three roles, single connections, pools, and the one way to a school's rows.

    async with pg.tenant(school_id) as tx:      # a transaction of hub_api that sees this school and no other
        await tx.fetchrow(QUERIES.get_pass, key)

A role comes from its own URL when the settings have one; otherwise the owner's URL is used and the role is taken in
the startup packet, before any statement. Everything that means "PostgreSQL is away" is raised as StoreUnavailable, and
a statement that it gave up as StoreTooSlow.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

import asyncpg
import structlog
from asyncpg import InterfaceError, Pool, PostgresError, Record
from asyncpg.pool import PoolConnectionProxy

from hub.config import Settings, require
from hub.errors import StoreTooSlow, StoreUnavailable
from hub.store.faults import conflicts, connection_fault, is_cut_short, is_data_fault, is_out_of_range, is_outage

__all__ = [
    "Connection",
    "InterfaceError",
    "OwnConnection",
    "Pg",
    "PostgresError",
    "Record",
    "Role",
    "active_connections",
    "conflicts",
    "connect",
    "connection_fault",
    "is_data_fault",
    "is_out_of_range",
    "is_outage",
]

#: A connection, pooled or not; both have the same methods.
Connection = asyncpg.Connection | PoolConnectionProxy
#: One that `connect` made, for its caller alone.
OwnConnection = asyncpg.Connection

log = structlog.get_logger(__name__)
CONNECT_TIMEOUT = 5.0

_opened: weakref.WeakSet[asyncpg.Connection] = weakref.WeakSet()
_pooled: weakref.WeakSet[Pg] = weakref.WeakSet()  # asyncpg's pools take no weak reference


class Role(StrEnum):
    """Who a connection is; see migrations/0007_tenancy.sql for what each may do."""

    hub_api = "hub_api"
    hub_admin = "hub_admin"
    hub_system = "hub_system"


class _Target(NamedTuple):
    url: str
    server_settings: dict[str, str]


def _target(settings: Settings, role: Role, statement_timeout: float) -> _Target:
    own = {
        Role.hub_api: settings.database_api_url,
        Role.hub_admin: settings.database_admin_url,
        Role.hub_system: settings.database_system_url,
    }[role]
    server_settings = {
        "application_name": f"passhub {role}",
        "search_path": "public",
        "timezone": "UTC",
        "statement_timeout": str(round(statement_timeout * 1000)),
        # A client that died between two statements must not hold its locks until TCP notices.
        "idle_in_transaction_session_timeout": "60000",
        # Compiling costs more than any statement of ours takes.
        "jit": "off",
        # So does a second process, to sort a page.
        "max_parallel_workers_per_gather": "0",
    }
    if own is not None:
        return _Target(own.get_secret_value(), server_settings)
    return _Target(require(settings.database_url, "database_url"), server_settings | {"role": role.value})


async def connect(
    settings: Settings, role: Role, *, statement_timeout: float = 0.0, command_timeout: float | None = None
) -> asyncpg.Connection:
    """A connection of one's own, for LISTEN, the feed, the loader and the drain; the caller closes it.

    Time-outs in seconds; 0 and None are none: a loader reads for as long as it takes. Raises StoreUnavailable.
    """
    target = _target(settings, role, statement_timeout)
    try:
        connection = await asyncpg.connect(
            target.url,
            timeout=CONNECT_TIMEOUT,
            command_timeout=command_timeout,
            server_settings=target.server_settings,
        )
    except (OSError, TimeoutError, PostgresError, InterfaceError) as error:
        raise StoreUnavailable(f"PostgreSQL, as {role}: {connection_fault(error)}") from error
    _opened.add(connection)
    return connection


def active_connections() -> int:
    """This process's connections to PostgreSQL that are open, pooled ones in use included; for /metrics."""
    alone = sum(1 for connection in _opened if not connection.is_closed())
    pools = [pool for pg in _pooled for pool in pg._pools.values()]
    return alone + sum(pool.get_size() - pool.get_idle_size() for pool in pools)


class Pg:
    """A pool for each role that a process needs. Connections are made when they are first needed, so that a process
    starts while PostgreSQL is away. Open with `Pg.open`, end with `close`."""

    def __init__(self, pools: dict[Role, Pool], acquire_timeout: float, command_timeout: float) -> None:
        self._pools = pools
        self._acquire_timeout = acquire_timeout
        self._command_timeout = command_timeout
        _pooled.add(self)

    @classmethod
    async def open(
        cls,
        settings: Settings,
        roles: Iterable[Role],
        *,
        statement_timeout: float = 10.0,
        command_timeout: float = 15.0,
        acquire_timeout: float = 5.0,
        bulk: bool = False,
    ) -> Pg:
        """Time-outs in seconds. The server's comes first, so that a client's means a network that went silent.

        `bulk`: statements are given arrays of thousands, and are planned for each; a plan that is kept would compare
        them one by one.
        """
        pools: dict[Role, Pool] = {}
        for role in roles:
            target = _target(settings, role, statement_timeout)
            if bulk:
                target.server_settings["plan_cache_mode"] = "force_custom_plan"
            pools[role] = await asyncpg.create_pool(
                target.url,
                min_size=0,
                max_size=settings.database_pool_size,
                timeout=CONNECT_TIMEOUT,
                command_timeout=command_timeout,
                server_settings=target.server_settings,
            )
        return cls(pools, acquire_timeout, command_timeout)

    async def close(self) -> None:
        """Waits for the connections in use, as long as a statement may take, and closes all."""
        try:
            async with asyncio.timeout(self._command_timeout):
                await asyncio.gather(*(pool.close() for pool in self._pools.values()))
        except TimeoutError:
            log.warning("connections to PostgreSQL were still in use, and are cut", seconds=self._command_timeout)

    @asynccontextmanager
    async def tenant(self, school_id: UUID) -> AsyncIterator[Connection]:
        """A transaction of hub_api that sees the rows of one school. Committed at the end, rolled back on an error.

        The school is set for the transaction only, by the server: whatever ends it, the connection forgets it.
        """
        async with self._transaction(Role.hub_api) as connection:
            await connection.execute("SELECT set_config('hub.school_id', $1, true)", str(school_id))
            yield connection

    @asynccontextmanager
    async def admin(self) -> AsyncIterator[Connection]:
        """A transaction of hub_admin: all schools, for a super admin's request."""
        async with self._transaction(Role.hub_admin) as connection:
            yield connection

    @asynccontextmanager
    async def system(self) -> AsyncIterator[Connection]:
        """A transaction of hub_system: the program's own work across schools."""
        async with self._transaction(Role.hub_system) as connection:
            yield connection

    @asynccontextmanager
    async def _transaction(self, role: Role) -> AsyncIterator[Connection]:
        async with self._acquired(role) as connection:
            try:
                async with connection.transaction():
                    yield connection
            except (PostgresError, InterfaceError, ConnectionError, TimeoutError) as error:
                if is_outage(error):
                    raise StoreUnavailable(f"PostgreSQL, as {role}: {connection_fault(error)}") from error
                if is_cut_short(error):
                    raise StoreTooSlow("the database is too busy for this at the moment; try again later") from error
                raise

    @asynccontextmanager
    async def _acquired(self, role: Role) -> AsyncIterator[Connection]:
        pool = self._pools[role]
        try:
            connection = await pool.acquire(timeout=self._acquire_timeout)
        except (OSError, TimeoutError, PostgresError, InterfaceError) as error:
            raise StoreUnavailable(f"PostgreSQL, as {role}: {connection_fault(error)}") from error
        try:
            yield connection
        finally:
            await pool.release(connection, timeout=self._acquire_timeout)

    async def ping(self, role: Role) -> bool:
        """True when PostgreSQL answers, for /health. Never raises what an outage raises."""
        try:
            async with self._acquired(role) as connection:
                await connection.fetchval("SELECT 1", timeout=self._acquire_timeout)
        except (StoreUnavailable, OSError, TimeoutError, PostgresError, InterfaceError):
            return False
        return True
