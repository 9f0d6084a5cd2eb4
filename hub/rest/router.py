"""Declarations become routes of aiohttp: what each request passes on its way to a handler, and on its way out.

    version → who asks → rate → rights → address and body → handler in a transaction → audit held against it → commit
    → reads kept → answer

Whatever is raised on the way is made an answer by hub/rest/shell.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any
from uuid import UUID

import structlog
from aiohttp import hdrs, web

from hub.accounts.identity import Identity
from hub.accounts.permissions import Permission
from hub.config import Settings
from hub.errors import BadRequest, Forbidden, NotFound, StoreUnavailable, Unauthorized
from hub.rest.answer import File, respond
from hub.rest.body import MOST_VALUES, MOST_VALUES_OF_STRANGERS, read_body
from hub.rest.call import Call, Reply, Transaction
from hub.rest.client import Client, Clients
from hub.rest.errors import without_values
from hub.rest.headers import ROUTE as ROUTE_HEADERS
from hub.rest.idempotency import Repeat, repeat_of
from hub.rest.limiter import Limiter
from hub.rest.origin import check_origin, session_cookie
from hub.rest.parameters import path_values, query_values
from hub.rest.ports import AuditTrail, Authenticator
from hub.rest.request_id import request_id
from hub.rest.route import MAYBE_SIGNED_IN, PUBLIC, WALL_SCREEN, Api, Route
from hub.rest.versions import check_version, version_headers
from hub.store.pg import Pg, PostgresError, Role, is_out_of_range

log = structlog.get_logger(__name__)


class Router:
    """Everything that declared routes need; `routes()` binds them."""

    def __init__(
        self,
        settings: Settings,
        pg: Pg,
        authenticator: Authenticator,
        trail: AuditTrail,
        limiter: Limiter,
        clients: Clients,
    ) -> None:
        self._settings = settings
        self._pg = pg
        self._authenticator = authenticator
        self._trail = trail
        self._limiter = limiter
        self._clients = clients
        self._origins = settings.allowed_origins
        #: Addresses without parameters → their methods.
        self._plain: dict[str, set[str]] = {}

    def routes(self, declared: Iterable[Route]) -> list[web.RouteDef]:
        """Each declaration below each of its versions."""
        declared = list(declared)
        for route in declared:
            if not route.parameters:
                for api in route.api:
                    self._plain.setdefault(f"/api/{api}{route.path}", set()).add(route.method)
        return [
            web.RouteDef(route.method, f"/api/{api}{route.path}", self._bind(route, api), {})
            for route in declared
            for api in route.api
        ]

    def _bind(self, route: Route, api: Api) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        headers = version_headers(api, route.deprecated)
        limit = route.timeout or self._settings.request_timeout

        async def bound(request: web.Request) -> web.StreamResponse:
            request[ROUTE_HEADERS] = headers
            self._check_plain(request, route)
            check_version(request, api)
            try:
                async with asyncio.timeout(limit):
                    return await self._answer(request, route)
            except TimeoutError:
                raise StoreUnavailable("this took too long; try again later") from None
            except (PostgresError, UnicodeError, OverflowError) as error:
                if not is_out_of_range(error):
                    raise
                log.warning("a value fits no column", route=str(route), **without_values(error))
                raise BadRequest("a value is longer, larger or further away than can be kept") from None

        return bound

    def _check_plain(self, request: web.Request, route: Route) -> None:
        """PUT /students/export is no student called export: the address is another route's, with other methods."""
        methods = self._plain.get(request.path) if route.parameters else None
        if methods is not None:
            raise web.HTTPMethodNotAllowed(request.method, sorted(methods))

    async def _answer(self, request: web.Request, route: Route) -> web.StreamResponse:
        client = self._clients.of(request)
        identity = await self._identify(request, route, client)
        structlog.contextvars.bind_contextvars(user_id=None if identity is None else str(identity.user_id))
        if identity is not None:
            await self._limiter.check(request, identity, client, faces=route.faces)
        call = await self._call(request, route, identity, client)
        repeat = repeat_of(call, self._settings)
        async with call.transaction:
            if repeat is not None and (kept := await repeat.begin(call)) is not None:
                return kept
            result = await self._handled(route, call)
            _check_promises(call)
            response = respond(call, result)
            await _keep(repeat, call, response)
        # A list that is sent as a file keeps for itself whose it is, as it goes.
        if route.reads is not None and not (route.is_list and isinstance(result, File)):
            await self._keep_read(call, result)
        return response

    async def _handled(self, route: Route, call: Call[Any, Any]) -> Any:
        """What the handler returns; what it forbids somebody (to grant what they do not hold) is kept as a refusal."""
        try:
            return await route.handler(call)
        except Forbidden as refusal:
            if call.known is not None:
                await call.note("refuse", _resource(route), call.params.get("id"), new=_told(route, refusal))
            raise

    async def _identify(self, request: web.Request, route: Route, client: Client) -> Identity | None:
        """Who asks. What is presented in vain counts for the address, so that nobody guesses for long: at the end, not
        even a table is asked."""
        if route.permission is PUBLIC:
            await self._limiter.check(request, None, client)
            return None
        try:
            token = self._token(request, client)
            self._check_guess(token, client)
            return await self._authenticator.identify(token)
        except Unauthorized:
            await self._limiter.check(request, None, client)
            if route.permission is MAYBE_SIGNED_IN:
                return None
            raise

    def _check_guess(self, token: str, client: Client) -> None:
        """Raises Unauthorized for a token that only a table may know, from an address that has nothing left."""
        if not self._authenticator.remembers(token) and self._limiter.is_spent(client):
            raise Unauthorized("sign in again: this token is unknown, expired or revoked")

    def _token(self, request: web.Request, client: Client) -> str:
        header = request.headers.get(hdrs.AUTHORIZATION)
        if header is not None:
            kind, _, token = header.partition(" ")
            if kind.lower() != "bearer" or not token.strip():
                raise Unauthorized("send the access token as: Authorization: Bearer <token>")
            return token.strip()
        cookie = request.cookies.get(session_cookie(client))
        if not cookie:
            raise Unauthorized("sign in first, then send the access token as: Authorization: Bearer <token>")
        check_origin(request, client, self._origins)
        return cookie

    async def _call(
        self, request: web.Request, route: Route, identity: Identity | None, client: Client
    ) -> Call[Any, Any]:
        """Rights before values: who may not, does not learn what would have been wrong with the request."""
        allowed = _may(route, identity)
        if identity is not None and not allowed:
            await self._refuse(request, route, identity, client)
        params = path_values(request) if route.parameters else {}
        query, named = query_values(request, route.query, takes_school=route.takes_school)
        school = _school(identity, named)
        return Call(
            request,
            route,
            identity=identity,
            school=school,
            params=params,
            query=query,
            body=await _body(request, route, identity),
            client=client,
            request_id=request_id(request),
            transaction=Transaction(self._pg, _role(route, identity, named), school),
            trail=self._trail,
            settings=self._settings,
        )

    async def _refuse(self, request: web.Request, route: Route, identity: Identity, client: Client) -> None:
        call: Call[None, None] = Call(
            request,
            route,
            identity=identity,
            school=identity.school_id,
            params={},
            query=None,
            body=None,
            client=client,
            request_id=request_id(request),
            transaction=Transaction(self._pg, Role.hub_api, identity.school_id),
            trail=self._trail,
            settings=self._settings,
        )
        needed = route.permission
        await call.note("refuse", _resource(route), None, new={"route": str(route)})
        if isinstance(needed, Permission):
            raise Forbidden(f"this needs the permission {needed.value}")
        raise Forbidden("this is for people" if identity.wall else "this is for wall screens")

    async def _keep_read(self, call: Call[Any, Any], result: Any) -> None:
        """One entry a request: of the item in the path or of those on the page; about a student, if it tells of one."""
        assert call.route.reads is not None
        one = call.params.get("id") if not call.route.is_list else None
        page = result.body if isinstance(result, Reply) else result
        ids = call.read if call.read is not None else _ids(page) if call.route.is_list else None
        told = call.read
        if told is None and call.route.reads == "student":
            told = [one] if one is not None else ids
        subject = told[0] if told is not None and len(told) == 1 else None
        new = None if ids is None or subject is not None else {"ids": [str(id_) for id_ in ids]}
        entry = call.entry("read", call.route.reads, one, new=new, subject=subject)
        await self._trail.read(entry)


