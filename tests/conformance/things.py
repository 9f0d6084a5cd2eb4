"""What the matrix of rights needs to know of each resource: how one of its items is made in a school, and a good body
where the declaration's example is none.

A resource whose routes have an id in their path and that has no maker here fails the matrix, by name.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import aiohttp

from hub.config import decode_key
from hub.domain.ids import new_id
from hub.domain.keyring import KeyRing
from hub.domain.qr import generate_signing_key
from hub.rest.jobs.files import Growing
from hub.rest.route import Route
from tests.conformance import guarding, people, sent
from tests.conformance.people import connect, own_session, session_of
from tests.conftest import SECRET_KEY
from tests.integration.rest.site import Site

GUARD = UUID("018bcfe5-6800-7000-8000-000000000004")
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


async def _import(site: Site, school: str) -> UUID:
    """One of whose rows some were refused."""
    job, ring = await _job(site, school), KeyRing([decode_key(SECRET_KEY)])
    async with connect(site) as tx, tx.transaction():
        await Growing(ring, job, site.schools[school], "refused").add(tx, b"importLine,importFaults", 0)
    return job


async def _roll_over(site: Site, school: str) -> UUID:
    job = await _job(site, school)
    await site.fetch(
        "UPDATE job_runs SET kind = 'students_roll_over', status = 'needs_confirmation' WHERE id = $1", job
    )
    return job


async def _file(*_: object) -> aiohttp.FormData:
    form = aiohttp.FormData()
    form.add_field("file", b"studentId,firstName,lastName\nS-1,Ada,Lovelace\n", filename="students.csv")
    return form


async def _user(site: Site, school: str) -> UUID:
    rows = await site.fetch(
        "INSERT INTO users (email, password_hash, first_name, last_name, role_id, school_id)"
        " VALUES (gen_random_uuid() || '@x', '', 'Grace', 'H', $1, $2) RETURNING id",
        *(GUARD, site.schools[school]),
    )
    return UUID(bytes=rows[0]["id"].bytes)


async def _role(site: Site, school: str) -> UUID:
    rows = await site.fetch(
        "INSERT INTO roles (name, school_id) VALUES (gen_random_uuid()::text, $1) RETURNING id", site.schools[school]
    )
    return UUID(bytes=rows[0]["id"].bytes)


async def _school(site: Site, school: str) -> UUID:
    return site.schools[school]


async def _department(site: Site, school: str) -> UUID:
    rows = await site.fetch(
        "INSERT INTO departments (name, code, school_id) VALUES ('Art', left(gen_random_uuid()::text, 20), $1)"
        " RETURNING id",
        site.schools[school],
    )
    return UUID(bytes=rows[0]["id"].bytes)


#: What stands before `/{id}` in a path → makes one in a school.
MAKERS: dict[str, Maker] = {
    "/access-points": _access_point,
    "/admin/audit-logs": _audit_log,
    "/admin/audit-logs/export": _audit_log,
    "/jobs": _job,
    "/students/import": _import,
    "/students/roll-over": _roll_over,
    "/admin/users": _user,
    "/auth/sessions": own_session,
    "/admin/roles": _role,
    "/departments": _department,
    "/schools": _school,
    "/schools/{id}/departments": _department,
}

#: The same for what stands below another item, whose id it is given.
BELOW: dict[str, Callable[[Site, str, UUID], Awaitable[UUID]]] = {
    **sent.BELOW,
    "/admin/users/{id}/sessions": lambda site, _, user: session_of(site, user),
}

#: Routes of an item that has to have something first.
READY: dict[str, Callable[[Site, str, UUID], Awaitable[None]]] = {**sent.READY}

#: Routes ("POST /x") whose body takes more than the declaration's example.
BODIES: dict[str, Callable[[Site, str], Awaitable[Any]]] = {
    **people.BODIES,
    "POST /students/import": _file,
}

#: Routes whose query has a parameter that is required.
QUERIES: dict[str, Callable[[Site, str], Awaitable[str]]] = {}


async def make(what: str, site: Site, school: str) -> UUID:
    assert what in MAKERS, f"tests/conformance/things.py: say how one of {what} is made"
    return await MAKERS[what](site, school)


async def address(route: Route, site: Site, school: str) -> str:
    """The route's path with the ids of things that are there, in a school."""
    path, made = route.path, list[UUID]()
    while "{" in path:
        before, _, rest = path.partition("/{")
        name, _, after = rest.partition("}")
        template = route.path[: route.path.index("{" + name + "}") - 1]
        # What is below an item is made below that very one.
        below = BELOW[template](site, school, made[-1]) if template in BELOW else make(template, site, school)
        made.append(await below)
        path = f"{before}/{made[-1]}{after}"
    if str(route) in READY:
        await READY[str(route)](site, school, made[-1])
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


async def _signing_key(site: Site, _: str) -> UUID:
    """The installation's."""
    key = generate_signing_key()
    sealed = KeyRing([decode_key(SECRET_KEY)]).seal(key.private, key.kid.encode())
    rows = await site.fetch(
        "INSERT INTO signing_keys (kid, public_key, private_key) VALUES ($1, $2, $3) RETURNING id",
        *(key.kid, key.public, sealed),
    )
    id_: UUID = rows[0]["id"]
    return id_


MAKERS["/signing-keys"] = _signing_key


async def _student(site: Site, school: str) -> UUID:
    id_ = new_id()
    await site.fetch(
        "INSERT INTO students (id, school_id, student_id, first_name, last_name)"
        " VALUES ($1, $2, $3, 'Ada', 'Lovelace')",
        *(id_, site.schools[school], str(id_)),
    )
    return id_


MAKERS["/students"] = _student


async def _not_seen(site: Site, school: str) -> UUID:
    """A student of long ago, whom no door has seen."""
    id_ = await _student(site, school)
    await site.fetch("UPDATE student_last_seen SET made_at = now() - interval '1 year' WHERE student_id = $1", id_)
    return id_


MAKERS["/admin/analytics/not-seen"] = _not_seen


async def _mail(site: Site, school: str) -> UUID:
    id_ = new_id()
    await site.fetch(
        "INSERT INTO pass_mails (id, school_id, pass_id, job_id, lookup_key) VALUES ($1, $2, $3, $1, '')",
        *(id_, site.schools[school], await _pass(site, school)),
    )
    return id_


async def _somebody(site: Site, school: str) -> dict[str, Any]:
    """A filter that matches a student."""
    student = await _student(site, school)
    return {"students": {"studentId": str(student)}}


async def _passes_for_somebody(site: Site, school: str) -> dict[str, Any]:
    return await _somebody(site, school) | {"expiryDate": "2099-07-31"}


async def _badges(site: Site, school: str) -> UUID:
    """A job that has printed some."""
    job, ring = await _job(site, school), KeyRing([decode_key(SECRET_KEY)])
    async with connect(site) as tx, tx.transaction():
        await Growing(ring, job, site.schools[school], "badges-1").add(tx, b"%PDF-", 0)
    return job


MAKERS["/passes/badges"] = _badges
MAKERS["/passes/mails"] = _mail
BODIES |= {"POST /passes/issue": _passes_for_somebody, "POST /passes/send": _somebody, "POST /passes/badges": _somebody}


BODIES |= sent.BODIES


MAKERS["/faces"] = MAKERS["/students"]
MAKERS |= guarding.MAKERS
BODIES |= guarding.BODIES
QUERIES |= guarding.QUERIES
