"""Pages of a list: keyset, filters, search, order; what a cursor may be."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import asyncpg
import msgspec
import pytest

from hub.resources import declared_routes
from hub.store.keyset import Column, Filter, Listing
from tests.integration.rest.site import Site
from tests.services import Cluster

POINTS = "/api/v1/access-points"


async def read_all(site: Site, query: str) -> list[dict[str, Any]]:
    """Every page, one after the other."""
    token, found, cursor = site.token(), [], ""
    while True:
        page = (await site.ask("GET", f"{POINTS}?{query}{cursor}", token)).json
        found += page["data"]
        if not page["page"]["hasMore"]:
            assert "nextCursor" not in page["page"]
            return found
        cursor = f"&cursor={page['page']['nextCursor']}"


@pytest.mark.parametrize("sort", ["name", "-name", "createdAt", "-createdAt"])
async def test_pages_have_every_row_once_in_order(site: Site, sort: str) -> None:
    made = [str(await site.point(name=name)) for name in ("b", "a", "a", "c", "ä", "a", "B")]
    await site.fetch("UPDATE access_points SET created_at = '2026-01-01' WHERE name = 'a'")
    rows = await read_all(site, f"limit=2&sort={sort}")
    assert sorted(row["id"] for row in rows) == sorted(made)
    whole = (await site.ask("GET", f"{POINTS}?sort={sort}", site.token())).json["data"]
    assert rows == whole


async def test_rows_that_come_and_go_meanwhile_shift_nothing(site: Site) -> None:
    for name in "abcdef":
        await site.point(name=name)
    token = site.token()
    first = (await site.ask("GET", f"{POINTS}?limit=3&sort=name", token)).json
    await site.fetch("UPDATE access_points SET deleted_at = now() WHERE name = 'a'")
    await site.point(name="aa")
    rest = await site.ask("GET", f"{POINTS}?limit=3&sort=name&cursor={first['page']['nextCursor']}", token)
    assert [row["name"] for row in rest.json["data"]] == ["d", "e", "f"]


async def test_filters_search_and_total_count_together(site: Site) -> None:
    for name in ("100% gate", "100 gates", "door_1", "door 1"):
        await site.point(name=name)
    await site.fetch("UPDATE access_points SET access_type = 'entry' WHERE name LIKE 'door%'")
    token = site.token()
    for query, count in (
        ("q=100%25", 1),
        ("q=r_1", 1),
        ("q=GATE", 2),
        ("q=100&accessType=entry", 0),
        ("accessType=entry&isActive=true", 2),
        ("isActive=false", 0),
    ):
        page = (await site.ask("GET", f"{POINTS}?{query}&total=true&limit=1", token)).json
        assert page["page"]["total"] == count, query
    assert "total" not in (await site.ask("GET", POINTS, token)).json["page"]


def cursor(*parts: Any) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(parts)).decode().rstrip("=")


ID = "018bcfe5-6800-7000-8000-000000000001"


@pytest.mark.parametrize(
    "query",
    [
        *("limit=0", "limit=201", "limit=x", "sort=location", "sort=", "total=maybe", "accessType=out"),
        *("cursor=", "cursor=!!", f"cursor={cursor(1)}", "cursor=eA", "q=", "unknown=1"),
        f"sort=name&cursor={cursor('-name', 'a', ID)}",
        f"sort=name&cursor={cursor('name', 1, ID)}",
        f"sort=createdAt&cursor={cursor('createdAt', 'a', ID)}",
        *(
            f"sort=createdAt&cursor={cursor('createdAt', when, ID)}"
            for when in (
                *("0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00", "2026-01-01T00:00:00"),
                *("9999-12-31T23:59:59Z", "9999-12-31T23:59:59.999999-14:00", 10**30, "infinity"),
            )
        ),
        f"sort=name&cursor={cursor('name', 'a', 'b')}",
        f"sort=name&cursor={cursor('name', chr(0), ID)}",
    ],
)
async def test_what_no_list_takes_is_refused(site: Site, query: str) -> None:
    answer = await site.ask("GET", f"{POINTS}?{query}", site.token())
    assert answer.status == 400, answer.text


def test_a_column_is_a_name() -> None:
    with pytest.raises(ValueError, match="no column"):
        Listing("SELECT 1", sorts={"x": Column("a; DROP TABLE x", str)})


def listings() -> list[Any]:
    """Those of the resources, found beside their routes."""
    found = []
    for name in sorted({route.handler.__module__ for route in declared_routes()}):
        scope = import_module(name).__dict__
        found += [pytest.param(one, id=f"{name}.{key}") for key, one in scope.items() if isinstance(one, Listing)]
    return found


@pytest.fixture(scope="module")
def prepared_in(cluster: Cluster) -> Iterator[str]:
    name = cluster.create()
    yield cluster.url(name)
    cluster.drop(name)


@pytest.mark.service
@pytest.mark.parametrize("listing", listings())
async def test_every_order_and_filter_of_a_listing_prepares(listing: Listing, prepared_in: str) -> None:
    connection = await asyncpg.connect(prepared_in, server_settings={"role": "hub_api"})
    try:
        filters = dict.fromkeys(listing.filters, None)
        for sort in listing.sorts:
            q = "x" if listing.search else None
            sql, _ = listing.page(f"-{sort}", 10, filters=filters, q=q)
            await connection.prepare(sql)
        await connection.prepare(listing.count(filters=filters)[0])
    finally:
        await connection.close()


def test_a_filter_may_compare() -> None:
    listing = Listing("SELECT 1", sorts={"x": Column("x", int)}, filters={"from": Filter("x", ">=")})
    assert listing.count(filters={"from": 3}) == ("SELECT count(*) FROM (SELECT 1) AS list WHERE list.x >= ($1)", [3])
