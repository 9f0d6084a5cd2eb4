"""A site for the tests of this directory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest

from hub.config import Settings
from tests.integration.rest.site import Site, site_running


@pytest.fixture
async def site(settings: Callable[..., Settings]) -> AsyncIterator[Site]:
    async with site_running(settings(rate_anonymous=10_000)) as running:
        yield running
