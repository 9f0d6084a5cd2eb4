"""What the matrix of rights needs to know of what happens at doors: scans, acknowledgements, wall screens."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from random import choice
from typing import Any
from uuid import UUID

from hub.accounts.tokens import new_opaque
from hub.accounts.wall_screens import ALPHABET
from hub.domain.ids import new_id
from tests.integration.rest.site import Site


async def _access_log(site: Site, school: str) -> UUID:
    door, id_ = await site.point(school), new_id()
    await site.fetch("INSERT INTO scan_ids (device_id, scan_id, access_time) VALUES ($1, $2, now())", door, id_)
    await site.fetch(
        "INSERT INTO access_logs (id, school_id, access_point_id, access_time, status)"
        " SELECT scan_id, $2, device_id, access_time, 'granted' FROM scan_ids WHERE scan_id = $1",
        *(id_, site.schools[school]),
    )
    return id_


async def _entry_by_hand(site: Site, school: str) -> dict[str, str]:
    rows = await site.fetch(
        "INSERT INTO students (student_id, first_name, last_name, school_id)"
        " VALUES (left(gen_random_uuid()::text, 20), 'A', 'B', $1) RETURNING id",
        site.schools[school],
    )
    door = await site.point(school)
    return {"studentId": str(rows[0]["id"]), "accessPointId": str(door), "decision": "granted", "reason": "known to me"}


async def _acknowledged(site: Site, school: str) -> UUID:
    """A door that somebody has seen to."""
    id_ = new_id()
    await site.fetch(
        "INSERT INTO acknowledgements (id, school_id, access_point_id, user_id) VALUES ($1, $2, $3, $4)",
        *(id_, site.schools[school], await site.point(school), site.users[school]),
    )
    return id_


async def _a_scan(site: Site, school: str) -> dict[str, str]:
    return {"scanId": str(await _access_log(site, school))}


async def _wall_screen(site: Site, school: str) -> UUID:
    id_ = new_id()
    await site.fetch(
        "INSERT INTO wall_screens (id, school_id, name, created_by, expires_at)"
        " VALUES ($1, $2, 'Lodge', $3, now() + interval '1 day')",
        *(id_, site.schools[school], site.users[school]),
    )
    return id_


async def _pairing(site: Site, wall: UUID | None = None, school: UUID | None = None) -> tuple[str, str]:
    """Code and secret; confirmed, when it is a wall screen's."""
    secret, hash_ = new_opaque()
    code = "".join(choice(ALPHABET) for _ in range(8))
    await site.fetch(
        "INSERT INTO pairings (id, code, secret_hash, expires_at, wall_screen_id, school_id)"
        " VALUES ($1, $2, $3, now() + interval '1 min', $4, $5)",
        *(new_id(), code, hash_, wall, school),
    )
    return code, secret


async def _shown(site: Site, _: str) -> dict[str, str]:
    return {"code": (await _pairing(site))[0], "name": "Lodge"}


async def _confirmed(site: Site, school: str) -> dict[str, str]:
    return {"secret": (await _pairing(site, await _wall_screen(site, school), site.schools[school]))[1]}


async def _lately(*_: object) -> str:
    return f"accessTimeFrom={(datetime.now(UTC) - timedelta(hours=1)).isoformat().replace('+00:00', 'Z')}"


#: As those of things.py.
MAKERS: dict[str, Callable[[Site, str], Awaitable[UUID]]] = {
    "/access-logs": _access_log,
    "/access-logs/export": _access_log,
    "/acknowledgements": _acknowledged,
    "/hand-over": _acknowledged,
    "/wall-screens": _wall_screen,
}
BODIES: dict[str, Callable[[Site, str], Awaitable[Any]]] = {
    "POST /access-logs": _entry_by_hand,
    "POST /acknowledgements": _a_scan,
    "POST /wall-screens": _shown,
    "POST /auth/pairings/claim": _confirmed,
}
QUERIES: dict[str, Callable[[Site, str], Awaitable[str]]] = {
    "GET /access-logs/counts": _lately,
}
