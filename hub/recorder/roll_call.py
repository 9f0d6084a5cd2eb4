"""Which readers are connected to this host: each worker says so every second, and all workers are told of all."""

from __future__ import annotations

from collections.abc import Hashable, Iterator

Devices = dict[bytes, int]


class RollCall:
    """By worker; what a worker said goes with it."""

    def __init__(self) -> None:
        self._by_worker: dict[Hashable, dict[bytes, Devices]] = {}

    def note(self, worker: Hashable, connected: dict[bytes, Devices]) -> None:
        self._by_worker[worker] = connected

    def forget(self, worker: Hashable) -> None:
        self._by_worker.pop(worker, None)

    def schools(self) -> Iterator[tuple[bytes, Devices]]:
        """Each school that has readers here, with device → since."""
        merged: dict[bytes, Devices] = {}
        for connected in self._by_worker.values():
            for school, devices in connected.items():
                merged.setdefault(school, {}).update(devices)
        yield from merged.items()
