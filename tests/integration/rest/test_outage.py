"""PostgreSQL away or slow: a person hears that it is not the time, in the error format, and is served again later."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import asyncpg
import pytest

from hub.config import Settings
from hub.rest.call import Call
from hub.rest.route import SIGNED_IN, Route
from tests.integration.rest.site import site_running
from tests.integration.rest.small import ROUTES
from tests.services import Cluster
from tests.tcp_proxy import How, TcpProxy

EVERYTHING = "/api/v1/everything"


@pytest.fixture
def proxy(cluster: Cluster) -> Iterator[TcpProxy]:
    with TcpProxy(cluster.postgres.socket_dir / ".s.PGSQL.5432") as proxy:
        yield proxy


CUTS: tuple[How, ...] = ("reset", "close")


@pytest.mark.parametrize("how", CUTS)
async def test_no_answer_is_503_and_what_follows_is_served(
    database: str, proxy: TcpProxy, settings: Callable[..., Settings], how: How
) -> None:
    own = settings(database_url=proxy.url(database))
    async with site_running(own, ROUTES) as site:
        token = site.token()
        assert (await site.ask("GET", EVERYTHING, token)).status == 200
        proxy.cut(how)
        refused = await site.ask("GET", EVERYTHING, token)
        assert (refused.status, refused.json["statusCode"], refused.headers["Retry-After"]) == (503, 503, "1")
        assert refused.json["requestId"] == refused.headers["X-Request-ID"]
        proxy.heal()
        assert (await site.ask("GET", EVERYTHING, token)).status == 200


async def sleep_long(call: Call[None, None]) -> None:
    tx = await call.tx()
    await tx.execute("SET LOCAL statement_timeout = '50ms'")
    await tx.execute("SELECT pg_sleep(60)")


async def want_a_lock(call: Call[None, None]) -> None:
    tx = await call.tx()
    await tx.execute("SET LOCAL lock_timeout = '50ms'")
    await tx.execute("SELECT name FROM departments")


SLOW = [
    Route("GET", "/sleeping", sleep_long, summary="s", permission=SIGNED_IN),
    Route("GET", "/locked", want_a_lock, summary="l", permission=SIGNED_IN),
]


@pytest.mark.parametrize("path", ["/sleeping", "/locked"])
async def test_a_statement_that_is_given_up_is_503_and_not_the_programs_fault(
    settings: Callable[..., Settings], path: str
) -> None:
    async with site_running(settings(), [*SLOW, *ROUTES]) as site:
        token, other = site.token(), await asyncpg.connect(site.database)
        try:
            async with other.transaction():
                await other.execute("LOCK TABLE departments IN ACCESS EXCLUSIVE MODE")
                refused = await site.ask("GET", f"/api/v1{path}", token)
        finally:
            await other.close()
        assert (refused.status, refused.json["error"]) == (503, "Service Unavailable")
        assert (refused.headers["Retry-After"], refused.json["requestId"]) == ("1", refused.headers["X-Request-ID"])
        assert "busy" in refused.json["message"]
        problem = await site.ask("GET", "/api/v2/sleeping", token)
        assert (problem.status, problem.json["type"]) == (503, "urn:passhub:unavailable")
        assert (await site.ask("GET", EVERYTHING, token)).status == 200
