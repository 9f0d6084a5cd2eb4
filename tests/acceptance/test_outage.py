"""PostgreSQL or Valkey away under load: doors are answered as before, and afterwards nothing is missing.

PASSHUB_OUTAGE_SECONDS=30 makes each outage as long as the promise says; a few seconds take the same paths.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.acceptance.hub import Hub, short_directory
from tests.acceptance.load import Load
from tests.acceptance.oracle import check
from tests.acceptance.outage import family, frozen, own_valkey, stopped
from tests.acceptance.school import School, furnish
from tests.services import running_cluster

pytestmark = pytest.mark.service

OUTAGE_SECONDS = float(os.environ.get("PASSHUB_OUTAGE_SECONDS", "2"))


@pytest.fixture
def directory() -> Iterator[Path]:
    with short_directory() as place:
        yield place


def answers_go_on(hub: Hub, load: Load, part: str, outage: AbstractContextManager[None]) -> None:
    """Load through an outage of `part`; /health says which part it is, and stays ready."""
    load.wait_kept(200)
    with outage:
        until = time.monotonic() + OUTAGE_SECONDS
        hub.recovers(lambda: hub.health()[1]["parts"][part]["status"] == "down", f"{part} is seen to be down")
        while time.monotonic() < until:
            load.wait_kept(100)
            status, health = hub.health()
            assert (status, health["status"]) == (200, "degraded")
        assert hub.http("/health/ready")[0] == 200
    hub.recovers(lambda: hub.health()[1]["status"] == "healthy", f"{part} is back")
    load.wait_kept(200)


def test_postgresql_away_costs_no_answer(directory: Path) -> None:
    with running_cluster() as cluster:
        school: School = furnish(cluster.url(cluster.create()))
        with Hub(school.url, directory) as hub:
            hub.wait_ready()
            with Load(hub.port, school.doors, pace=0.03) as load:
                answers_go_on(hub, load, "database", frozen(family(cluster.postgres.pid)))
                answers_go_on(hub, load, "database", stopped(cluster))
            assert not load.ledger.faults, load.ledger.faults
            assert load.ledger.unavailable == 0
            check(school, load.ledger, amended=True)
            stale, fresh = school.fetch(
                "SELECT count(*) FILTER (WHERE stale), count(*) FILTER (WHERE NOT stale) FROM access_logs"
            )[0]
            assert min(stale, fresh) > 0


def test_valkey_away_costs_no_answer(database: str, directory: Path) -> None:
    school = furnish(database)
    with own_valkey() as valkey, Hub(school.url, directory, redis_url=valkey.url) as hub:
        hub.wait_ready()
        with Load(hub.port, school.doors, pace=0.03) as load:
            answers_go_on(hub, load, "redis", frozen([valkey.pid]))
            answers_go_on(hub, load, "redis", valkey.stopped())
        assert not load.ledger.faults, load.ledger.faults
        assert load.ledger.unavailable == 0
        check(school, load.ledger, amended=True)
