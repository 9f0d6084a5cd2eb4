"""The line between the supervisor and each of its processes: one socket pair, length-prefixed msgpack.

A process says Ready, sends its numbers every second and may ask for everybody's; the supervisor says Retire. When the
supervisor is gone the line ends, and so does the process: nothing outlives a killed supervisor.
"""

from __future__ import annotations

import msgspec

from hub.telemetry import Family


class Ready(msgspec.Struct, array_like=True, tag=1):
    """The process does its work from now on."""


class Numbers(msgspec.Struct, array_like=True, tag=2):
    families: list[Family]


class AskMetrics(msgspec.Struct, array_like=True, tag=3):
    """Everybody's numbers, please."""


class Retire(msgspec.Struct, array_like=True, tag=10):
    """A successor is ready: take no new connections, answer what is in flight, end."""


class Metrics(msgspec.Struct, array_like=True, tag=11):
    text: str


FromChild = Ready | Numbers | AskMetrics
FromSupervisor = Retire | Metrics
