"""Loading: what is in the tables is in the index, and nothing else, however often and from whichever state."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import asyncpg
import pytest

from hub.config import Settings
from hub.domain.card import school_of
from hub.index import loader
from hub.index.directory import Directory
from hub.index.index import PassIndex
from hub.store.pg import OwnConnection, Role, connect
from tests.integration.feed_world import key_hash
from tests.integration.pass_rows import add_random
from tests.integration.rows import add_door, add_pass, add_school, lookup_key


@pytest.fixture
async def owner(database: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database)
    yield connection
    await connection.close()


@pytest.fixture
async def system(settings: Callable[..., Settings]) -> AsyncIterator[OwnConnection]:
    connection = await connect(settings(), Role.hub_system)
    yield connection
    await connection.close()


def content(index: PassIndex) -> dict[bytes, bytes]:
    held = {key: index.get(key) for key in index.keys()}  # noqa: SIM118  # an index is no mapping
    return {key: packed for key, packed in held.items() if packed is not None}


async def checksums(connection: OwnConnection) -> dict[int, tuple[int, int]]:
    return {row["number"]: (row["passes"], row["sum"]) for row in await connection.fetch(loader.queries["checksums"])}


def counted(index: PassIndex) -> dict[int, tuple[int, int]]:
    for _ in index.recount(7):
        pass
    return index.checksums()


@pytest.mark.parametrize("seed", [11, 12])
async def test_a_load_holds_everything_and_its_checksums_are_the_tables(
    owner: asyncpg.Connection, system: OwnConnection, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loader, "PREFETCH", 30)
    wanted = await add_random(owner, seed, 200)
    index, directory = PassIndex(), Directory()
    snapshot = await loader.load(system, index, directory)
    assert snapshot.safe > 0
    assert content(index) == wanted
    assert counted(index) == await checksums(system)
    assert {number for number, _ in checksums_of(wanted)} == set(directory.by_number)


def checksums_of(wanted: dict[bytes, bytes]) -> set[tuple[int, int]]:
    numbers = [school_of(packed) for packed in wanted.values()]
    return {(number, numbers.count(number)) for number in numbers}


async def test_loading_again_changes_nothing(owner: asyncpg.Connection, system: OwnConnection) -> None:
    wanted = await add_random(owner, 21, 50)
    index, directory = PassIndex(), Directory()
    for _ in range(3):
        await loader.load(system, index, directory)
        assert content(index) == wanted
        assert counted(index) == await checksums(system)


async def test_what_went_and_came_while_nobody_looked(owner: asyncpg.Connection, system: OwnConnection) -> None:
    wanted = await add_random(owner, 31, 50)
    index, directory = PassIndex(), Directory()
    await loader.load(system, index, directory)
    point = dict(directory.points)
    gone = list(wanted)[:20]
    await owner.execute("DELETE FROM passes WHERE lookup_key = ANY ($1)", gone)
    school = await add_school(owner, "NEW")
    await add_pass(owner, school, None, "new")
    await owner.execute("UPDATE passes SET status = 'revoked' WHERE lookup_key = $1", list(wanted)[30])
    await loader.load(system, index, directory)
    assert content(index) == {
        row["lookup_key"]: row["packed"] for row in await owner.fetch(loader.queries["load_passes"])
    }
    assert not set(gone) & set(content(index))
    assert index.get(lookup_key("new")) is not None
    assert counted(index) == await checksums(system)
    assert directory.points == point


async def test_a_load_forgets_schools_doors_and_keys_that_are_gone(
    owner: asyncpg.Connection, system: OwnConnection
) -> None:
    school = await add_school(owner, "ONE")
    door = await add_door(owner, school)
    await owner.execute(
        "INSERT INTO device_keys (school_id, access_point_id, key_hash) VALUES ($1, $2, $3)",
        *(school, door, key_hash("secret")),
    )
    await owner.execute("INSERT INTO signing_keys (kid, public_key, private_key) VALUES ('k', $1, '')", bytes(32))
    index, directory = PassIndex(), Directory()
    await loader.load(system, index, directory)
    assert directory.device(key_hash("secret"), 0) is directory.points[door.bytes]
    assert set(directory.public_keys) == {"k"}
    gone: list[bytes] = []
    directory.on_key_gone = gone.append
    await owner.execute("DELETE FROM device_keys; DELETE FROM access_points; DELETE FROM schools")
    await owner.execute("DELETE FROM signing_keys")
    await loader.load(system, index, directory)
    assert not directory.schools
    assert not directory.by_number
    assert not directory.points
    assert not directory.public_keys
    assert not directory.verifiers
    assert directory.device(key_hash("secret"), 0) is None
    assert set(gone) == {key_hash("secret")}


async def test_rereading_keys_makes_them_what_they_are_now(owner: asyncpg.Connection, system: OwnConnection) -> None:
    wanted = await add_random(owner, 41, 30)
    index = PassIndex()
    await loader.reread_passes(system, index, [*wanted, bytes(16)])
    assert content(index) == wanted
    assert index.checksums() == await checksums(system)
    await owner.execute("DELETE FROM passes WHERE lookup_key = ANY ($1)", list(wanted)[:10])
    await loader.reread_passes(system, index, list(wanted))
    assert index.keys() == set(list(wanted)[10:])
    assert index.checksums() == await checksums(system)
