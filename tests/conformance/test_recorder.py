"""The contract between a worker's RecorderClient and the host's Recorder, over a real socket and a real journal."""

from __future__ import annotations

import asyncio
import contextlib
import time
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from hub.config import Settings, load_settings
from hub.domain.ids import new_id_bytes
from hub.domain.verdict import Reason
from hub.errors import JournalError
from hub.recorder.journal import Journal
from hub.recorder.process import socket_path
from hub.recorder.wire import Amendment, Frame, Merge, Override, Report, ToWorker, Watch, Watching
from tests.conformance.recording import (
    AT,
    DEVICE,
    OTHER_KEY,
    SCHOOL,
    Waiter,
    ask,
    beside,
    client_of,
    entry,
    kept,
    outcomes,
    recording,
    until,
)


@pytest.fixture
def own(tmp_path: Path) -> Settings:
    """No database: the drain waits, the journal keeps everything."""
    return load_settings(database_url="postgresql://nobody@127.0.0.1:9/none", journal_dir=tmp_path)


async def test_an_acknowledged_scan_is_in_the_journal_as_it_was_sent(own: Settings) -> None:
    async with recording(own) as recorder, client_of(own) as client:
        await until(lambda: client.healthy)
        assert client.recorder_id == recorder.journal.recorder_id
        scans = [entry(info=b"{}", student_id=b"s" * 16), entry(code=7, direction=0), entry(flags=1)]
        assert await outcomes(ask(client, *scans)) == ["kept"] * 3
        assert [scan for scan, _ in kept(recorder)] == scans
        assert [sequence for _, sequence in kept(recorder)] == [1, 2, 3]
        assert client.in_flight == 0


async def test_a_client_that_came_before_the_journal_was_open_learns_whose_it_is(own: Settings) -> None:
    holder = Journal(own.journal_dir)
    holder.open()
    told: list[ToWorker] = []
    async with recording(own) as recorder, client_of(own) as client:
        client.on_other = told.append
        await until(lambda: client.connected)
        client.send(Watch(SCHOOL))
        await until(lambda: recorder.outlet._watchers)
        assert not any(isinstance(message, Watching) for message in told)
        holder.close()
        await until(lambda: any(isinstance(message, Watching) for message in told))
        assert client.recorder_id == recorder.journal.recorder_id
        assert told[-1] == Watching(SCHOOL, client.recorder_id, 1)


async def test_answers_come_in_the_order_of_the_scans(own: Settings) -> None:
    async with recording(own) as recorder, client_of(own) as client:
        await until(lambda: client.healthy)
        log: list[Waiter] = []
        waiters: list[Waiter] = []
        for _ in range(40):
            waiters += ask(client, *(entry() for _ in range(5)), log=log)
            await asyncio.sleep(0)
        await outcomes(waiters)
        assert log == waiters
        assert [sequence for _, sequence in kept(recorder)] == list(range(1, 201))


async def test_each_school_has_a_series_of_its_own_across_clients_and_restarts(own: Settings) -> None:
    async with recording(own) as recorder, client_of(own, "a") as left, client_of(own, "b") as right:
        await until(lambda: left.healthy and right.healthy)
        waiters = [
            waiter
            for number in range(20)
            for waiter in ask((left, right)[number % 2], entry(school=bytes([9 + number % 3]) * 16))
        ]
        assert set(await outcomes(waiters)) == {"kept"}
        before = recorder.journal.recorder_id
    async with recording(own) as recorder, client_of(own) as client:
        await until(lambda: client.healthy)
        await outcomes(ask(client, entry(school=bytes([9]) * 16)))
        series: dict[bytes, list[int]] = {}
        for scan, sequence in kept(recorder):
            series.setdefault(scan.school, []).append(sequence)
        assert sorted(series.values()) == [list(range(1, 7)), list(range(1, 8)), list(range(1, 9))]
        assert recorder.journal.recorder_id == before


