"""One request as a handler sees it: who asks, for which school, what; and the transaction in which all of it happens.

The transaction begins when it is first asked for and is committed at the edge, after the handler has returned and
before the answer leaves; any exception rolls it back. A handler never commits.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar
from uuid import UUID

import msgspec
from aiohttp import hdrs, web

from hub.accounts.audit import Action, AuditEntry
from hub.accounts.identity import Identity
from hub.config import Settings
from hub.domain.ids import new_id
from hub.errors import BadRequest, HubError, NotFound
from hub.rest.client import Client
from hub.rest.etags import check_match
from hub.rest.ports import AuditTrail
from hub.store.pg import Connection, Pg, Role

if TYPE_CHECKING:
    from hub.rest.route import Route

Q = TypeVar("Q")
B = TypeVar("B")
P = TypeVar("P")


class Reply(msgspec.Struct):
    """An answer with more than a body: headers, and cookies to set (name → arguments of `set_cookie`) or to delete."""

    body: Any = None
    headers: dict[str, str] = {}
    cookies: dict[str, dict[str, Any]] = {}
    forget: dict[str, dict[str, Any]] = {}
    #: Instead of the declaration's, which has to name it too.
    status: int | None = None


class Transaction:
    """Opened at the first `connection()`. As a context manager it commits, or rolls back when an exception passes."""

    def __init__(self, pg: Pg, role: Role, school: UUID | None) -> None:
        self._pg = pg
        self._role = role
        self._school = school
        self._open: AbstractAsyncContextManager[Connection] | None = None
        self._connection: Connection | None = None
        self.keep = False

    async def connection(self) -> Connection:
        if self._connection is None:
            opening = self._begin()
            self._connection = await opening.__aenter__()
            self._open = opening
        return self._connection

    def _begin(self) -> AbstractAsyncContextManager[Connection]:
        if self._role is Role.hub_admin:
            return self._pg.admin()
        if self._role is Role.hub_system:
            return self._pg.system()
        if self._school is None:
            raise RuntimeError("hub_api acts for a school, and there is none")
        return self._pg.tenant(self._school)

    def another(self) -> AbstractAsyncContextManager[Connection]:
        """One apart from this, as the same role and for the same school: for what goes on when this one has ended."""
        return self._begin()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._open is None:
            return
        if error is not None and self.keep and isinstance(error, HubError):
            await self._open.__aexit__(None, None, None)
        else:
            await self._open.__aexit__(kind, error, trace)


class Call(Generic[Q, B]):
    """`school`: the caller's own; a super admin names one with ?schoolId=, or none and sees all."""

    def __init__(
        self,
        request: web.Request,
        route: Route,
        *,
        identity: Identity | None,
        school: UUID | None,
        params: Mapping[str, Any],
        query: Q,
        body: B,
        client: Client,
        request_id: str,
        transaction: Transaction,
        trail: AuditTrail,
        settings: Settings,
    ) -> None:
        self.request = request
        self.settings = settings
        self.route = route
        self.school = school
        self.params = params
        self.query = query
        self.body = body
        self.client = client
        self.request_id = request_id
        self.transaction = transaction
        self.audited = False
        self.matched = False
        #: Whom the answer tells of, when it is not the item of the path.
        self.read: list[UUID] | None = None
        self._identity = identity
        self._trail = trail

    @property
    def known(self) -> Identity | None:
        """Who is asking; None on a public route."""
        return self._identity

    @property
    def identity(self) -> Identity:
        """Who is asking, on a route that is not public."""
        if self._identity is None:
            raise RuntimeError(f"{self.route}: nobody is known on a public route")
        return self._identity

    @property
    def id(self) -> UUID:
        """The `{id}` of the path."""
        id_: UUID = self.params["id"]
        return id_

    def part(self, key: web.AppKey[P]) -> P:
        """What hub/app.py has put into the application for handlers: a mailer, a pool of processes."""
        return self.request.app[key]

    async def tx(self) -> Connection:
        """The request's transaction: hub_api under the caller's school, hub_admin for a super admin."""
        return await self.transaction.connection()

    def school_for(self, named: UUID | None = None) -> UUID:
        """The school in which something is made: the caller's, or the one that a super admin names in the body or with
        ?schoolId=. Raises BadRequest when none is named, NotFound for somebody else's."""
        if named is not None and self.school is not None and named != self.school:
            raise NotFound("no such school")
        school = named or self.school
        if school is None:
            raise BadRequest("schoolId: say in which school", [{"field": "schoolId", "message": "say in which school"}])
        return school

    def match(self, current: msgspec.Struct) -> None:
        """Hold `If-Match` against the item as it is now, read FOR UPDATE. Raises PreconditionFailed. A PUT of one item
        has to ask."""
        self.matched = True
        check_match(self.request.headers.get(hdrs.IF_MATCH), current)

    def keep(self, refusal: HubError) -> HubError:
        """`raise call.keep(Unauthorized(…))`: what was written stays, though the request is refused."""
        self.transaction.keep = True
        return refusal

    async def audit(
        self,
        action: Action,
        resource_type: str,
        resource_id: UUID | None,
        *,
        old: dict[str, Any] | None = None,
        new: dict[str, Any] | None = None,
        school: UUID | None = None,
        user: UUID | None = None,
        subject: UUID | None = None,
    ) -> None:
        """One row of the audit, in this request's transaction. `school` and `user` where they are not the caller's."""
        entry = self.entry(action, resource_type, resource_id, old, new, school=school, user=user, subject=subject)
        await self._trail.write(await self.tx(), entry)
        self.audited = True

    async def note(
        self,
        action: Action,
        resource_type: str,
        resource_id: UUID | None,
        *,
        new: dict[str, Any] | None = None,
        school: UUID | None = None,
        user: UUID | None = None,
        subject: UUID | None = None,
    ) -> None:
        """The same apart from the transaction, on disk when this returns: what failed or was refused is kept too."""
        entry = self.entry(action, resource_type, resource_id, None, new, school=school, user=user, subject=subject)
        await self._trail.read(entry)
        self.audited = True

    def entry(
        self,
        action: Action,
        resource_type: str,
        resource_id: UUID | None,
        old: dict[str, Any] | None = None,
        new: dict[str, Any] | None = None,
        *,
        school: UUID | None = None,
        user: UUID | None = None,
        subject: UUID | None = None,
    ) -> AuditEntry:
        if self._identity is not None and self._identity.wall:
            new = {**(new or {}), "wallScreen": str(self._identity.user_id)}
        return AuditEntry(
            id=new_id(),
            at=time.time_ns() // 1000,
            school_id=school or self.school,
            user_id=user or (self._identity.account if self._identity else None),
            action=action,
            resource_type=resource_type,
            resource_id=resource_id,
            old=old,
            new=new,
            address=self.client.address,
            user_agent=self.client.user_agent,
            request_id=self.request_id,
            subject_id=subject,
        )
