"""The real PostgreSQL and Valkey that the tests run against: one of each a session, a fresh database a test.

Starting a cluster takes a second and migrating a database a tenth of one, so both are done once; a test gets a copy of
the migrated database, which is made in some 30 ms. Roles belong to the cluster and are shared by all tests.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg

from hub.demo.embedded import RunningPostgres, erase, start_postgres, start_valkey
from hub.store.migrate import migrate

TEMPLATE = "passhub_template"
#: What costs time and protects from power cuts alone.
UNSAFE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@contextmanager
def service_dir() -> Iterator[Path]:
    """A directory with a short path (sockets allow 107 bytes), outside pytest's private one, erased at the end."""
    root = Path(tempfile.mkdtemp(prefix="hub-", dir=_fast_place()))
    root.chmod(0o711)  # as root the services run as another account, which must get through
    try:
        yield root
    finally:
        erase(root)
        shutil.rmtree(root)


def _fast_place() -> str | None:
    """Memory, where there is enough: a database is 540 files, 0.5 s on a slow disk and 0.03 s here. noexec will not
    do, because binaries that another account cannot reach are copied into the directory."""
    try:
        found = os.statvfs("/dev/shm")
    except OSError:
        return None
    roomy = found.f_bavail * found.f_frsize >= 2**30 and os.access("/dev/shm", os.W_OK)
    return "/dev/shm" if roomy and not found.f_flag & os.ST_NOEXEC else None


class Cluster:
    """One PostgreSQL; `url(name)` is the owner's URL of a database."""

    def __init__(self, postgres: RunningPostgres) -> None:
        self.postgres = postgres

    def url(self, database: str) -> str:
        return self.postgres.url(database)

    def create(self, template: str | None = TEMPLATE, owner: str | None = None) -> str:
        """The name of a new database: a copy of the migrated one, or an empty one when `template` is None.

        Files are copied: through the log it takes twice as long, and leaves behind what a first connection reads.
        """
        name = f"test_{uuid4().hex[:12]}"
        copied = f"CREATE DATABASE {name} TEMPLATE {template or 'template1'} STRATEGY FILE_COPY"
        self.run(copied + (f" OWNER {owner}" if owner else ""))
        return name

    def drop(self, name: str) -> None:
        self.run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def run(self, *statements: str, database: str = "postgres") -> None:
        """Runs statements as the superuser, each in a transaction of its own."""

        async def execute() -> None:
            connection = await asyncpg.connect(self.url(database))
            try:
                for statement in statements:
                    await connection.execute(statement)
            finally:
                await connection.close()

        asyncio.run(execute())


@contextmanager
def running_cluster() -> Iterator[Cluster]:
    """A cluster with the migrated template database. It does not sync: no test pulls its plug, and disks are slow."""
    with service_dir() as root:
        postgres = start_postgres(root)
        try:
            cluster = Cluster(postgres)
            cluster.run(*(f"ALTER SYSTEM SET {name} = {value}" for name, value in UNSAFE.items()))
            cluster.run("SELECT pg_reload_conf()", f"CREATE DATABASE {TEMPLATE}")
            # A password that is checked with one round and not with thousands: most tests connect several times.
            password = urlsplit(cluster.url("postgres")).password
            cluster.run(f"SET scram_iterations = 1; ALTER ROLE postgres PASSWORD '{password}'")
            asyncio.run(migrate(cluster.url(TEMPLATE)))
            cluster.run("SELECT 1", database=TEMPLATE)  # whose connection writes the catalogue's cache, for the copies
            cluster.run(f"ALTER DATABASE {TEMPLATE} WITH ALLOW_CONNECTIONS false IS_TEMPLATE true")
            yield cluster
        finally:
            postgres.stop()


@contextmanager
def running_valkey() -> Iterator[str]:
    """The URL of a Valkey of one's own."""
    with service_dir() as root:
        valkey = start_valkey(root)
        try:
            yield valkey.url
        finally:
            valkey.stop()
