"""Routes that are not declared, because they pass through less: readers' and health. Here they are described for the
OpenAPI documents alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec


@dataclass(frozen=True)
class Described:
    """`path` from the root. `answers`: status → Struct and what it means; `refusals`: statuses with an error's body."""

    method: Literal["get", "post"]
    path: str
    summary: str
    tag: str
    answers: dict[int, tuple[Any, str]]
    name: str
    body: Any = None
    example: dict[str, Any] | None = None
    refusals: tuple[int, ...] = ()
    device_key: bool = False
    #: People may ask as well, signed in.
    people: bool = False
    content: str = "application/json"
    #: In the documents of these versions.
    api: tuple[str, ...] = field(default=("v1",))

    def types(self) -> list[Any]:
        """Its Structs; a tuple is one or the other."""
        own = [kind for kind, _ in self.answers.values()] + ([] if self.body is None else [self.body])
        return [kind for one in own for kind in (one if isinstance(one, tuple) else (one,))]


class Alive(msgspec.Struct):
    """The process turns its loop."""

    status: str
    process: str


class Readiness(msgspec.Struct):
    """`parts`: those without which doors are not answered."""

    status: str
    parts: dict[str, Any]


class HealthReport(msgspec.Struct):
    """`status`: healthy, degraded (doors are answered) or unhealthy."""

    status: str
    timestamp: str
    uptime: float
    memory: dict[str, int]
    version: str
    process: str
    parts: dict[str, Any]


HEALTH = [
    Described(
        "get",
        "/health",
        "How everything is",
        "health",
        {200: (HealthReport, "Doors are answered."), 503: (HealthReport, "They are not.")},
        "health",
        api=("v1", "v2"),
    ),
    Described(
        "get",
        "/health/live",
        "Whether the process turns its loop",
        "health",
        {200: (Alive, "It does.")},
        "health_live",
        api=("v1", "v2"),
    ),
    Described(
        "get",
        "/health/ready",
        "Whether readers may be sent here",
        "health",
        {200: (Readiness, "They may."), 503: (Readiness, "Not now.")},
        "health_ready",
        api=("v1", "v2"),
    ),
]
