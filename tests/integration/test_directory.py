"""Schools, doors and keys as the feed keeps them: what an operator changes is what the next reader meets."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from hub.config import Settings
from hub.domain.clock import micros
from hub.domain.qr import generate_signing_key
from hub.index.directory import AccessPoint
from tests.integration.feed_world import World, key_hash, until
from tests.integration.rows import add_door

SECRET = key_hash("secret")
WEST, EAST = "Pacific/Pago_Pago", "Pacific/Kiritimati"  # 25 hours apart: never the same day


@pytest.fixture
async def world(database: str, settings: Callable[..., Settings]) -> AsyncIterator[World]:
    async with World(database, settings(feed_heartbeat=60)) as world:
        yield world


@pytest.fixture
def gone(world: World) -> list[bytes]:
    """Hashes of keys whose connections were told to close."""
    hashes: list[bytes] = []
    world.directory.on_key_gone = hashes.append
    return hashes


def now() -> int:
    return time.time_ns() // 1000


def device(world: World, hashed: bytes = SECRET) -> AccessPoint | None:
    return world.directory.device(hashed, now())


# ----------------------------------------------------------------------------------------------------- device keys


async def test_a_revoked_key_is_nobodys(world: World, gone: list[bytes]) -> None:
    assert device(world) is world.point
    await world.owner.execute("UPDATE device_keys SET revoked_at = now()")
    await until(lambda: device(world) is None, "the key is refused")
    assert gone == [SECRET]


async def test_a_deleted_key_is_nobodys(world: World, gone: list[bytes]) -> None:
    await world.owner.execute("DELETE FROM device_keys")
    await until(lambda: device(world) is None, "the key is refused")
    assert gone == [SECRET]


async def test_both_keys_work_while_a_reader_is_changed(world: World, gone: list[bytes]) -> None:
    """A rotation: the new key at once, the old one until its time is over."""
    await world.add_key("successor")
    await until(lambda: device(world, key_hash("successor")) is world.point, "the new key is known")
    assert device(world) is world.point
    ends = datetime.now(UTC) + timedelta(hours=1)
    await world.owner.execute("UPDATE device_keys SET expires_at = $1 WHERE key_hash = $2", ends, SECRET)
    ended = micros(ends)
    await until(lambda: world.directory.device(SECRET, ended) is None, "its end is known")
    assert world.directory.device(SECRET, ended - 1) is world.point
    assert world.directory.device(key_hash("successor"), ended) is world.point
    assert gone == []


async def test_a_key_that_is_replaced_in_its_row_closes_the_old_one(world: World, gone: list[bytes]) -> None:
    await world.owner.execute("UPDATE device_keys SET key_hash = $1", key_hash("successor"))
    await until(lambda: device(world, key_hash("successor")) is world.point, "the new key is known")
    assert device(world) is None
    assert gone == [SECRET]


async def test_a_key_that_moves_to_another_door_closes_its_connection(world: World, gone: list[bytes]) -> None:
    other = await add_door(world.owner, world.school)
    await world.owner.execute("UPDATE device_keys SET access_point_id = $1", other)
    await until(lambda: device(world) is world.directory.points.get(other.bytes) is not None, "it is the other door's")
    assert gone == [SECRET]


@pytest.mark.parametrize(("ends", "known"), [("infinity", True), ("20000-01-01", True), ("-infinity", False)])
async def test_an_end_that_no_datetime_can_say_is_no_trouble(world: World, ends: str, known: bool) -> None:
    """One such key must not cost the whole feed."""
    await world.owner.execute("UPDATE device_keys SET expires_at = now() + interval '1 hour'")
    await world.owner.execute(f"UPDATE device_keys SET expires_at = '{ends}'")
    await world.owner.execute("UPDATE schools SET name = 'later'")
    await until(lambda: world.point.school is not None and world.point.school.name == "later", "all changes are known")
    await until(lambda: (device(world) is world.point) is known, "the key's end is known")
    assert world.feed.stale_since is None
    assert world.feed.reconnects == 0


# ----------------------------------------------------------------------------------------------------------- doors


async def test_a_deactivated_door_says_so(world: World) -> None:
    await world.owner.execute("UPDATE access_points SET is_active = false")
    await world.verdict_becomes("kept", "access_point_inactive")
    await world.owner.execute("UPDATE access_points SET is_active = true")
    await world.verdict_becomes("kept", "granted")


async def test_a_renamed_door_stays_the_same_object_and_is_announced(world: World) -> None:
    """An open connection holds it, and tells its reader."""
    point, told = world.point, list[str]()
    world.directory.on_point_changed = lambda changed: told.append(changed.name)
    await world.owner.execute("UPDATE access_points SET name = 'North', access_type = 'exit'")
    await until(lambda: told, "it is announced")
    assert told == ["North"]
    assert world.point is point
    assert (point.name, point.accepts) == ("North", 2)


async def test_a_deleted_door_refuses_its_reader_until_it_is_back(world: World, gone: list[bytes]) -> None:
    point = world.point
    await world.owner.execute("UPDATE access_points SET deleted_at = now()")
    await until(lambda: device(world) is None, "its key is refused")
    assert gone == [SECRET]
    assert not point.door.active
    await world.owner.execute("UPDATE access_points SET deleted_at = NULL")
    await until(lambda: device(world) is not None, "its key is known again")
    assert world.verdict("kept") == "granted"


async def test_a_doors_bound_on_staleness_wins_over_the_schools(world: World) -> None:
    assert world.point.door.max_staleness == 300
    await world.owner.execute("UPDATE schools SET max_staleness_seconds = 60")
    await until(lambda: world.point.door.max_staleness == 60, "the school's")
    await world.owner.execute("UPDATE access_points SET max_staleness_seconds = 0, fail_open = true")
    await until(lambda: world.point.door.max_staleness == 0, "the door's")
    assert world.point.door.fail_open


async def test_a_door_that_does_not_say_so_fails_as_its_school_does(world: World) -> None:
    assert not world.point.door.fail_open
    await world.owner.execute("UPDATE schools SET settings = '{\"failOpen\": true}'")
    await until(lambda: world.point.door.fail_open, "the school's")
    await world.owner.execute("UPDATE access_points SET fail_open = false")
    await until(lambda: not world.point.door.fail_open, "the door's")
    await world.owner.execute("UPDATE access_points SET fail_open = NULL")
    await until(lambda: world.point.door.fail_open, "the school's again")
    await world.owner.execute('UPDATE schools SET settings = \'{"failOpen": "yes"}\'')
    await until(lambda: not world.point.door.fail_open, "another shape counts as not set")


# ---------------------------------------------------------------------------------------------------- signing keys


async def test_a_compromised_signing_key_vouches_for_nothing(world: World) -> None:
    key = generate_signing_key()
    await world.owner.execute(
        "INSERT INTO signing_keys (kid, public_key, private_key) VALUES ($1, $2, '')", key.kid, key.public
    )
    keys, verifiers = world.directory.public_keys, world.directory.verifiers
    await until(lambda: keys.get(key.kid) == key.public, "the key is known")
    assert key.kid in verifiers
    await world.owner.execute("UPDATE signing_keys SET retired_at = now()")
    await world.owner.execute("UPDATE access_points SET name = 'later'")
    await until(lambda: world.point.name == "later", "both changes are known")
    assert key.kid in keys
    await world.owner.execute("UPDATE signing_keys SET compromised_at = now()")
    await until(lambda: key.kid not in keys, "the key is gone")
    assert key.kid not in verifiers


# --------------------------------------------------------------------------------------------------------- schools


async def test_a_change_of_time_zone_moves_the_end_of_a_pass(world: World) -> None:
    await world.owner.execute("UPDATE schools SET timezone = $1", WEST)
    last = datetime.now(ZoneInfo(WEST)).date()
    await world.owner.execute("UPDATE passes SET expiry_date = $1 WHERE qr_code = 'kept'", last)
    school = world.directory.schools[world.school.bytes]
    await until(lambda: world.directory.schools[world.school.bytes].day.zone.key == WEST, f"not {school.day.zone}")
    await until(lambda: world.verdict("kept") == "granted", "valid in the west")
    await world.owner.execute("UPDATE schools SET timezone = $1", EAST)
    await world.verdict_becomes("kept", "expired_pass")
    await world.owner.execute("UPDATE passes SET issue_date = $1, expiry_date = $1 WHERE qr_code = 'revoked'", last)
    await world.verdict_becomes("revoked", "expired_pass")
    await world.owner.execute("UPDATE schools SET timezone = $1", WEST)
    await world.verdict_becomes("kept", "granted")


async def test_an_unknown_time_zone_is_taken_as_utc(world: World) -> None:
    await world.owner.execute("UPDATE schools SET timezone = 'Mars/Olympus', name = 'Olympus'")
    await until(lambda: world.point.school is not None and world.point.school.name == "Olympus", "it is known")
    assert world.point.school is not None
    assert world.point.school.day.zone.key == "UTC"
    assert world.verdict("kept") == "granted"
