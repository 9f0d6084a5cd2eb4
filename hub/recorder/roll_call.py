"""Which readers are connected to this host: each worker says so every second, and all workers are told of all."""

from __future__ import annotations

from collections.abc import Hashable, Iterator

from hub.recorder.wire import Readers, ReaderState

Devices = dict[bytes, int]
States = dict[bytes, ReaderState]


class RollCall:
    """By worker; what a worker said goes with it."""

    def __init__(self) -> None:
        self._by_worker: dict[Hashable, Readers] = {}

    def note(self, worker: Hashable, readers: Readers) -> None:
        self._by_worker[worker] = readers

    def forget(self, worker: Hashable) -> None:
        self._by_worker.pop(worker, None)

    def schools(self) -> Iterator[tuple[bytes, Devices, States]]:
        """Each school that has readers here, with device → since, and device → how it is."""
        merged: dict[bytes, Devices] = {}
        states: States = {}
        for readers in self._by_worker.values():
            states |= readers.states
            for school, devices in readers.connected.items():
                merged.setdefault(school, {}).update(devices)
        for school, devices in merged.items():
            yield school, devices, {device: states[device] for device in devices if device in states}
