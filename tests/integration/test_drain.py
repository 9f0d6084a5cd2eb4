"""Journal → access_logs in a real PostgreSQL: once, in order, whole, and nothing holds it up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest

from hub.config import Settings
from hub.domain.clock import micros
from hub.domain.ids import new_id_bytes
from hub.domain.verdict import DIRECTION_TEXT, REASON_TEXT, Flag, Reason, status_text
from hub.errors import StoreUnavailable
from hub.recorder import rejected as rejects
from hub.recorder.access_log import Refused
from hub.recorder.admission import Admission, Batch
from hub.recorder.drain import Drain
from hub.recorder.journal import Journal
from hub.recorder.wire import Amendment, Entry, Frame, Report

SCHOOL, DEVICE, KEY, PASS, STUDENT = (bytes([n]) * 16 for n in (1, 2, 3, 4, 5))
NOW = micros(datetime.now(UTC))


def entry(**more: Any) -> Entry:
    values: dict[str, Any] = {
        "scan_id": new_id_bytes(),
        "device": DEVICE,
        "school": SCHOOL,
        "key": KEY,
        "at": NOW,
        "code": 0,
        "flags": 0,
        "direction": 1,
        "pass_id": PASS,
        "student_id": STUDENT,
    }
    return Entry(**(values | more))


def moment(value: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=value)


class Bench:
    """A journal, its drain, and a look at the tables."""

    def __init__(self, settings: Settings, connection: asyncpg.Connection) -> None:
        self.settings = settings
        self.journal = Journal(settings.journal_dir)
        self.journal.open()
        self.admission = Admission(self.journal)
        self.drain = Drain(settings, self.journal)
        self.drain.open = True
        self.connection = connection

    def keep(self, *scans: Entry, amendments: list[Amendment] | None = None) -> None:
        """One commit with one frame."""
        batch = Batch(self.journal)
        frame = Frame(1, 0, list(scans), amendments or [])
        self.admission.admit(frame, msgspec.msgpack.encode(frame), batch, late=False)
        self.journal.append(NOW, batch.scans, batch.firsts, b"".join(batch.parts), prune=[])
        self.admission.committed(batch)

    async def empty(self) -> None:
        """Drain all there is."""
        async with asyncio.timeout(120):
            while self.journal.drained < self.journal.next_id - 1:
                await self.drain.drain_batch()

    def again(self) -> None:
        """As if PostgreSQL had committed, and the note of it was lost."""
        self.journal.drained = 0
        self.journal.waiting = 0

    async def rows(self) -> list[Any]:
        return list(await self.connection.fetch("SELECT * FROM access_logs ORDER BY recorder_id, stream_seq"))

    async def count(self, table: str) -> int:
        return int(await self.connection.fetchval(f"SELECT count(*) FROM {table}"))


@pytest.fixture
async def bench(settings: Callable[..., Settings], database: str) -> AsyncIterator[Bench]:
    connection = await asyncpg.connect(database)
    found = Bench(settings(), connection)
    yield found
    await found.drain._disconnect()
    found.journal.close()
    await connection.close()


def as_row(scan: Entry, recorder: bytes, sequence: int) -> dict[str, Any]:
    """What access_logs must say of a scan, told independently of how it is written."""
    report = scan.report
    said = None if report is None else ("granted" if report.granted else "denied")
    heard = None if report is None else report.reason
    hub = (status_text(scan.code), REASON_TEXT[scan.code])
    return {
        "id": UUID(bytes=scan.scan_id),
        "school_id": UUID(bytes=scan.school),
        "student_id": scan.student_id and UUID(bytes=scan.student_id),
        "pass_id": scan.pass_id and UUID(bytes=scan.pass_id),
        "access_point_id": UUID(bytes=scan.device),
        "access_time": moment(scan.at if report is None else report.at),
        "access_type": DIRECTION_TEXT[scan.direction],
        "status": said or hub[0],
        "reason": hub[1] if report is None else heard,
        "device_info": scan.info and json.loads(scan.info),
        "lookup_key": scan.key,
        "received_at": moment(scan.at),
        "reader_time": report and moment(report.at),
        "skew_ms": report and report.skew_ms,
        "stale": bool(scan.flags & Flag.stale),
        "offline": bool(scan.flags & Flag.offline),
        "hub_status": None if report is None else hub[0],
        "hub_reason": None if report is None else hub[1],
        "reader_status": said,
        "reader_reason": heard,
        "recorded_by": None if report is None or report.by is None else UUID(bytes=report.by),
        "conflict": report is not None and bool(scan.flags & Flag.offline) and said != hub[0],
        "recorder_id": UUID(bytes=recorder),
        "stream_seq": sequence,
    }


async def test_every_column_of_every_kind_of_scan(bench: Bench) -> None:
    offline = int(Flag.offline)
    reports = [
        Report(NOW - 3_600_000_001, True),
        Report(NOW - 1, False, "rückwärts — gate jammed", -(2**31)),
        Report(0, True, "x" * 200, 2**31 - 1),
    ]
    scans = [entry(code=code) for code in range(len(Reason))]
    scans += [entry(direction=direction, flags=flags) for direction in range(3) for flags in range(2)]
    scans += [entry(pass_id=None, student_id=None, code=3), entry(student_id=None), entry(pass_id=None)]
    info = msgspec.json.encode({"a": ["ü", None, 1.5, {"b": True}], "n": 10**18, "t": "C:\\u0000"})
    scans += [entry(info=info), entry(info=info, student_id=None, pass_id=None, direction=0)]
    scans += [
        entry(report=report, flags=offline | stale, code=code, info=info if stale else None)
        for report in reports
        for stale in (0, 1)
        for code in (0, 7)
    ]
    scans += [entry(report=Report(NOW - 5, True, "by hand", None, bytes([7]) * 16), code=code) for code in (0, 7)]
    scans += [entry(school=bytes([8]) * 16, device=bytes([9]) * 16, at=NOW + n) for n in range(300)]
    bench.keep(*scans)
    await bench.empty()
    rows = {row["id"]: row for row in await bench.rows()}
    sequences: dict[bytes, int] = {}
    assert len(rows) == len(scans)
    for scan in scans:
        sequences[scan.school] = sequences.get(scan.school, 0) + 1
        found = dict(rows[UUID(bytes=scan.scan_id)])
        created = found.pop("created_at")
        assert abs(datetime.now(UTC) - created) < timedelta(minutes=5)
        found["device_info"] = found["device_info"] and json.loads(found["device_info"])
        assert found == as_row(scan, bench.journal.recorder_id, sequences[scan.school])
    assert await bench.count("scan_ids") == len(scans)
    assert (bench.drain.drained, bench.drain.rejected, bench.journal.waiting) == (len(scans), 0, 0)


async def test_draining_again_changes_nothing(bench: Bench) -> None:
    scans = [entry() for _ in range(20)]
    replayed = entry(report=Report(NOW - 5_000_000, True), flags=int(Flag.offline))
    bench.keep(*scans, replayed)
    bench.keep(amendments=[Amendment(scans[0].scan_id, DEVICE, NOW, Reason.hub_unavailable)])
    bench.keep(entry(scan_id=scans[1].scan_id, report=Report(NOW - 9, False, "no")))
    bench.keep(entry(scan_id=replayed.scan_id, report=Report(NOW - 7, False, "shut")))
    await bench.empty()
    before = await bench.rows()
    assert [row["status"] for row in before].count("denied") == 1
    assert sum(row["conflict"] for row in before) == 2
    for _ in range(2):
        bench.again()
        await bench.empty()
        assert await bench.rows() == before
    assert await bench.count("access_logs_rejected") == 0


async def test_a_scan_that_postgresql_refuses_stands_alone_and_holds_nobody_up(bench: Bench) -> None:
    scans = [entry() for _ in range(64)]
    scans[10] = entry(info=b"{not json")
    scans[41] = entry(report=Report(NOW, True, "x" * 201), flags=int(Flag.offline))
    bench.keep(*scans)
    bench.keep(
        amendments=[
            Amendment(scans[10].scan_id, DEVICE, NOW, Reason.hub_unavailable),
            Amendment(scans[11].scan_id, DEVICE, NOW, Reason.hub_unavailable),
        ]
    )
    bench.keep(entry(scan_id=scans[12].scan_id, report=Report(NOW, False, "y" * 201)))
    bench.keep(last := entry())
    await bench.empty()
    rows = {row["id"].bytes: row for row in await bench.rows()}
    assert set(rows) == {scan.scan_id for scan in scans} - {scans[10].scan_id, scans[41].scan_id} | {last.scan_id}
    assert rows[scans[11].scan_id]["reason"] == "hub_unavailable"
    assert rows[scans[12].scan_id]["reader_status"] is None
    assert (bench.drain.rejected, bench.journal.waiting) == (3, 0)
    bench.again()
    await bench.empty()
    rejected = await bench.connection.fetch("SELECT * FROM access_logs_rejected ORDER BY id")
    kept = [msgspec.msgpack.decode(row["entry"], type=Refused) for row in rejected]
    assert [refused.entry for refused in kept] == [scans[10], scans[41]]
    assert {row["recorder_id"].bytes for row in rejected} == {bench.journal.recorder_id}
    assert [row["journal_row"] for row in rejected] == [1, 1]
    assert "json" in rejected[0]["error"]
    assert "too long" in rejected[1]["error"]
    assert [row["replayed_at"] for row in rejected] == [None, None]


async def test_a_change_that_postgresql_refuses_costs_no_scan(bench: Bench) -> None:
    bench.keep(scan := entry())
    bench.keep(entry(scan_id=scan.scan_id, report=Report(NOW, False, "y" * 201)))
    await bench.empty()
    assert [row["id"].bytes for row in await bench.rows()] == [scan.scan_id]
    assert (bench.drain.rejected, await bench.count("access_logs_rejected")) == (1, 0)


async def test_a_refused_scan_is_listed_and_replayed_once_its_cause_is_gone(bench: Bench) -> None:
    await bench.connection.execute("ALTER TABLE access_logs ADD CONSTRAINT closed CHECK (reason IS NULL)")
    fine, refused = entry(), entry(code=int(Reason.expired_pass))
    bench.keep(fine, refused)
    await bench.empty()
    (listed,) = await rejects.listed(bench.settings)
    assert (listed.scan_id, listed.decision) == (str(UUID(bytes=refused.scan_id)), "denied")
    assert "closed" in listed.error
    done, failed = await rejects.replay(bench.settings, None)
    assert (done, list(failed)) == ([], [listed.id])
    await bench.connection.execute("ALTER TABLE access_logs DROP CONSTRAINT closed")
    assert await rejects.replay(bench.settings, [listed.id + 1]) == ([], {})
    assert await rejects.replay(bench.settings, None) == ([listed.id], {})
    assert await rejects.replay(bench.settings, None) == ([], {})
    rows = {row["id"].bytes: row["stream_seq"] for row in await bench.rows()}
    assert rows == {fine.scan_id: 1, refused.scan_id: 2}
    assert await rejects.listed(bench.settings) == []


async def test_an_amendment_is_applied_after_its_scan_wherever_it_stands(bench: Bench) -> None:
    one, other = entry(), entry(code=7)
    bench.keep(one, other, amendments=[Amendment(one.scan_id, DEVICE, NOW, Reason.hub_unavailable)])
    bench.keep(amendments=[Amendment(other.scan_id, DEVICE, NOW, Reason.hub_unavailable)])
    stranger = Amendment(new_id_bytes(), DEVICE, NOW, Reason.hub_unavailable)
    elsewhere = Amendment(other.scan_id, b"d" * 16, NOW, 0)
    another_time = Amendment(other.scan_id, DEVICE, NOW + 1, 0)
    bench.keep(amendments=[stranger, elsewhere, another_time])
    await bench.empty()
    assert [(row["status"], row["reason"]) for row in await bench.rows()] == [("denied", "hub_unavailable")] * 2


async def test_merges_keep_the_answer_and_put_the_readers_account_beside_it(bench: Bench) -> None:
    granted, denied = entry(), entry(code=7)
    bench.keep(granted, denied)
    bench.keep(entry(scan_id=granted.scan_id, report=Report(NOW + 1, True, None, 12)))
    bench.keep(entry(scan_id=denied.scan_id, code=7, report=Report(NOW + 2, True, "trusted", -3)))
    await bench.empty()
    first, second = await bench.rows()
    assert (first["status"], first["reader_status"], first["conflict"], first["skew_ms"]) == (
        "granted",
        "granted",
        False,
        12,
    )
    assert (second["status"], second["reason"], second["reader_status"], second["reader_reason"]) == (
        "denied",
        "revoked_pass",
        "granted",
        "trusted",
    )
    assert (second["conflict"], second["reader_time"], second["offline"]) == (True, moment(NOW + 2), False)


async def test_a_replay_of_a_scan_that_only_the_database_knows_is_merged(bench: Bench) -> None:
    known = [entry(), entry(code=6), entry()]
    bench.keep(*known)
    await bench.empty()
    bench.admission._ids.clear()  # another host's recorder, or one whose retention has passed
    bench.journal.recorder_id = b"r" * 16
    offline = int(Flag.offline)
    hours = 3_600_000_000
    bench.keep(
        entry(scan_id=known[0].scan_id, report=Report(NOW - 40 * hours, True, "list"), flags=offline),
        entry(scan_id=known[1].scan_id, report=Report(NOW - 41 * hours, True), flags=offline),
        entry(scan_id=known[2].scan_id),
        fresh := entry(report=Report(NOW - 42 * hours, True), flags=offline),
    )
    await bench.empty()
    rows = {row["id"].bytes: row for row in await bench.rows()}
    assert set(rows) == {*(scan.scan_id for scan in known), fresh.scan_id}
    first, second, third = (rows[scan.scan_id] for scan in known)
    assert (first["access_time"], first["reader_time"], first["reader_reason"], first["conflict"]) == (
        moment(NOW),
        moment(NOW - 40 * hours),
        "list",
        False,
    )
    assert (second["status"], second["reader_status"], second["conflict"]) == ("denied", "granted", True)
    assert third["reader_status"] is None
    assert rows[fresh.scan_id]["recorder_id"].bytes == b"r" * 16


async def test_a_replay_that_two_hosts_are_told_differs_from_what_the_hub_says_and_stays_so(bench: Bench) -> None:
    replayed = entry(code=int(Reason.student_suspended), report=Report(NOW - 9, True), flags=int(Flag.offline))
    bench.keep(replayed)
    await bench.empty()
    bench.admission._ids.clear()
    bench.journal.recorder_id = b"r" * 16
    bench.keep(msgspec.structs.replace(replayed, report=Report(NOW - 9, True, None, 5)))
    await bench.empty()
    (row,) = await bench.rows()
    assert (row["status"], row["hub_status"], row["reader_status"]) == ("granted", "denied", "granted")
    assert (row["conflict"], row["skew_ms"]) == (True, 5)


@pytest.mark.parametrize(
    "when",
    [
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(2019, 2, 28, 12, tzinfo=UTC),
        datetime.now(UTC) + timedelta(days=400),
        datetime(2242, 3, 16, 12, 56, 32, 123_457, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    ],
)
async def test_a_replay_from_any_year_is_kept_and_can_be_merged(bench: Bench, when: datetime) -> None:
    first = entry(report=Report(micros(when), True), flags=int(Flag.offline))
    bench.keep(first)
    bench.keep(entry(scan_id=first.scan_id, report=Report(micros(when), False, "second thoughts")))
    await bench.empty()
    (row,) = await bench.rows()
    assert row["access_time"] == row["reader_time"] == when
    assert (row["reader_status"], row["reader_reason"], row["conflict"]) == ("denied", "second thoughts", True)
    await bench.connection.execute("SELECT hub_ensure_partitions('access_logs', 1)")
    assert await bench.rows() == [row]
    bench.again()
    await bench.empty()
    assert await bench.rows() == [row]


async def test_a_batch_holds_whole_rows_up_to_its_size(settings: Callable[..., Settings], bench: Bench) -> None:
    bench.drain._settings = settings(drain_batch=50)
    for _ in range(20):
        bench.keep(*(entry() for _ in range(20)))
    bench.keep(*(entry() for _ in range(120)))
    await bench.empty()
    assert await bench.count("access_logs") == 520
    assert bench.drain.batches == 11
    assert [row["stream_seq"] for row in await bench.rows()] == list(range(1, 521))


async def test_a_transaction_that_is_cut_leaves_nothing_and_is_done_again(bench: Bench) -> None:
    bench.keep(*(entry() for _ in range(100)))
    connection = await bench.drain._connected()
    backend = connection.get_server_pid()
    execute = connection.execute

    async def cut(query: str, *arguments: Any) -> str:
        if "scan_ids" in query:
            await bench.connection.execute("SELECT pg_terminate_backend($1)", backend)
        return str(await execute(query, *arguments))

    bench.drain._connection = _Proxy(connection, cut)  # type: ignore[assignment]
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, ConnectionError, StoreUnavailable)):
        await bench.drain.drain_batch()
    assert await bench.count("access_logs") == await bench.count("scan_ids") == 0
    assert (bench.journal.drained, bench.journal.waiting) == (0, 100)
    await bench.drain._disconnect()
    await bench.empty()
    assert await bench.count("access_logs") == 100


class _Proxy:
    """A connection with another `execute`."""

    def __init__(self, connection: Any, execute: Any) -> None:
        self._connection = connection
        self.execute = execute

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


async def test_the_drain_sends_no_notify_and_leaves_no_stage(bench: Bench) -> None:
    heard: list[object] = []
    for channel in ("hub_index", "ch_pgqueuer"):
        await bench.connection.add_listener(channel, lambda *arguments: heard.append(arguments))
    bench.keep(*(entry() for _ in range(10)))
    await bench.empty()
    await bench.connection.execute("SELECT 1")
    assert heard == []
    assert bench.drain._connection is not None
    assert await bench.drain._connection.fetchval("SELECT count(*) FROM drain_stage") == 0