async def test_the_same_scan_on_two_clients_is_kept_once_with_the_first_answer(own: Settings) -> None:
    async with recording(own) as recorder, client_of(own, "a") as left, client_of(own, "b") as right:
        await until(lambda: left.healthy and right.healthy)
        ids = [new_id_bytes() for _ in range(20)]
        first = ask(left, *(entry(id_) for id_ in ids))
        again = ask(right, *(entry(id_, code=6, at=AT + 5) for id_ in ids))
        left_got, right_got = await outcomes(first), await outcomes(again)
        assert {"kept"} == {got for got in (*left_got, *right_got) if isinstance(got, str)}
        for mine, yours in zip(left_got, right_got, strict=True):
            assert sorted([mine == "kept", yours == "kept"]) == [False, True]
            known = yours if mine == "kept" else mine
            assert (known.code, known.at) == ((0, AT) if mine == "kept" else (6, AT + 5))
        assert len(kept(recorder)) == 20


async def test_a_scan_twice_in_one_frame_and_with_another_code(own: Settings) -> None:
    async with recording(own) as recorder, client_of(own) as client:
        await until(lambda: client.healthy)
        id_ = new_id_bytes()
        got = await outcomes(ask(client, entry(id_), entry(id_, code=6), entry(id_, key=OTHER_KEY), entry()))
        assert got == ["kept", Override(1, 0, AT), Override(2, Reason.scan_id_reused, AT), "kept"]
        assert (await outcomes(ask(client, entry(id_, key=OTHER_KEY))))[0].code == Reason.scan_id_reused
        assert (await outcomes(ask(client, entry(id_, device=b"d" * 16)))) == ["kept"]
        found = [scan for scan, _ in kept(recorder)]
        assert [scan.code for scan in found] == [0, Reason.scan_id_reused, 0, 0]
        assert len({scan.identity for scan in found}) == 4
        assert (found[1].pass_id, found[1].key) == (None, OTHER_KEY)


async def test_a_restarted_recorder_knows_every_scan(own: Settings) -> None:
    scans = [entry(code=number % 3) for number in range(50)]
    async with recording(own), client_of(own) as client:
        await until(lambda: client.healthy)
        assert set(await outcomes(ask(client, *scans))) == {"kept"}
    async with recording(own) as recorder, client_of(own) as client:
        await until(lambda: client.healthy)
        again = await outcomes(ask(client, *(entry(scan.scan_id, code=5, at=AT + 1) for scan in scans)))
        assert [(one.code, one.at) for one in again] == [(scan.code, AT) for scan in scans]
        assert len(kept(recorder)) == 50


async def test_what_was_not_acknowledged_is_sent_again_in_order(own: Settings) -> None:
    async with client_of(own) as client:
        log: list[Waiter] = []
        waiters: list[Waiter] = []
        for _ in range(10):
            waiters += ask(client, entry(), entry(), log=log)
            await asyncio.sleep(0)
        assert not log
        assert client.in_flight == 20
        async with recording(own) as recorder:
            assert set(await outcomes(waiters)) == {"kept"}
            assert log == waiters
            assert len(kept(recorder)) == 20
        await until(lambda: not client.connected)
        assert client.state.fault is not None
        more = ask(client, entry())
        async with recording(own) as recorder:
            assert await outcomes(more) == ["kept"]
            assert [sequence for _, sequence in kept(recorder)] == list(range(1, 22))


async def test_a_lost_acknowledgement_costs_nothing(own: Settings) -> None:
    scan = entry(code=4)
    async with recording(own) as recorder, client_of(own) as client:
        await until(lambda: client.healthy)
        acknowledge = recorder._acknowledge
        recorder._acknowledge = lambda acks: None  # type: ignore[method-assign]
        waiters = ask(client, scan)
        await until(lambda: kept(recorder))
        recorder._acknowledge = acknowledge  # type: ignore[method-assign]
        for worker in list(recorder.workers):
            assert worker.transport is not None
            worker.transport.abort()
        assert await outcomes(waiters) == [Override(0, 4, AT)]
        assert len(kept(recorder)) == 1


