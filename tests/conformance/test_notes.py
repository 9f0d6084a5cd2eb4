"""The contract of audit rows between a worker and the recorder: on disk before `keep` returns, and none twice."""

from __future__ import annotations

import asyncio
from pathlib import Path
from unittest.mock import Mock

import pytest

from hub.config import Settings, load_settings
from hub.domain.audit_row import AuditRow
from hub.domain.ids import new_id_bytes
from hub.errors import JournalError
from hub.recorder.admission import records
from hub.recorder.process import Recorder
from hub.recorder.wire import Note
from tests.conformance.recording import AT, ask, client_of, entry, kept, outcomes, recording, until


@pytest.fixture
def own(tmp_path: Path) -> Settings:
    """No database: the drain waits, the journal keeps everything."""
    return load_settings(database_url="postgresql://nobody@127.0.0.1:9/none", journal_dir=tmp_path)


def audit_row(action: str = "read") -> AuditRow:
    nothing = (None,) * 8
    return AuditRow(new_id_bytes(), AT, None, None, action, "student", *nothing, salt=b"s" * 16)


def noted(recorder: Recorder) -> list[AuditRow]:
    found: list[AuditRow] = []
    for row in recorder.journal.all_rows():
        for record in records(row.body):
            if isinstance(record, Note):
                found += record.rows
    return found


async def test_what_was_kept_is_in_the_journal_in_order_and_scans_beside_it_are_too(own: Settings) -> None:
    async with recording(own) as recorder, client_of(own) as client:
        await until(lambda: client.healthy)
        rows = [audit_row() for _ in range(50)]
        scans = [entry() for _ in range(20)]
        waiters = ask(client, *scans)
        await asyncio.gather(*(client.notes.keep(row) for row in rows))
        assert await outcomes(waiters) == ["kept"] * 20
        assert noted(recorder) == rows
        assert [scan for scan, _ in kept(recorder)] == scans
        assert [sequence for _, sequence in kept(recorder)] == list(range(1, 21))


async def test_one_turns_rows_and_scans_are_one_commit(own: Settings) -> None:
    async with recording(own) as recorder, client_of(own) as client:
        await until(lambda: client.healthy)
        before = recorder.journal.next_id
        waiters = ask(client, entry())
        await asyncio.gather(*(client.notes.keep(audit_row()) for _ in range(100)), outcomes(waiters))
        assert recorder.journal.next_id - before <= 2  # two messages, that the kernel may hand over one by one


async def test_rows_without_scans_do_not_count_as_scans(own: Settings) -> None:
    async with recording(own) as recorder, client_of(own) as client:
        await until(lambda: client.healthy)
        await client.notes.keep(audit_row())
        assert recorder.journal.waiting == 0
        assert recorder.journal.behind


async def test_a_refused_row_is_told_and_not_kept(own: Settings) -> None:
    async with recording(own) as recorder, client_of(own) as client:
        await until(lambda: client.healthy)
        append = recorder.journal.append
        recorder.journal.append = Mock(side_effect=JournalError("the disk is gone"))  # type: ignore[method-assign]
        with pytest.raises(JournalError, match="the disk is gone"):
            await client.notes.keep(audit_row())
        recorder.journal.append = append  # type: ignore[method-assign]
        await until(lambda: recorder.fault is None)
        await client.notes.keep(row := audit_row())
        assert noted(recorder) == [row]


async def test_a_row_is_sent_again_to_the_next_recorder(own: Settings) -> None:
    async with client_of(own) as client:
        rows = [audit_row() for _ in range(5)]
        waiting = asyncio.gather(*(client.notes.keep(row) for row in rows))
        async with recording(own) as recorder:
            await waiting
            assert noted(recorder) == rows


async def test_a_recorder_that_stays_away_is_told_and_the_row_is_kept_later(own: Settings) -> None:
    async with client_of(own, timeout_ms=10) as client:
        with pytest.raises(JournalError, match="in time"):
            await client.notes.keep(late := audit_row())
        async with recording(own) as recorder:
            await until(lambda: noted(recorder) == [late])


async def test_no_more_rows_wait_than_the_backlog(own: Settings) -> None:
    async with client_of(own, timeout_ms=10, backlog=3) as client:
        answers = await asyncio.gather(*(client.notes.keep(audit_row()) for _ in range(5)), return_exceptions=True)
        assert [str(answer) for answer in answers].count("too many audit rows wait for the journal") == 2
