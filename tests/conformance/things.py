"""What the matrix of rights needs to know of each resource: how one of its items is made in a school, and a good body
where the declaration's example is none.

A resource whose routes have an id in their path and that has no maker here fails the matrix, by name.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from hub.domain.ids import new_id
from hub.rest.route import Route
from tests.integration.rest.site import Site

Maker = Callable[[Site, str], Awaitable[UUID]]


async def _access_point(site: Site, school: str) -> UUID:
    return await site.point(school)


async def _audit_log(site: Site, school: str) -> UUID:
    """Somebody of the school signed in."""
    rows = await site.fetch(
        "INSERT INTO audit_logs (id, school_id, action, resource_type) VALUES ($1, $2, 'login', 'x') RETURNING id",
        *(new_id(), site.schools[school]),
    )
    id_: UUID = rows[0]["id"]
    return id_


async def _job(site: Site, school: str) -> UUID:
    """Something was asked for."""
    rows = await site.fetch(
        "INSERT INTO job_runs (id, school_id, kind, params) VALUES ($1, $2, 'x', '') RETURNING id",
        *(new_id(), site.schools[school]),
    )
    id_: UUID = rows[0]["id"]
    return id_


#: What stands before `/{id}` in a path → makes one in a school.
MAKERS: dict[str, Maker] = {
    "/access-points": _access_point,
    "/admin/audit-logs": _audit_log,
    "/admin/audit-logs/export": _audit_log,
    "/jobs": _job,
}

#: Routes ("POST /x") whose body takes more than the declaration's example.
BODIES: dict[str, Callable[[Site, str], Awaitable[Any]]] = {}

#: Routes whose query has a parameter that is required.
QUERIES: dict[str, Callable[[Site, str], Awaitable[str]]] = {}


async def make(what: str, site: Site, school: str) -> UUID:
    assert what in MAKERS, f"tests/conformance/things.py: say how one of {what} is made"
    return await MAKERS[what](site, school)


async def address(route: Route, site: Site, school: str) -> str:
    """The route's path with the ids of things that are there, in a school."""
    path = route.path
    while "{" in path:
        before, _, rest = path.partition("/{")
        path = f"{before}/{await make(before, site, school)}{rest.partition('}')[2]}"
    return f"/api/{route.api[0]}{path}"


async def query(route: Route, site: Site, school: str) -> str:
    return await QUERIES[str(route)](site, school) if str(route) in QUERIES else ""


async def body(route: Route, site: Site, school: str) -> Any:
    if str(route) in BODIES:
        return await BODIES[str(route)](site, school)
    assert route.body is None or route.example is not None, f"{route}: declare an example of its body"
    return route.example


async def _pass(site: Site, school: str) -> UUID:
    """A visitor's."""
    id_ = new_id()
    await site.fetch(
        "INSERT INTO passes (id, school_id, pass_number, qr_code, issue_date, expiry_date, pass_type, visitor_name)"
        " VALUES ($1, $2, $3, $3, '2026-01-01', '2099-01-01', 'visitor', 'Grace Hopper')",
        *(id_, site.schools[school], str(id_)),
    )
    return id_


async def _template(site: Site, school: str) -> UUID:
    id_ = new_id()
    await site.fetch(
        "INSERT INTO pass_templates (id, school_id, name) VALUES ($1, $2, $3)", id_, site.schools[school], str(id_)
    )
    return id_


MAKERS |= {"/passes": _pass, "/passes/templates": _template}


async def _at_a_door(site: Site, school: str) -> str:
    return f"accessPointId={await site.point(school)}"


QUERIES["GET /passes/{id}/explain"] = _at_a_door