async def test_a_refused_frame_is_told_at_once_and_nothing_of_it_is_known(own: Settings) -> None:
    async with recording(own) as recorder, client_of(own) as client:
        await until(lambda: client.healthy)
        scan = entry()
        recorder.full = "the disk is full"
        assert await outcomes(ask(client, scan, entry())) == ["unavailable"] * 2
        assert client.refused == 2
        recorder.full = None
        assert await outcomes(ask(client, scan)) == ["kept"]
        append = recorder.journal.append

        recorder.journal.append = Mock(side_effect=JournalError("the disk is gone"))  # type: ignore[method-assign]
        lost = entry()
        assert await outcomes(ask(client, lost)) == ["unavailable"]
        await until(lambda: client.state.fault == "the disk is gone")
        assert not client.healthy
        recorder.journal.append = append  # type: ignore[method-assign]
        await until(lambda: client.healthy)
        assert await outcomes(ask(client, lost)) == ["kept"]
        assert [sequence for _, sequence in kept(recorder)] == [1, 2]


async def test_a_frame_past_its_deadline_is_kept_as_unavailable(own: Settings) -> None:
    async with client_of(own, timeout_ms=20) as client:
        scan, replayed = entry(), entry(report=Report(AT, True))
        assert await outcomes(ask(client, scan, replayed)) == ["unavailable"] * 2
        assert client.timeouts == 2
        async with recording(own) as recorder:
            await until(lambda: client.in_flight == 0)
            assert [found.code for found, _ in kept(recorder)] == [Reason.hub_unavailable, 0]
            assert beside(recorder) == []
            assert (await outcomes(ask(client, entry(scan.scan_id))))[0].code == Reason.hub_unavailable


async def test_what_was_kept_too_late_is_amended_and_the_amendment_holds(own: Settings) -> None:
    async with recording(own) as recorder, client_of(own, timeout_ms=50) as client:
        await until(lambda: client.healthy)
        acknowledge = recorder._acknowledge
        recorder._acknowledge = lambda acks: None  # type: ignore[method-assign]
        scan, replayed = entry(), entry(report=Report(AT - 9, True))
        assert await outcomes(ask(client, scan, replayed)) == ["unavailable"] * 2
        await until(lambda: beside(recorder))
        assert beside(recorder) == [Amendment(scan.scan_id, DEVICE, AT, Reason.hub_unavailable, SCHOOL)]
        assert [(found.code, found.amends) for found, _ in kept(recorder)] == [
            (0, False),
            (0, False),
            (Reason.hub_unavailable, True),
        ]
        recorder._acknowledge = acknowledge  # type: ignore[method-assign]
        for worker in list(recorder.workers):
            assert worker.transport is not None
            worker.transport.abort()
        await until(lambda: client.in_flight == 0)
        assert (await outcomes(ask(client, entry(scan.scan_id))))[0].code == Reason.hub_unavailable
        assert (await outcomes(ask(client, entry(replayed.scan_id, report=replayed.report))))[0].code == 0
    async with recording(own), client_of(own) as client:
        await until(lambda: client.healthy)
        assert (await outcomes(ask(client, entry(scan.scan_id))))[0].code == Reason.hub_unavailable


async def test_an_amendment_that_was_refused_is_sent_again(own: Settings) -> None:
    async with recording(own) as recorder, client_of(own, timeout_ms=30) as client:
        await until(lambda: client.healthy)
        acknowledge = recorder._acknowledge
        held: list[Any] = []
        recorder._acknowledge = held.extend  # type: ignore[assignment,method-assign]
        scan = entry()
        waiters = ask(client, scan)
        await until(lambda: held)
        recorder.full = "no room"
        assert await outcomes(waiters) == ["unavailable"]
        recorder._acknowledge = acknowledge  # type: ignore[method-assign]
        acknowledge(held)
        await until(lambda: client.in_flight == 0 and not client._outstanding)
        assert beside(recorder) == []
        recorder.full = None
        await until(lambda: beside(recorder))
        assert beside(recorder) == [Amendment(scan.scan_id, DEVICE, AT, Reason.hub_unavailable, SCHOOL)]


