"""What the tests of the real server share: a place for its journal, a school in its database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.hub import short_directory
from tests.acceptance.school import School, furnish
from tests.services import Cluster, running_cluster


@pytest.fixture
def directory() -> Iterator[Path]:
    """An empty directory with a short path, on a disk."""
    with short_directory() as place:
        yield place


@pytest.fixture
def school(database: str) -> School:
    return furnish(database)


@pytest.fixture(scope="session")
def own_cluster() -> Iterator[Cluster]:
    """A PostgreSQL that tests may freeze and stop: nobody else is connected to it."""
    with running_cluster() as cluster:
        yield cluster


@pytest.fixture
def frozen_school(own_cluster: Cluster) -> Iterator[School]:
    """A school in the PostgreSQL that may be frozen and stopped."""
    name = own_cluster.create()
    yield furnish(own_cluster.url(name))
    own_cluster.drop(name)
