"""The doctor on the audit chain: no key, another's key, a stopped job, a head that was changed, a file that lags."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from hub.accounts.ledger.digests import Signer
from hub.accounts.ledger.sealing import seal_settled
from hub.config import load_settings
from hub.store.pg import Pg, Role
from hub.supervisor.doctor import Level
from tests.integration.doctor.report import Look, at, faults, told

SEED, OTHER = b"a" * 32, b"b" * 32
CHECK = "audit chain"


def key(*seeds: bytes) -> str:
    return ",".join(base64.urlsafe_b64encode(seed).decode() for seed in seeds)


@pytest.fixture
async def pg(database: str) -> AsyncIterator[Pg]:
    opened = await Pg.open(load_settings(database_url=database), [Role.hub_system])
    yield opened
    await opened.close()


async def happen(owner: asyncpg.Connection, ago: str = "0 s") -> None:
    await owner.execute(
        "INSERT INTO audit_logs (id, action, resource_type, created_at, salt)"
        " VALUES (gen_random_uuid(), 'create', 'x', now() - $1::text::interval, 'salt')",
        ago,
    )


async def test_what_is_sealed_is_said_with_its_age(look: Look, owner: asyncpg.Connection, pg: Pg) -> None:
    assert "nothing to seal" in at(await look(audit_key=key(SEED)), CHECK, Level.right).says
    await happen(owner)
    await seal_settled(pg, Signer(SEED), None)
    for keys in (key(SEED), key(OTHER, SEED)):
        says = at(await look(audit_key=keys), CHECK, Level.right).says
        assert "batch 1 was sealed" in says
        assert "HUB_AUDIT_HEADS" in says


async def test_without_a_key_it_warns(look: Look, owner: asyncpg.Connection) -> None:
    await happen(owner)
    report = await look()
    assert report.ok
    told(report, CHECK, "HUB_AUDIT_KEY is not set", "nothing was ever sealed", "--new-secret-key", level=Level.warning)


CHANGES = [
    "UPDATE audit_seals SET signature = sha512('x')",
    "UPDATE audit_seals SET head = sha256('x')",
    "UPDATE audit_seals SET row_count = 7",
]


@pytest.mark.parametrize("change", CHANGES)
async def test_an_end_that_nobody_known_has_signed(look: Look, owner: asyncpg.Connection, pg: Pg, change: str) -> None:
    await happen(owner)
    await seal_settled(pg, Signer(SEED), None)
    told(await look(audit_key=key(OTHER)), CHECK, "batch 1", "passhub audit verify")
    await owner.execute(change)
    report = await look(audit_key=key(SEED))
    assert faults(report) == [CHECK]
    told(report, CHECK, "batch 1", "passhub audit verify")


async def test_a_job_that_stands_still(look: Look, owner: asyncpg.Connection, pg: Pg) -> None:
    await happen(owner)
    await seal_settled(pg, Signer(SEED), None)
    await happen(owner, "3 h")
    told(await look(audit_key=key(SEED)), CHECK, "1 row not sealed", "3 h", "passhub jobs", level=Level.warning)


async def test_the_file_of_heads(look: Look, owner: asyncpg.Connection, pg: Pg, tmp_path: Path) -> None:
    heads = tmp_path / "heads.jsonl"
    own: dict[str, Any] = {"audit_key": key(SEED), "audit_heads": heads}
    await happen(owner)
    await seal_settled(pg, Signer(SEED), heads)
    assert "HUB_AUDIT_HEADS" not in at(await look(**own), CHECK, Level.right).says
    await happen(owner)
    await seal_settled(pg, Signer(SEED), None)
    told(await look(**own), CHECK, "ends with batch 1", "the chain with 2", level=Level.warning)
    await owner.execute("DELETE FROM audit_seals")
    told(await look(**own), CHECK, "not one chain", "passhub audit verify")
    heads.unlink()
    heads.mkdir()
    told(await look(**own), CHECK, "cannot read the heads")
