"""Which school's events somebody may see: whoever is signed in, those of their school.

Whoever has joined stays while the session lives and may still look, however short an access token is. Who watches, and
who was not allowed to, is in the audit, on disk before the first event; while the journal takes nothing nobody joins.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Container
from typing import Any
from uuid import UUID

from aiohttp import web

from hub.accounts.audit import Action, AuditEntry
from hub.accounts.identity import Identity
from hub.accounts.permissions import Permission
from hub.accounts.sessions import Sessions
from hub.domain.ids import new_id
from hub.errors import BadRequest, Forbidden, JournalError, NotFound, StoreUnavailable, Unauthorized
from hub.index.directory import Directory
from hub.live.sio import Scope
from hub.rest.client import Clients
from hub.rest.origin import check_origin, session_cookie
from hub.rest.ports import AuditTrail


class Admission:
    """`ready`: the directory is loaded. `origins`: other sites whose pages may use a session's cookie."""

    def __init__(
        self,
        sessions: Sessions,
        directory: Directory,
        ready: asyncio.Event,
        clients: Clients,
        trail: AuditTrail,
        origins: Container[str] = (),
    ) -> None:
        self._sessions = sessions
        self._directory = directory
        self._ready = ready
        self._clients = clients
        self._trail = trail
        self._origins = origins

    def follow(self, end: Callable[[UUID], None]) -> None:
        """`end(session)` when one is over, or its holder may not look any more."""

        def changed(session: UUID) -> None:
            if not self._may_look(session):
                end(session)

        self._sessions.on_ended(end)
        self._sessions.on_changed(changed)

    async def scope(self, request: web.Request, auth: dict[str, Any]) -> Scope:
        """What a client opens that presents `auth`, or a session's cookie.

        Raises Unauthorized; Forbidden for who may not look and for another site's page; BadRequest and NotFound for a
        super admin who names no school; StoreUnavailable before the schools are known, and while nothing can be kept.
        """
        token = auth.get("token")
        if token is None:
            token = self._cookie(request)
        if not isinstance(token, str):
            raise Unauthorized("send auth: {token: …}, an access token")
        identity = await self._sessions.identify(token)
        try:
            scope = self._of_person(identity, auth)
        except Forbidden as refusal:
            await self._note(request, identity, "refuse", identity.school_id, {"why": str(refusal)})
            raise
        await self._note(request, identity, "read", UUID(bytes=scope.school), {})
        # Meanwhile it may have ended: its end was told to the screens that were there.
        if not self._may_look(identity.session_id):
            raise Unauthorized("the session has ended; sign in again")
        return scope

    def _may_look(self, session: UUID) -> bool:
        identity = self._sessions.identity_of(session)
        return identity is not None and identity.may(Permission.live_read)

    async def _note(
        self, request: web.Request, identity: Identity, action: Action, school: UUID | None, new: dict[str, Any]
    ) -> None:
        client = self._clients.of(request)
        if identity.wall:
            new["wallScreen"] = str(identity.user_id)
        entry = AuditEntry(
            id=new_id(),
            at=time.time_ns() // 1000,
            school_id=school,
            user_id=identity.account,
            action=action,
            resource_type="live",
            new=new or None,
            address=client.address,
            user_agent=client.user_agent,
        )
        try:
            await self._trail.read(entry)
        except JournalError as error:
            raise StoreUnavailable(f"who watches cannot be kept at the moment: {error}; try again") from error

    def _require_schools(self) -> None:
        if not self._ready.is_set():
            raise StoreUnavailable("the hub is starting and has not read its schools yet; try again in a moment")

    def _cookie(self, request: web.Request) -> str | None:
        client = self._clients.of(request)
        cookie = request.cookies.get(session_cookie(client))
        if cookie is not None:
            check_origin(request, client, self._origins, always=True)
        return cookie

    def _of_person(self, identity: Identity, auth: dict[str, Any]) -> Scope:
        if not identity.may(Permission.live_read):
            raise Forbidden(f"this needs the permission {Permission.live_read.value}")
        school = identity.school_id or _named(auth)
        self._require_schools()
        if identity.school_id is None and school.bytes not in self._directory.schools:
            raise NotFound("no such school")
        return Scope(school.bytes, identity.session_id)


def _named(auth: dict[str, Any]) -> UUID:
    """The school that a super admin wants to see."""
    try:
        return UUID(auth["schoolId"])
    except (KeyError, TypeError, ValueError, AttributeError):
        message = "say which school"
        raise BadRequest(f"schoolId: {message}", [{"field": "schoolId", "message": message}]) from None
