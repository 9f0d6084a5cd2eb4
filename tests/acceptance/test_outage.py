"""PostgreSQL or Valkey away under load: doors are answered as before, and afterwards nothing is missing.

PASSHUB_OUTAGE_SECONDS=30 makes each outage as long as the promise says; a few seconds take the same paths.
"""

from __future__ import annotations

import os
import time
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.acceptance.hub import Hub
from tests.acceptance.load import Load
from tests.acceptance.oracle import check
from tests.acceptance.outage import family, frozen, own_valkey, stopped
from tests.acceptance.school import School
from tests.services import Cluster

pytestmark = pytest.mark.service

OUTAGE_SECONDS = float(os.environ.get("PASSHUB_OUTAGE_SECONDS", "2"))


def is_degraded(hub: Hub, part: str) -> bool:
    health = hub.health()[1]
    return (health["status"], health["parts"][part]["status"]) == ("degraded", "down")


def answers_go_on(hub: Hub, load: Load, part: str, outage: AbstractContextManager[None]) -> None:
    """Load through an outage of `part`; /health says which part it is, and stays ready."""
    load.wait_kept(200)
    with outage:
        until = time.monotonic() + OUTAGE_SECONDS
        hub.recovers(lambda: is_degraded(hub, part), f"{part} is seen to be down")
        while time.monotonic() < until:
            load.wait_kept(100)
            assert hub.health()[0] == 200
            assert hub.http("/health/ready")[0] == 200
    hub.recovers(lambda: hub.health()[1]["status"] == "healthy", f"{part} is back")
    load.wait_kept(200)


def test_postgresql_away_costs_no_answer(own_cluster: Cluster, frozen_school: School, directory: Path) -> None:
    school = frozen_school
    with Hub(school.url, directory) as hub:
        hub.wait_ready()
        with Load(hub.port, school.doors, pace=0.03) as load:
            answers_go_on(hub, load, "database", frozen(family(own_cluster.postgres.pid)))
            answers_go_on(hub, load, "database", stopped(own_cluster))
        assert not load.ledger.faults, load.ledger.faults
        assert load.ledger.unavailable == 0
        check(school, load.ledger, amended=True)
        stale, fresh = school.fetch(
            "SELECT count(*) FILTER (WHERE stale), count(*) FILTER (WHERE NOT stale) FROM access_logs"
        )[0]
        assert min(stale, fresh) > 0


def test_valkey_away_costs_no_answer(school: School, directory: Path) -> None:
    with own_valkey() as valkey, Hub(school.url, directory, redis_url=valkey.url) as hub:
        hub.wait_ready()
        with Load(hub.port, school.doors, pace=0.03) as load:
            answers_go_on(hub, load, "redis", frozen([valkey.pid]))
            answers_go_on(hub, load, "redis", valkey.stopped())
        assert not load.ledger.faults, load.ledger.faults
        assert load.ledger.unavailable == 0
        check(school, load.ledger, amended=True)
