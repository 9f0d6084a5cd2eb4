"""Every declared route, by every role and by a wall screen, by nobody and by another school's people, on an item of one
school: allowed where the declaration says so and nowhere else, and 404 for whoever belongs elsewhere.

Taken from the declarations: a new route is in it without anyone adding it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from hub.accounts.permissions import WALL, Permission
from hub.resources import declared_routes
from hub.rest.route import PUBLIC, WALL_SCREEN, Route
from tests.conformance.things import address, body, make
from tests.conformance.things import query as needed_query
from tests.integration.rest.site import ROLES, Answer, Site, shared_site
from tests.services import Cluster

ROUTES = declared_routes()
shared = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """One for all tests of this file: each asks little, and starting takes longer than that."""
    files = {"files_dir": tmp_path_factory.mktemp("files"), "files_unscanned": "serve"}
    async with shared_site(cluster, **files) as site:
        yield site


@pytest_asyncio.fixture(loop_scope="module")
async def site(running: Site) -> Site:
    """With schools and people of this test alone."""
    await running.furnish_anew()
    return running


async def ask(site: Site, route: Route, token: str | None, school: str, query: str = "") -> Answer:
    """The route on a fresh item of a school."""
    path, own = await address(route, site, school), await needed_query(route, site, school)
    if own:
        query = f"{query}&{own}" if query else f"?{own}"
    return await site.ask(route.method, path + query, token, await body(route, site, school))


def in_school(route: Route, role: str, school: Any) -> str:
    """Super admins say where they act."""
    return f"?schoolId={school}" if role == "super_admin" and route.takes_school else ""


def may(route: Route, role: str) -> bool:
    """A wall screen is nobody: what is for whoever is signed in is not for it."""
    if role == "wall_screen":
        return route.walls or route.permission in {PUBLIC, WALL_SCREEN}
    if isinstance(route.permission, Permission):
        return route.permission in ROLES[role]
    return route.permission is not WALL_SCREEN


def test_a_wall_screen_may_watch_and_nothing_else() -> None:
    assert {Permission.live_read} == WALL
    assert {needed for route in ROUTES if (needed := route.permission) in WALL} == set()
    allowed = {str(route) for route in ROUTES if may(route, "wall_screen") and route.permission is not PUBLIC}
    assert allowed == {"POST /auth/wall-screen", "GET /students/{id}/photo"}


@shared
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("route", ROUTES, ids=str)
async def test_a_role_may_what_the_declaration_says(route: Route, role: str, site: Site) -> None:
    answer = await ask(site, route, site.token(role), "near", in_school(route, role, site.schools["near"]))
    needed = route.permission
    if not may(route, role):
        assert answer.status == 403, answer.text
        assert not isinstance(needed, Permission) or needed.value in answer.json["message"]
        assert [(entry.action, entry.school_id) for entry in site.trail.kept] == [
            ("refuse", None if role == "super_admin" else site.schools["near"])
        ]
    else:
        assert answer.status == route.success, answer.text


@shared
@pytest.mark.parametrize("route", ROUTES, ids=str)
async def test_nobody_may_what_is_not_public(route: Route, site: Site) -> None:
    for token in (None, "unknown"):
        answer = await ask(site, route, token, "near")
        if route.permission is PUBLIC:
            assert answer.status not in {401, 403}, answer.text
        else:
            assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, "Bearer")


OF_ONE = [route for route in ROUTES if route.parameters and route.takes_school]


@shared
@pytest.mark.parametrize("route", OF_ONE, ids=str)
async def test_what_belongs_to_another_school_is_not_there(route: Route, site: Site) -> None:
    assert (await ask(site, route, site.token("school_admin", "far"), "near")).status == 404
    if route.takes_school:
        held = f"?schoolId={site.schools['far']}"
        assert (await ask(site, route, site.token("super_admin"), "near", held)).status == 404


@shared
@pytest.mark.parametrize("route", [r for r in ROUTES if r.takes_school], ids=str)
async def test_a_school_that_is_not_ones_own_cannot_be_named(route: Route, site: Site) -> None:
    answer = await ask(site, route, site.token("school_admin", "far"), "far", f"?schoolId={site.schools['near']}")
    assert answer.status == 404


#: Those below an item are as far away as the item is.
LISTS = [route for route in ROUTES if route.is_list and route.takes_school and not route.parameters]


@shared
@pytest.mark.parametrize("route", LISTS, ids=str)
async def test_a_list_holds_nothing_of_another_school(route: Route, site: Site) -> None:
    made = {school: str(await make(route.path, site, school)) for school in ("near", "far")}
    for school, other in (("near", "far"), ("far", "near")):
        listed = await ask(site, route, site.token("school_admin", school), school)
        ids = {item["id"] for item in listed.json["data"]}
        assert made[school] in ids
        assert made[other] not in ids