async def test_a_second_asking_that_came_too_late_does_not_change_the_first_answer(own: Settings) -> None:
    async with recording(own) as recorder, client_of(own, timeout_ms=50) as client:
        await until(lambda: client.healthy)
        scan = entry()
        assert await outcomes(ask(client, scan)) == ["kept"]
        acknowledge = recorder._acknowledge
        held: list[Any] = []
        recorder._acknowledge = held.extend  # type: ignore[assignment,method-assign]
        assert await outcomes(ask(client, entry(scan.scan_id, at=AT + 7))) == ["unavailable"]
        await until(lambda: len(held) == 2)
        recorder._acknowledge = acknowledge  # type: ignore[method-assign]
        acknowledge(held)
        assert (await outcomes(ask(client, entry(scan.scan_id, at=AT + 9))))[0] == Override(0, 0, AT)


async def test_no_more_wait_for_a_recorder_that_is_away_than_the_backlog(own: Settings) -> None:
    async with client_of(own, backlog=100, timeout_ms=60_000) as client:
        waiting = ask(client, *(entry() for _ in range(100)))
        await asyncio.sleep(0)
        refused = ask(client, *(entry() for _ in range(50)))
        assert await outcomes(refused) == ["unavailable"] * 50
        assert (client.refused, client.in_flight) == (50, 100)
        async with recording(own) as recorder:
            assert set(await outcomes(waiting)) == {"kept"}
            assert await outcomes(ask(client, entry())) == ["kept"]
            assert len(kept(recorder)) == 101


async def test_a_readers_account_of_a_known_scan_is_merged(own: Settings) -> None:
    async with recording(own) as recorder, client_of(own) as client:
        await until(lambda: client.healthy)
        scan, denied = entry(), entry(code=7)
        await outcomes(ask(client, scan, denied))
        agrees, differs = Report(AT + 1, True, None, 30), Report(AT + 2, True, "cached")
        got = await outcomes(
            ask(client, entry(scan.scan_id, report=agrees), entry(denied.scan_id, code=7, report=differs))
        )
        assert got == [Override(0, 0, AT, False), Override(1, 7, AT, True)]
        assert beside(recorder) == [
            Merge(scan.scan_id, DEVICE, AT, agrees, False),
            Merge(denied.scan_id, DEVICE, AT, differs, True),
        ]
        assert len(kept(recorder)) == 2


async def test_a_replay_holds_with_what_the_reader_did(own: Settings) -> None:
    async with recording(own) as recorder, client_of(own) as client:
        await until(lambda: client.healthy)
        one = Report(AT - 60_000_000, False, "closed")
        replayed = entry(report=one)
        assert await outcomes(ask(client, replayed)) == ["kept"]
        assert (await outcomes(ask(client, entry(replayed.scan_id, report=one)))) == [
            Override(0, Reason.hub_unavailable, AT)
        ]
        assert beside(recorder) == []
        other = Report(AT - 30_000_000, True)
        assert (await outcomes(ask(client, entry(replayed.scan_id, report=other))))[0].conflict is True
        assert beside(recorder) == [Merge(replayed.scan_id, DEVICE, one.at, other, True)]


async def test_arrivals_reach_every_client_in_one_order(own: Settings) -> None:
    async with recording(own), client_of(own, "a") as left, client_of(own, "b") as right:
        await until(lambda: left.healthy and right.healthy)
        heard: tuple[list[bytes], list[bytes]] = ([], [])
        left.on_superseded = lambda device, connection: heard[0].append(connection)
        right.on_superseded = lambda device, connection: heard[1].append(connection)
        for number in range(20):
            (left, right)[number % 2].announce(DEVICE, bytes([number]) * 16)
        await until(lambda: len(heard[0]) == len(heard[1]) == 20)
        assert heard[0] == heard[1]


async def test_a_client_that_talks_nonsense_is_cut_off_and_the_others_are_not(own: Settings) -> None:
    async with recording(own) as recorder, client_of(own) as client:
        await until(lambda: client.healthy)
        for nonsense in (b"\x00\x00\x00\x03abc", b"\xff\xff\xff\xff", b"\x00\x00\x00\x02\x92\x09"):
            reader, writer = await asyncio.open_unix_connection(str(socket_path(own)))
            writer.write(nonsense)
            async with asyncio.timeout(120):
                with contextlib.suppress(ConnectionError):
                    assert await reader.read(1000) == b""
            writer.close()
        assert await outcomes(ask(client, entry())) == ["kept"]
        assert len(recorder.workers) == 1
        assert Frame(1, time.monotonic_ns(), []).amendments == []