async def _body(request: web.Request, route: Route, identity: Identity | None) -> Any:
    """None for a route that takes no body, and for one whose handler receives a file."""
    if not route.writes or route.upload is not None:
        return None
    most = MOST_VALUES_OF_STRANGERS if identity is None else MOST_VALUES
    return await read_body(request, route.body, fit=route.fits_body, needed=route.needs_body, most_values=most)


def _resource(route: Route) -> str:
    return route.permission.resource if isinstance(route.permission, Permission) else route.path.split("/")[1]


def _told(route: Route, refusal: Forbidden) -> dict[str, str]:
    return {"route": str(route), "why": str(refusal)}


def _may(route: Route, identity: Identity | None) -> bool:
    if identity is not None and identity.wall:
        return route.walls or route.permission is WALL_SCREEN
    if not isinstance(route.permission, Permission):
        return route.permission is not WALL_SCREEN
    return identity is not None and identity.may(route.permission)


def _school(identity: Identity | None, named: UUID | None) -> UUID | None:
    """Raises NotFound for a school that the caller does not belong to: whether it is there is not theirs to know."""
    if identity is None or identity.school_id is None:
        return named
    if named is not None and named != identity.school_id:
        raise NotFound("no such school")
    return identity.school_id


def _role(route: Route, identity: Identity | None, named: UUID | None) -> Role:
    """A super admin who names a school is held to it by row-level security like its own people."""
    if route.acts_as is not None:
        return route.acts_as
    if identity is not None and identity.school_id is None and named is None:
        return Role.hub_admin
    return Role.hub_api


def _check_promises(call: Call[Any, Any]) -> None:
    """A route that forgot what its declaration promises fails in its first test, and changes nothing."""
    route = call.route
    if route.writes and route.audited and not call.audited:
        raise RuntimeError(f"{route}: its handler has to call `audit`")
    if route.method == "PUT" and route.tagged and not call.matched:
        raise RuntimeError(f"{route}: its handler has to call `match`")


async def _keep(repeat: Repeat | None, call: Call[Any, Any], response: web.Response) -> None:
    if repeat is not None:
        await repeat.keep(call, response)


def _ids(page: Any) -> list[UUID]:
    return [item.id for item in page.data]
