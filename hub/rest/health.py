"""GET /health, /health/live, /health/ready.

`/health` has the fields of the source document and the state of each part. The process is *ready* when its index is
loaded and the journal takes writes; PostgreSQL or Redis away is *degraded*, and still ready, for doors are answered.
"""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web

from hub.version import __version__

PartState = dict[str, Any]


class Parts(msgspec.Struct):
    """`essential` parts make the process unready when one is not ok; the others only degraded."""

    essential: dict[str, PartState]
    others: dict[str, PartState]

    @property
    def ready(self) -> bool:
        return all(part["status"] == "ok" for part in self.essential.values())

    @property
    def status(self) -> str:
        if not self.ready:
            return "unhealthy"
        return "healthy" if all(part["status"] in {"ok", "off"} for part in self.others.values()) else "degraded"


def ok(**more: Any) -> PartState:
    return {"status": "ok", **more}


def down(why: str, **more: Any) -> PartState:
    return {"status": "down", "why": why, **more}


class Health:
    """`look` gathers the state of the parts; it must not wait for long. `process`: who answers."""

    def __init__(self, look: Callable[[], Awaitable[Parts]], process: str) -> None:
        self._look = look
        self._process = process
        self._started = time.monotonic()

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/health", self.health),
            web.get("/health/live", self.live),
            web.get("/health/ready", self.ready),
        ]

    async def live(self, request: web.Request) -> web.Response:
        """The process turns its loop."""
        return _json({"status": "ok", "process": self._process}, 200)

    async def ready(self, request: web.Request) -> web.Response:
        """May readers be sent here? 200 or 503."""
        parts = await self._look()
        return _json({"status": parts.status, "parts": parts.essential}, 200 if parts.ready else 503)

    async def health(self, request: web.Request) -> web.Response:
        """How everything is. 200 while doors are answered, else 503."""
        parts = await self._look()
        body = {
            "status": parts.status,
            "timestamp": datetime.now(UTC),
            "uptime": round(time.monotonic() - self._started, 3),
            "memory": {"rss": _resident_bytes()},
            "version": __version__,
            "process": self._process,
            "parts": {**parts.essential, **parts.others},
        }
        return _json(body, 200 if parts.ready else 503)


def _resident_bytes() -> int:
    try:
        return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def _json(body: dict[str, Any], status: int) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(body),
        status=status,
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )
