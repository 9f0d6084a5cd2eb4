"""What a decision needs beside the pass: schools, access points, device keys, public keys. Small, so plain objects.

An access point's object lives as long as the point: an open connection keeps it, and sees each change at once.
"""

from __future__ import annotations

from collections.abc import Callable
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import structlog

from hub.domain.clock import LocalDay
from hub.domain.policy import Door
from hub.domain.qr import PublicKey, load_public_key
from hub.domain.verdict import ACCESS_TYPE

log = structlog.get_logger(__name__)


class School(msgspec.Struct):
    """`id` is 16 bytes, `number` what packed cards carry, `max_staleness` in seconds."""

    id: bytes
    number: int
    code: str
    name: str
    day: LocalDay
    active: bool
    max_staleness: float


class AccessPoint:
    """One door with its reader; the device of a scan's identity. `max_staleness`: seconds, None for the school's.

    `asked`, `window_ends`: how much its reader asked lately, for hub/gate/pace.py.
    """

    __slots__ = (
        "accepts",
        "active",
        "asked",
        "door",
        "fail_open",
        "id",
        "id_text",
        "max_staleness",
        "name",
        "school",
        "school_id",
        "window_ends",
    )

    def __init__(self, id_: bytes, id_text: str) -> None:
        self.id = id_
        self.id_text = id_text
        self.name = ""
        self.accepts = 3
        self.active = False
        self.fail_open = False
        self.max_staleness: float | None = None
        self.school_id = b""
        self.school: School | None = None
        self.door = Door(0, False, False, 3, 0.0, False)
        self.asked = 0
        self.window_ends = 0.0

    def refresh(self) -> None:
        """Compute what the policy reads from the point and its school."""
        school = self.school
        if school is None:
            self.door = Door(0, False, False, self.accepts, 0.0, False)
            return
        staleness = school.max_staleness if self.max_staleness is None else self.max_staleness
        self.door = Door(school.number, school.active, self.active, self.accepts, staleness, self.fail_open)


class DeviceKey(msgspec.Struct, frozen=True):
    """`expires`: µs since 1970, or None."""

    id: bytes
    hash: bytes
    access_point: bytes
    expires: int | None


class Directory:
    """By id and by key hash. The callbacks tell the gate what an open connection has to know."""

    def __init__(self) -> None:
        self.schools: dict[bytes, School] = {}
        self.by_number: dict[int, School] = {}
        self.points: dict[bytes, AccessPoint] = {}
        self.public_keys: dict[str, bytes] = {}
        self.verifiers: dict[str, PublicKey] = {}
        self._keys: dict[bytes, DeviceKey] = {}
        self._key_by_id: dict[bytes, DeviceKey] = {}
        self._signing_ids: dict[bytes, str] = {}
        self.on_key_gone: Callable[[bytes], None] = lambda key_hash: None
        self.on_point_changed: Callable[[AccessPoint], None] = lambda point: None

    def device(self, key_hash: bytes, now: int) -> AccessPoint | None:
        """The access point of a device key's SHA-256; None when the key is not (or no longer) one of ours.

        `now`: µs since 1970. Only hashes are compared: how long it takes tells nothing about a key.
        """
        key = self._keys.get(key_hash)
        if key is None or (key.expires is not None and key.expires <= now):
            return None
        point = self.points.get(key.access_point)
        return point if point is not None and point.school is not None else None

    def put_school(
        self, id_: bytes, number: int, code: str, name: str, zone: str, active: bool, staleness: float
    ) -> None:
        school = School(id_, number, code, name, LocalDay(_zone(zone, code)), active, staleness)
        self.schools[id_] = school
        self.by_number[number] = school
        for point in self.points.values():
            if point.school_id == id_:
                point.school = school
                point.refresh()

    def remove_school(self, id_: bytes) -> None:
        school = self.schools.pop(id_, None)
        if school is not None:
            self.by_number.pop(school.number, None)
            for point in self.points.values():
                if point.school is school:
                    point.school = None
                    point.refresh()

    def put_point(
        self,
        id_: bytes,
        id_text: str,
        school: bytes,
        name: str,
        access_type: str,
        active: bool,
        staleness: float | None,
        fail_open: bool,
    ) -> None:
        point = self.points.get(id_)
        if point is None:
            point = self.points[id_] = AccessPoint(id_, id_text)
        point.name, point.active, point.fail_open = name, active, fail_open
        point.accepts = ACCESS_TYPE[access_type]
        point.max_staleness = staleness
        point.school_id = school
        point.school = self.schools.get(school)
        point.refresh()
        self.on_point_changed(point)

    def remove_point(self, id_: bytes) -> None:
        point = self.points.pop(id_, None)
        if point is not None:
            point.active = False
            point.refresh()
            # The keys stay known: a point whose deletion is taken back has them again, and no key has changed then.
            for key in [k for k in self._keys.values() if k.access_point == id_]:
                self.on_key_gone(key.hash)

    def put_key(self, key: DeviceKey) -> None:
        known = self._key_by_id.get(key.id)
        if known is not None and (known.hash, known.access_point) != (key.hash, key.access_point):
            self.remove_key(key.id)
        self._keys[key.hash] = self._key_by_id[key.id] = key

    def remove_key(self, id_: bytes) -> None:
        key = self._key_by_id.pop(id_, None)
        if key is not None:
            self._keys.pop(key.hash, None)
            self.on_key_gone(key.hash)

    def put_public_key(self, id_: bytes, kid: str, public: bytes) -> None:
        self.remove_public_key(id_)
        self._signing_ids[id_] = kid
        self.public_keys[kid] = public
        self.verifiers[kid] = load_public_key(public)

    def remove_public_key(self, id_: bytes) -> None:
        kid = self._signing_ids.pop(id_, None)
        if kid is not None:
            self.public_keys.pop(kid, None)
            self.verifiers.pop(kid, None)

    def keep_only(self, kind: str, ids: set[bytes]) -> None:
        """After a full load: what is not in `ids` is gone."""
        present: dict[str, tuple[list[bytes], Callable[[bytes], None]]] = {
            "school": (list(self.schools), self.remove_school),
            "access_point": (list(self.points), self.remove_point),
            "device_key": (list(self._key_by_id), self.remove_key),
            "signing_key": (list(self._signing_ids), self.remove_public_key),
        }
        known, remove = present[kind]
        for id_ in known:
            if id_ not in ids:
                remove(id_)


def _zone(name: str, school: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        log.error("unknown time zone; the school's days are taken as UTC", school=school, zone=name)
        return ZoneInfo("UTC")
