"""Journal → scan_annulments: once, and whether the scan is in the log already, comes later, or from another host."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import asyncpg
import msgspec
import pytest

from hub.config import Settings
from hub.domain.ids import new_id_bytes
from hub.domain.verdict import Reason
from hub.recorder import access_log
from hub.recorder.admission import Batch
from hub.recorder.wire import Amendment, Annul, Annulled
from tests.integration.rows import add_school
from tests.integration.test_drain import DEVICE, NOW, SCHOOL, Bench, entry


class Annulling(Bench):
    def annul(self, scan_id: bytes, **more: Any) -> Annulled:
        """One commit with one annulment, as the recorder makes it."""
        where = {"devices": [b"x" * 16, DEVICE], "school": SCHOOL} | more
        batch, asked = Batch(self.journal), Annul(1, scan_id, at=NOW, **where)
        answer = self.admission.beside(asked, msgspec.msgpack.encode(asked), batch)
        assert isinstance(answer, Annulled)
        if batch.parts:
            self.journal.append(NOW, batch.scans, batch.firsts, b"".join(batch.parts), prune=[])
        return answer


@pytest.fixture
async def bench(settings: Callable[..., Settings], database: str) -> AsyncIterator[Annulling]:
    connection = await asyncpg.connect(database)
    found = Annulling(settings(), connection)
    yield found
    await found.drain._disconnect()
    found.journal.close()
    await connection.close()


async def test_an_annulment_counts_once_and_the_first_one_counts(bench: Annulling) -> None:
    scan = entry()
    bench.keep(scan)
    answers = [bench.annul(scan.scan_id, reason=reason, by=b"u" * 16) for reason in ("blocked", "again")]
    assert [(one.outcome, one.device, one.student) for one in answers] == [("annulled", DEVICE, scan.student_id)] * 2
    for _ in range(2):
        await bench.empty()
        rows = await bench.connection.fetch("SELECT * FROM scan_annulments")
        assert [(r["scan_id"].bytes, r["device_id"].bytes, r["reason"]) for r in rows] == [
            (scan.scan_id, DEVICE, "blocked")
        ]
        assert [row["status"] for row in await bench.rows()] == ["granted"]
        bench.again()
    bench.admission.reload()
    assert bench.annul(scan.scan_id).outcome == "annulled"


async def test_what_this_journal_does_not_know_is_taken_when_the_database_has_it(bench: Annulling) -> None:
    elsewhere = new_id_bytes()
    assert bench.annul(elsewhere).outcome == "unknown"
    assert bench.journal.next_id == 1
    assert bench.annul(elsewhere, found=True).outcome == "annulled"
    await bench.empty()
    rows = await bench.connection.fetch("SELECT * FROM scan_annulments")
    assert [(r["scan_id"].bytes, r["device_id"].bytes) for r in rows] == [(elsewhere, b"x" * 16)]


async def test_what_nobody_passed_on_is_not_annulled(bench: Annulling) -> None:
    denied, amended, old = entry(code=Reason.revoked_pass), entry(), entry(at=NOW - 10)
    bench.keep(denied, amended, old)
    bench.keep(amendments=[Amendment(amended.scan_id, DEVICE, NOW, Reason.hub_unavailable)])
    outcomes = [bench.annul(one.scan_id).outcome for one in (denied, amended)]
    outcomes += [bench.annul(old.scan_id, not_before=NOW - 5).outcome, bench.annul(old.scan_id).outcome]
    assert outcomes == ["denied", "denied", "too_old", "annulled"]


async def test_an_annulled_scan_is_no_use_whoever_brings_it_and_when(bench: Annulling) -> None:
    """Drained again after a cut, or brought by another host that was asked too."""
    (pass_,) = await bench.connection.fetch(
        "INSERT INTO passes"
        " (school_id, pass_number, qr_code, pass_type, visitor_name, issue_date, expiry_date, max_uses)"
        " VALUES ($1, 'V', 'V', 'visitor', 'G', '2026-01-01', '2099-01-01', 2) RETURNING id",
        await add_school(bench.connection, "ONE"),
    )

    async def uses() -> int:
        return int(await bench.connection.fetchval("SELECT uses FROM passes WHERE id = $1", pass_["id"]))

    scan = entry(limit=2, pass_id=pass_["id"].bytes)
    bench.keep(scan, entry(limit=2, pass_id=pass_["id"].bytes))
    await bench.empty()
    assert await uses() == 2
    bench.annul(scan.scan_id)
    await bench.empty()
    assert await uses() == 1
    bench.again()
    await bench.empty()
    assert await uses() == 1
    await access_log.count_uses(bench.drain._connection, [(scan, 1)], [])  # type: ignore[arg-type]
    assert await uses() == 1
