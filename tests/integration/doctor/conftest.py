"""`look`: the doctor on this test's database, Valkey, journal and port."""

from __future__ import annotations

import base64
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from hub.supervisor.doctor import Report, disk, examine
from tests.acceptance.program import free_port
from tests.integration.doctor.report import SECRET, Look

LIMITS = ("database.STATEMENT_SECONDS", "server.NOTIFY_SECONDS", "events.ANSWER_SECONDS", "files.ANSWER_SECONDS")
ROUNDS = ("DATABASE", "EVENTS", "DISK", "HUB", "PORT", "FILES")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("HUB_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(disk, "WRITES", 3)
    monkeypatch.setattr("hub.supervisor.sockets.PATIENCE_SECONDS", 0.05)
    for name in LIMITS:  # a machine that is held up is no fault of what is examined
        monkeypatch.setattr(f"hub.supervisor.doctor.{name}", 6.0)
    for name in ROUNDS:
        monkeypatch.setattr(f"hub.supervisor.doctor.rounds.{name}_SECONDS", 40.0)


@pytest.fixture
def journal_dir(tmp_path: Path) -> Path:
    directory = tmp_path / "journal"
    directory.mkdir(mode=0o700)
    return directory


@pytest.fixture
def look(database: str, valkey: str, journal_dir: Path) -> Look:
    """`await look(**overrides)` examines this test's parts."""

    async def run(**overrides: Any) -> Report:
        own = {
            "database_url": database,
            "redis_url": valkey,
            "secret_key": base64.urlsafe_b64encode(SECRET).decode(),
            "journal_dir": journal_dir,
            "port": free_port(),
        }
        return await examine(**(own | overrides))

    return run


@pytest.fixture
async def owner(database: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database)
    yield connection
    await connection.close()
