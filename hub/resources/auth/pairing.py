"""/auth/pairings and /auth/wall-screen: how a browser on a wall is let in, and stays."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import msgspec
from aiohttp import hdrs
from msgspec import Meta

from hub.accounts import wall_screens
from hub.accounts.wall_screens import PAIRING_SECONDS, Wall
from hub.resources.auth.cookies import forgotten_refresh, require_safe, wall_cookie
from hub.resources.auth.model import Moment
from hub.rest.call import Call, Reply
from hub.rest.origin import session_cookie

KIND = "wall_screen"
AGAIN_SECONDS = 10


class Pairing(msgspec.Struct, kw_only=True):
    """`code` is shown to people, `secret` to nobody. `expiresIn`: seconds."""

    code: str
    secret: str
    expiresIn: int


class Claim(msgspec.Struct, kw_only=True):
    secret: Annotated[str, Meta(min_length=1, max_length=200, description="as the pairing gave it")]


class WallSession(msgspec.Struct, kw_only=True):
    """What a wall screen has to know of itself. Its token is a cookie."""

    id: UUID
    name: str
    schoolId: UUID
    schoolName: str
    timezone: str
    expiresAt: Moment


class Claimed(msgspec.Struct, kw_only=True):
    """`screen`: null while nobody has confirmed the code."""

    screen: WallSession | None


async def begin_pairing(call: Call[None, None]) -> Pairing:
    require_safe(call)
    asking = await wall_screens.ask(await call.tx())
    return Pairing(code=asking.code, secret=asking.secret, expiresIn=PAIRING_SECONDS)


async def claim_pairing(call: Call[None, Claim]) -> Reply:
    require_safe(call)
    wall = await wall_screens.claim(await call.tx(), call.body.secret, call.settings.wall_screen_days)
    if wall is None:
        call.audited = True  # nothing has happened yet
        return Reply(Claimed(screen=None), headers={hdrs.RETRY_AFTER: str(AGAIN_SECONDS)}, status=202)
    await call.audit("login", KIND, wall.id, school=wall.school_id)
    return _reply(call, Claimed(screen=_session(wall)), wall, wall.token)


async def renew_wall_screen(call: Call[None, None]) -> Reply:
    wall = await wall_screens.renew(await call.tx(), call.identity.user_id, call.settings.wall_screen_days)
    token = call.request.cookies.get(session_cookie(call.client))
    if token is None:
        return Reply(_session(wall))
    require_safe(call)
    return _reply(call, _session(wall), wall, token)


def _session(wall: Wall) -> WallSession:
    return WallSession(
        id=wall.id,
        name=wall.name,
        schoolId=wall.school_id,
        schoolName=wall.school,
        timezone=wall.timezone,
        expiresAt=wall.expires_at,
    )


def _reply(call: Call[Any, Any], body: Any, wall: Wall, token: str) -> Reply:
    """Whoever was signed in with this browser is so no more."""
    return Reply(body, cookies=wall_cookie(call.client, token, wall.expires_at), forget=forgotten_refresh(call.client))
