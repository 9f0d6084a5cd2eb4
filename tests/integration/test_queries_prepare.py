"""Every named statement is understood by the migrated schema, as the role that runs it."""

from __future__ import annotations

from collections.abc import Iterator

import asyncpg
import pytest

from hub.store.queries import Query, all_queries, load_queries
from tests.services import Cluster

QUERIES = list(all_queries())
PLANNED = {"SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "VALUES", "MERGE"}


@pytest.fixture(scope="module")
def prepared_in(cluster: Cluster) -> Iterator[str]:
    """One database for all: nothing is written."""
    name = cluster.create()
    yield cluster.url(name)
    cluster.drop(name)


def test_the_rooms_have_queries() -> None:
    assert {query.package for query in QUERIES} >= {"hub.index", "hub.recorder"}


@pytest.mark.parametrize("query", QUERIES, ids=lambda q: f"{q.package}.{q.name}")
async def test_a_query_prepares_as_its_role(query: Query, prepared_in: str) -> None:
    connection = await asyncpg.connect(prepared_in, server_settings={"role": query.role})
    try:
        for name in query.needs:
            await connection.execute(load_queries(query.package)[name])
        await connection.prepare(query.sql)
        if query.sql.split(None, 1)[0].upper() in PLANNED:
            # Preparing does not look at grants; planning without the parameters' values does.
            await connection.execute(f"EXPLAIN (GENERIC_PLAN) {query.sql}")
    finally:
        await connection.close()
