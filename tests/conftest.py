"""Fixtures of all tests. What needs a process of PostgreSQL or Valkey is made on first use, in tests/services.py."""

from __future__ import annotations

import base64
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from hub.config import Settings, load_settings
from tests import hanging
from tests.order import heaviest_first
from tests.services import Cluster, running_cluster, running_valkey

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # As a shell has it for what runs in the background; programs that tests start would be deaf to it, too.
    signal.signal(signal.SIGINT, signal.default_int_handler)

SERVICE_FIXTURES = frozenset({"cluster", "database", "settings", "valkey"})

# How long an example takes says more about the machine than about the code.
hypothesis.settings.register_profile("hub", deadline=None)
hypothesis.settings.load_profile("hub")

SECRET_KEY = base64.urlsafe_b64encode(b"a key of tests that seals things").decode()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever uses a service is marked so; `make test-fast` leaves it out. What takes longest comes first."""
    for item in items:
        if SERVICE_FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.service)
    items[:] = [items[place] for place in heaviest_first([item.nodeid.split("::")[0] for item in items])]


def pytest_timeout_set_timer(settings: Any) -> bool:
    """Of pytest-timeout; its own would say where the main thread is, which is in the loop."""
    hanging.watch(settings.timeout)
    return True


def pytest_timeout_cancel_timer() -> bool:
    hanging.forget()
    return True


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    with running_cluster() as running:
        yield running


@pytest.fixture
def database(cluster: Cluster) -> Iterator[str]:
    """The owner's URL of a fresh, migrated database, dropped afterwards with whoever is still connected."""
    name = cluster.create()
    yield cluster.url(name)
    cluster.drop(name)


@pytest.fixture(scope="session")
def valkey() -> Iterator[str]:
    """The URL of a Valkey that all tests of the session share: take keys and channels of your own."""
    with running_valkey() as url:
        yield url


@pytest.fixture
def settings(database: str, tmp_path: Path) -> Callable[..., Settings]:
    """`settings(**overrides)`: Settings for this test's database, with a journal directory of its own."""

    def make(**overrides: Any) -> Settings:
        own: dict[str, Any] = {"database_url": database, "journal_dir": tmp_path / "journal", "secret_key": SECRET_KEY}
        own["journal_timeout_ms"] = 5_000  # of a machine that is held up now and then
        return load_settings(**(own | overrides))

    return make
