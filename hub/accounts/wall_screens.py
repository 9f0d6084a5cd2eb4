"""Wall screens: a browser on a wall that watches one school's events, for months, and may do nothing else.

It shows a code, somebody who may confirms it for their school, and the browser, which alone has the secret, comes for
its session: one opaque token, kept as SHA-256, that lives longer each time it is used. What it may do is WALL
(hub/accounts/permissions.py); the roster holds it beside people's sessions, so it ends on every worker at once.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from uuid import UUID

import msgspec

from hub.accounts.roster import queries
from hub.accounts.tokens import new_opaque, opaque_hash
from hub.domain.ids import new_id
from hub.errors import NotFound, Unauthorized
from hub.store.pg import Connection, Record

PAIRING_SECONDS = 600
CODE_LENGTH = 8
#: Without what is taken for something else when it is read off a wall.
ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"


class Asking(msgspec.Struct, frozen=True):
    """A pairing that nobody has confirmed. `secret` is its own browser's."""

    code: str
    secret: str


class Wall(msgspec.Struct, frozen=True):
    """A wall screen that is let in. `token`: its browser's, where it is new."""

    id: UUID
    name: str
    school_id: UUID
    school: str
    timezone: str
    expires_at: datetime
    token: str = ""


async def ask(tx: Connection) -> Asking:
    """Begin a pairing, as hub_admin: it is nobody's yet. A code that another screen shows is not given again."""
    secret, hash_ = new_opaque()
    while True:
        code = "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH))
        if await tx.fetchval(queries["begin_pairing"], new_id(), code, hash_, PAIRING_SECONDS) is not None:
            return Asking(code, secret)


async def confirm(tx: Connection, code: str, name: str, school: UUID, by: UUID, days: int) -> UUID:
    """The wall screen, which has yet to come for its session. Raises NotFound when no screen shows this code."""
    pairing = await tx.fetchval(queries["pairing_of_code"], plain_code(code))
    if pairing is None:
        raise NotFound("no screen shows this code now; let it show a new one")
    id_ = new_id()
    await tx.execute(queries["add_wall_screen"], id_, school, name, by, days)
    await tx.execute(queries["confirm_pairing"], pairing, school, id_)
    return id_


async def claim(tx: Connection, secret: str, days: int) -> Wall | None:
    """The session, once; None while nobody has confirmed. As hub_admin. Raises Unauthorized."""
    hash_ = opaque_hash(secret)
    pairing = None if hash_ is None else await tx.fetchrow(queries["pairing_of_secret"], hash_)
    if pairing is None:
        raise Unauthorized("this pairing is over; begin another")
    if pairing["wall_screen_id"] is None:
        return None
    token, hashed = new_opaque()
    await tx.execute(queries["end_pairing"], pairing["id"])
    row = await tx.fetchrow(queries["claim_wall_screen"], pairing["wall_screen_id"], hashed, days)
    if row is None:
        raise Unauthorized("this wall screen was revoked")
    return _wall(row, token)


async def renew(tx: Connection, id_: UUID, days: int) -> Wall:
    """It is there, and lives as long again. As hub_admin. Raises Unauthorized when it was revoked just now."""
    row = await tx.fetchrow(queries["renew_wall_screen"], id_, days)
    if row is None:
        raise Unauthorized("this wall screen was revoked")
    return _wall(row)


def plain_code(code: str) -> str:
    """As it is kept, however it was typed."""
    return "".join(code.upper().split()).replace("-", "")


def _wall(row: Record, token: str = "") -> Wall:
    return Wall(row["id"], row["name"], row["school_id"], row["school"], row["timezone"], row["expires_at"], token)
