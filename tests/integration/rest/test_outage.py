"""PostgreSQL away: a person hears that it is not the time, in the error format, and is served again when it is back."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from hub.config import Settings
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
