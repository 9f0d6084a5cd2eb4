"""An office for the tests of this directory."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Callable

import pytest

from hub.config import Settings
from tests.integration.accounts.office import Office, office_running

SECRET = base64.urlsafe_b64encode(bytes(range(32))).decode()


@pytest.fixture
async def office(settings: Callable[..., Settings]) -> AsyncIterator[Office]:
    async with office_running(settings(rate_anonymous=10_000, secret_key=SECRET)) as running:
        yield running
