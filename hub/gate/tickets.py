"""Tickets: somebody who is signed in connects with a browser as the reader of a door, once a ticket.

A browser cannot set headers on a WebSocket, so a ticket of half a minute comes as a subprotocol. It is a row of
PostgreSQL (its SHA-256), deleted as it is used: of several who present it, on whichever worker, one gets the row. The
connection lives by the session that asked for the ticket, and its scans say whose it is.
"""

from __future__ import annotations

from collections.abc import Container
from uuid import UUID

import msgspec
from aiohttp import hdrs, web

from hub.accounts.identity import Identity
from hub.accounts.permissions import Permission
from hub.accounts.sessions import Sessions
from hub.accounts.tokens import opaque_hash
from hub.errors import Unauthorized
from hub.index.directory import AccessPoint, Directory
from hub.rest.client import Clients
from hub.rest.origin import check_origin
from hub.store.pg import Pg
from hub.store.queries import load_queries

Q = load_queries("hub.gate")
SUBPROTOCOL = "passhub.ticket."


class Visit(msgspec.Struct, frozen=True):
    """Who connected with a ticket, and the sign-in that it lives by."""

    user: UUID
    session: UUID


class Tickets:
    """One a worker. `origins`: other sites whose pages may connect."""

    def __init__(
        self, pg: Pg, directory: Directory, sessions: Sessions, clients: Clients, origins: Container[str]
    ) -> None:
        self._pg = pg
        self._directory = directory
        self._sessions = sessions
        self._clients = clients
        self._origins = origins

    @property
    def sessions(self) -> Sessions:
        return self._sessions

    async def use(self, request: web.Request, ticket: str) -> tuple[AccessPoint, Visit]:
        """The door that it opens, and for whom. Raises Forbidden for another site's page, Unauthorized for a ticket
        that is not good (any more), StoreUnavailable."""
        check_origin(request, self._clients.of(request), self._origins, always=True)
        hash_ = opaque_hash(ticket)
        row = None
        if hash_ is not None:
            async with self._pg.system() as tx:
                row = await tx.fetchrow(Q.use_ticket, hash_)
        if row is None:
            raise Unauthorized("this ticket was used, or is older than half a minute; ask for another")
        point = self._directory.points.get(row["access_point_id"].bytes)
        identity = await self._sessions.living(row["session_id"])
        if point is None or point.school is None or not _may(identity, point):
            raise Unauthorized("who asked for this ticket may not scan there any more")
        return point, Visit(row["user_id"], row["session_id"])

    def hold(self, visit: Visit, point: AccessPoint) -> bool:
        """Whether the connection may go on."""
        there = self._directory.points.get(point.id) is point
        return there and _may(self._sessions.identity_of(visit.session), point)


def presented_ticket(request: web.Request) -> str | None:
    """The ticket among the subprotocols of a request that has no key."""
    if hdrs.AUTHORIZATION in request.headers:
        return None
    for offered in offered_protocols(request):
        if offered.startswith(SUBPROTOCOL):
            return offered.removeprefix(SUBPROTOCOL)
    return None


def offered_protocols(request: web.Request) -> list[str]:
    given = ",".join(request.headers.getall(hdrs.SEC_WEBSOCKET_PROTOCOL, []))
    return [one.strip() for one in given.split(",") if one.strip()]


def _may(identity: Identity | None, point: AccessPoint) -> bool:
    if identity is None or not identity.may(Permission.access_points_scan):
        return False
    return identity.school_id is None or identity.school_id.bytes == point.school_id
