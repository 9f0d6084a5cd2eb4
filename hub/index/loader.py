"""Tables → index, in one REPEATABLE READ snapshot; and single rows again, as they are now.

Source of truth: passes, students, schools, access_points, device_keys, signing_keys, read as hub_system.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, cast
from uuid import UUID

import msgspec

from hub.domain.clock import micros
from hub.index.directory import DeviceKey, Directory
from hub.index.index import PassIndex
from hub.store.pg import Connection, Record
from hub.store.queries import load_queries

queries = load_queries("hub.index")
PREFETCH = 5_000
STEP_SECONDS = 60.0
DIRECTORY_KINDS = ("school", "access_point", "device_key", "signing_key")


class Snapshot(msgspec.Struct, frozen=True):
    """`safe`: transactions below it are in the index. `cluster`: system identifier, timeline and database."""

    safe: int
    cluster: str


class Loads(Protocol):
    """Another memory that is filled from the same snapshot."""

    async def load(self, connection: Connection) -> None: ...


async def load(
    connection: Connection, index: PassIndex, directory: Directory, others: Sequence[Loads] = ()
) -> Snapshot:
    """Fill all with everything. What they held that is gone from the tables is removed; nothing is empty meanwhile.

    No step waits longer than a minute: a connection that went silent, or a table that somebody has locked, ends it.
    """
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        noted = await connection.fetchrow(queries["snapshot"])
        assert noted is not None
        cluster = await connection.fetchval(queries["cluster"])
        for kind in DIRECTORY_KINDS:
            rows = await connection.fetch(queries[_query(kind)], None, timeout=STEP_SECONDS)
            _put(directory, kind, rows)
            directory.keep_only(kind, {row["id"].bytes for row in rows})
        for other in others:
            await other.load(connection)
        await _load_passes(connection, index)
    return Snapshot(int(noted["safe"]), cluster)


async def _load_passes(connection: Connection, index: PassIndex) -> None:
    gone = set(index.keys())
    cursor = await connection.cursor(queries["load_passes"], timeout=STEP_SECONDS)
    while rows := await cursor.fetch(PREFETCH, timeout=STEP_SECONDS):
        index.fill(cast("list[tuple[bytes, bytes]]", rows))
        if gone:
            gone.difference_update([row[0] for row in rows])
    for key in gone:
        index.remove(key)


async def reread_passes(connection: Connection, index: PassIndex, keys: list[bytes]) -> None:
    """Make the index hold what the tables hold now for these keys; a key without a row is removed."""
    found = {row[0]: row[1] for row in await connection.fetch(queries["reread_passes"], keys)}
    for key in keys:
        packed = found.get(key)
        if packed is None:
            index.remove(key)
        else:
            index.put(key, packed)


async def reread_directory(connection: Connection, directory: Directory, kind: str, ids: Iterable[bytes]) -> None:
    """The same for schools, access points, device keys or signing keys."""
    wanted = set(ids)
    rows = await connection.fetch(queries[_query(kind)], [UUID(bytes=id_) for id_ in wanted])
    _put(directory, kind, rows)
    remove = {
        "school": directory.remove_school,
        "access_point": directory.remove_point,
        "device_key": directory.remove_key,
        "signing_key": directory.remove_public_key,
    }[kind]
    for id_ in wanted - {row["id"].bytes for row in rows}:
        remove(id_)


def _query(kind: str) -> str:
    return kind + "s"


def _put(directory: Directory, kind: str, rows: list[Record]) -> None:
    for row in rows:
        id_ = row["id"].bytes
        if kind == "school":
            directory.put_school(
                id_,
                row["number"],
                row["code"],
                row["name"],
                row["timezone"],
                row["is_active"],
                float(row["max_staleness_seconds"]),
                row["fail_open"],
            )
        elif kind == "access_point":
            staleness = row["max_staleness_seconds"]
            directory.put_point(
                id_,
                str(row["id"]),
                row["school_id"].bytes,
                row["name"],
                row["access_type"],
                row["is_active"],
                None if staleness is None else float(staleness),
                row["fail_open"],
            )
        elif kind == "device_key":
            expires = row["expires_at"]
            key = DeviceKey(id_, row["key_hash"], row["access_point_id"].bytes, expires and micros(expires))
            directory.put_key(key)
        else:
            directory.put_public_key(id_, row["kid"], row["public_key"])
