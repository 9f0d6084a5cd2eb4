"""Which readers are connected, at most one connection a device, on any worker of the host.

The newest connection wins. Within a worker that is known at once; between workers the recorder passes each arrival
on to all of them, in one order: a connection that has heard its own arrival yields to every later one.

People who scan with a browser of their own (hub/gate/tickets.py) stand beside the device and take nobody's place.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol
from uuid import UUID

from hub.domain.ids import new_id_bytes
from hub.gate.tickets import Visit
from hub.index.directory import AccessPoint, Directory
from hub.recorder.client import RecorderClient
from hub.recorder.wire import Readers, ReaderState

CLOSE_KEY_GONE = 4001
CLOSE_REPLACED = 4002
CLOSE_SILENT = 4003
CLOSE_FAULT = 1011
CLOSE_RESTART = 1012
CLOSE_MALFORMED = 1008


class Connected(Protocol):
    """What a reader's connection lets others do with it."""

    point: AccessPoint
    key_hash: bytes
    visit: Visit | None

    @property
    def over(self) -> str: ...
    def close(self, code: int, message: str) -> None: ...
    def tell_config(self) -> None: ...
    def tell_keys(self) -> None: ...
    def state(self) -> ReaderState: ...


class Place:
    """A device's connection. `since`: µs since 1970."""

    __slots__ = ("connection", "heard", "id", "since")

    def __init__(self, connection: Connected) -> None:
        self.connection = connection
        self.id = new_id_bytes()
        self.heard = False
        self.since = time.time_ns() // 1000


class Connections:
    """One a worker."""

    def __init__(self, directory: Directory, recorder: RecorderClient) -> None:
        self._by_device: dict[bytes, Place] = {}
        #: By door and session: one tab that is loaded again leaves no connection behind.
        self._visitors: dict[tuple[bytes, UUID], Place] = {}
        #: A device's connection ended, and no newer one has taken its place here.
        self.on_gone: Callable[[Place], None] = lambda place: None
        self._recorder = recorder
        recorder.on_superseded = self._superseded
        recorder.on_connected.append(self._announce_again)
        directory.on_key_gone = self._key_gone
        directory.on_point_changed = self._point_changed
        directory.on_public_keys = self._public_keys

    def __len__(self) -> int:
        return len(self._by_device) + len(self._visitors)

    def _all(self) -> list[Connected]:
        return [place.connection for place in (*self._by_device.values(), *self._visitors.values())]

    def add(self, connection: Connected) -> None:
        """A reader is here; an older connection of its device is closed."""
        place = Place(connection)
        if connection.visit is not None:
            self._add_visitor(place, connection.visit)
            return
        older = self._by_device.get(connection.point.id)
        self._by_device[connection.point.id] = place
        if older is not None:
            older.connection.close(CLOSE_REPLACED, "a newer connection of this device took its place")
        self._recorder.announce(connection.point.id, place.id)

    def _add_visitor(self, place: Place, visit: Visit) -> None:
        key = place.connection.point.id, visit.session
        older = self._visitors.get(key)
        self._visitors[key] = place
        if older is not None:
            older.connection.close(CLOSE_REPLACED, "a newer connection of the same sign-in took its place")

    def of_session(self, session: UUID) -> list[Connected]:
        """Of people who scan with a browser."""
        return [place.connection for (_, own), place in self._visitors.items() if own == session]

    def _announce_again(self) -> None:
        """Who arrived while the recorder was away was not announced to the other workers."""
        for device, place in self._by_device.items():
            if not place.heard:
                self._recorder.announce(device, place.id)

    def discard(self, connection: Connected) -> None:
        if connection.visit is not None:
            key = connection.point.id, connection.visit.session
            if (there := self._visitors.get(key)) is not None and there.connection is connection:
                del self._visitors[key]
            return
        place = self._by_device.get(connection.point.id)
        if place is not None and place.connection is connection:
            del self._by_device[connection.point.id]
            self.on_gone(place)

    def devices(self) -> list[Place]:
        return list(self._by_device.values())

    def readers(self) -> Readers:
        """Who is connected, and how they are."""
        found = Readers({}, {})
        people = [(device, place) for (device, _), place in self._visitors.items()]
        for device, place in (*people, *self._by_device.items()):  # the device's own comes last, and stays
            found.connected.setdefault(place.connection.point.school_id, {})[device] = place.since
            found.states[device] = place.connection.state()
        return found

    def close_all(self, code: int, message: str) -> None:
        for connection in self._all():
            connection.close(code, message)

    def _superseded(self, device: bytes, id_: bytes) -> None:
        place = self._by_device.get(device)
        if place is None:
            return
        if place.id == id_:
            place.heard = True
        elif place.heard:
            del self._by_device[device]
            place.connection.close(CLOSE_REPLACED, "a newer connection of this device took its place")

    def _key_gone(self, key_hash: bytes) -> None:
        for place in self.devices():
            if place.connection.key_hash == key_hash:
                place.connection.close(CLOSE_KEY_GONE, place.connection.over)

    def _point_changed(self, point: AccessPoint) -> None:
        for connection in self._all():
            if connection.point is point:
                connection.tell_config()

    def _public_keys(self) -> None:
        for connection in self._all():
            connection.tell_keys()
