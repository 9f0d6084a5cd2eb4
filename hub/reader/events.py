"""What a reader tells its owner about its connection, through `on_event`."""

from __future__ import annotations

from dataclasses import dataclass

from hub.reader.messages import AccessPoint, Welcome


@dataclass(frozen=True, slots=True)
class Connected:
    welcome: Welcome


@dataclass(frozen=True, slots=True)
class Lost:
    """No connection; `pause` is the time in seconds until the next attempt."""

    why: str
    pause: float


@dataclass(frozen=True, slots=True)
class Configured:
    """The access point was changed."""

    access_point: AccessPoint


@dataclass(frozen=True, slots=True)
class Refusal:
    """The hub could not read a frame of this reader."""

    code: str
    message: str


Event = Connected | Lost | Configured | Refusal
