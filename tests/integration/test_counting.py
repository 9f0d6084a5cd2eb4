"""What the job has counted against a plain count of the log: whatever comes late, twice, or is changed afterwards."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from hub.config import Settings
from hub.domain.ids import new_id, new_id_bytes
from hub.domain.verdict import REASON_TEXT, Reason
from hub.jobs import counting
from hub.recorder import rejected as rejects
from hub.recorder.wire import Amendment, Entry, Report
from hub.store.pg import Pg, Role
from tests.integration.rows import add_school, add_student
from tests.integration.test_annulments import Annulling
from tests.integration.test_drain import NOW, entry

HOUR = 3_600_000_000
ZONES = ("UTC", "Europe/Berlin", "Asia/Kathmandu")
#: The same numbers, told by the log itself.
RECOUNT = """
SELECT l.school_id, l.access_point_id, date_bin('1 hour', l.access_time, timestamptz '2000-01-01 00:00+00'
        + CASE s.timezone WHEN 'Asia/Kathmandu' THEN interval '15 minutes' ELSE interval '0' END) AS hour,
    CASE WHEN l.status = 'granted' THEN coalesce(l.access_type, '') ELSE '' END AS access_type,
    CASE WHEN l.status = 'granted' THEN '' WHEN l.reason IS NULL THEN 'not_said'
        WHEN l.reason = ANY ($1) THEN l.reason ELSE 'other' END AS reason,
    count(*) AS scans, count(a.scan_id) AS annulled
FROM access_logs l JOIN schools s ON s.id = l.school_id
LEFT JOIN scan_annulments a ON a.device_id = l.access_point_id AND a.scan_id = l.id
GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
"""
COUNTED = """
SELECT school_id, access_point_id, hour, access_type, reason, scans, annulled FROM access_hourly
WHERE scans <> 0 OR annulled <> 0 ORDER BY 1, 2, 3, 4, 5
"""
#: What is added up in other ways beside it, out of the hours.
SUMS = {
    "SELECT school_id, hour, entries, exits, undirected, denied, annulled FROM access_hourly_totals": (
        "SELECT h.school_id, h.hour, {passages}, sum(annulled) FROM access_hourly h GROUP BY 1, 2"
    ),
    "SELECT school_id, day, access_point_id, entries, exits, undirected, denied FROM access_daily_points": (
        "SELECT h.school_id, (h.hour AT TIME ZONE s.timezone)::date, h.access_point_id, {passages}"
        " FROM access_hourly h JOIN schools s ON s.id = h.school_id GROUP BY 1, 2, 3"
    ),
    "SELECT school_id, day, reason, denied FROM access_daily_denials": (
        "SELECT h.school_id, (h.hour AT TIME ZONE s.timezone)::date, h.reason, sum(scans - annulled)"
        " FROM access_hourly h JOIN schools s ON s.id = h.school_id WHERE h.reason <> '' GROUP BY 1, 2, 3"
    ),
}
PASSAGES = ", ".join(
    f"coalesce(sum(scans - annulled) FILTER (WHERE {test}), 0)"
    for test in (
        "reason = '' AND access_type = 'entry'",
        "reason = '' AND access_type = 'exit'",
        "reason = '' AND access_type = ''",
        "reason <> ''",
    )
)
LAST_SEEN = """
SELECT s.id, max(l.access_time) FROM students s LEFT JOIN access_logs l ON l.student_id = s.id AND l.status = 'granted'
    AND NOT EXISTS (SELECT FROM scan_annulments a WHERE a.device_id = l.access_point_id AND a.scan_id = l.id)
GROUP BY 1 ORDER BY 1
"""


class Hosts:
    """Two hosts with a journal each, schools in several zones, and the job."""

    def __init__(self, settings: Callable[..., Settings], connection: asyncpg.Connection, tmp_path: Path) -> None:
        self.hosts = [Annulling(settings(journal_dir=tmp_path / name), connection) for name in ("one", "two")]
        self.connection = connection
        self.settings = settings()
        self.schools: list[bytes] = []
        self.students: dict[bytes, list[bytes]] = {}
        self.doors = [new_id_bytes() for _ in range(3)]

    async def fill(self) -> None:
        for number, zone in enumerate(ZONES):
            school = await add_school(self.connection, f"S{number}")
            await self.connection.execute("UPDATE schools SET timezone = $2 WHERE id = $1", school, zone)
            self.schools.append(school.bytes)
            self.students[school.bytes] = [
                (await add_student(self.connection, school, f"N{n}")).bytes for n in range(4)
            ]

    async def same(self) -> None:
        """What was counted is what is there."""
        words = [text for text in REASON_TEXT if text]
        counted = [tuple(row) for row in await self.connection.fetch(COUNTED)]
        assert counted == [tuple(row) for row in await self.connection.fetch(RECOUNT, words)]
        for kept, sums in SUMS.items():
            told = sums.format(passages=PASSAGES)
            assert await self.connection.fetch(f"({kept} EXCEPT ALL {told}) UNION ALL ({told} EXCEPT ALL {kept})") == []
        seen = await self.connection.fetch("SELECT student_id, seen_at FROM student_last_seen ORDER BY 1")
        assert [tuple(row) for row in seen] == [tuple(row) for row in await self.connection.fetch(LAST_SEEN)]
        assert await self.connection.fetchval("SELECT count(*) FROM access_log_changes") == 0
        assert all(row["scans"] >= row["annulled"] >= 0 for row in await self.connection.fetch(COUNTED))


@pytest.fixture
async def hosts(settings: Callable[..., Settings], database: str, tmp_path: Path) -> AsyncIterator[Hosts]:
    connection = await asyncpg.connect(database)
    found = Hosts(settings, connection, tmp_path)
    await found.fill()
    yield found
    for host in found.hosts:
        await host.drain._disconnect()
        host.journal.close()
    await connection.close()


@pytest.fixture
async def pg(settings: Callable[..., Settings]) -> AsyncIterator[Pg]:
    opened = await Pg.open(settings(), [Role.hub_system, Role.hub_api])
    yield opened
    await opened.close()


class Day:
    """What happens, drawn at random: scans, replays, changes of both, drains and counts, in any order."""

    def __init__(self, hosts: Hosts, pg: Pg, seed: int) -> None:
        self.hosts = hosts
        self.pg = pg
        self.rng = random.Random(seed)
        self.told: list[tuple[int, Entry]] = []

    def scan(self, **more: Any) -> Entry:
        school = self.rng.choice(self.hosts.schools)
        values = {
            "device": self.rng.choice(self.hosts.doors),
            "school": school,
            "student_id": self.rng.choice([None, *self.hosts.students[school]]),
            "direction": self.rng.randrange(3),
            "code": self.rng.choice([0, 0, 0, int(Reason.expired_pass), int(Reason.unknown_pass)]),
            "at": NOW - self.rng.randrange(40) * HOUR // 7,
        }
        return entry(**(values | more))

    def report(self) -> Report:
        granted = self.rng.random() < 0.6
        reason = None if granted else self.rng.choice([None, "expired_pass", "the door was stuck"])
        return Report(NOW - self.rng.randrange(90) * HOUR, granted, reason)

    def scans(self) -> None:
        which = self.rng.randrange(2)
        some = [self.scan(**self.rng.choice([{}, {}, {"report": self.report(), "flags": 2}])) for _ in range(6)]
        self.hosts.hosts[which].keep(*some)
        self.told += [(which, one) for one in some]

    def replays(self) -> None:
        """Scans that are known already, on the host that has them or on the other."""
        for _, known in self.some():
            again = self.scan(
                scan_id=known.scan_id, device=known.device, school=known.school, key=known.key, report=self.report()
            )
            self.hosts.hosts[self.rng.randrange(2)].keep(again)

    def amendments(self) -> None:
        for which, known in self.some():
            code = self.rng.choice([int(Reason.hub_unavailable), int(Reason.stale_index), 0])
            change = Amendment(known.scan_id, known.device, known.access_time, code, known.school)
            self.hosts.hosts[which].keep(amendments=[change])

    def annulments(self) -> None:
        """By either host; by the other it may be in the database before its scan is."""
        for _, known in self.some():
            bench = self.hosts.hosts[self.rng.randrange(2)]
            bench.annul(known.scan_id, found=True, devices=[known.device], school=known.school)

    def some(self) -> list[tuple[int, Entry]]:
        return self.rng.sample(self.told, min(3, len(self.told)))

    async def drain(self) -> None:
        await self.hosts.hosts[self.rng.randrange(2)].drain.drain_batch()

    async def count(self) -> None:
        await counting.count_scans(self.pg, self.rng.choice([1, 3, 10, 1000]))

    async def killed(self) -> None:
        """Counted, and cut off before the commit."""
        url = self.hosts.settings.database_url
        assert url is not None
        connection = await asyncpg.connect(url.get_secret_value())
        await connection.execute("BEGIN; SET LOCAL ROLE hub_system")
        await connection.fetchrow(counting.Q.count_scans, 1000)
        connection.terminate()

    async def go(self, steps: int) -> None:
        acts: list[Callable[[], Any]] = [self.scans, self.scans, self.replays, self.amendments, self.annulments]
        acts += [self.drain, self.drain, self.count, self.killed]
        for _ in range(steps):
            done = self.rng.choice(acts)()
            if done is not None:
                await done
        for host in self.hosts.hosts:
            await host.empty()
        await asyncio.gather(*(counting.count_scans(self.pg, 7) for _ in range(2)))
        await counting.count_scans(self.pg)


@pytest.mark.parametrize("seed", range(6))
async def test_what_is_counted_is_what_the_log_says(hosts: Hosts, pg: Pg, seed: int) -> None:
    await Day(hosts, pg, seed).go(90)
    await hosts.same()
    assert await hosts.connection.fetchval("SELECT sum(scans) FROM access_hourly") > 50


async def test_a_scan_that_was_refused_is_counted_when_it_is_replayed(hosts: Hosts, pg: Pg) -> None:
    host, day = hosts.hosts[0], Day(hosts, pg, 1)
    await hosts.connection.execute(
        "ALTER TABLE access_logs ADD CONSTRAINT broken CHECK (lookup_key <> repeat('b', 16)::bytea)"
    )
    host.keep(*(day.scan(code=0, key=key * 16) for key in (b"b", b"g", b"b")))
    host.keep(day.scan())
    await host.empty()
    await counting.count_scans(pg)
    assert await hosts.connection.fetchval("SELECT sum(scans) FROM access_hourly") == 2
    await hosts.connection.execute("ALTER TABLE access_logs DROP CONSTRAINT broken")
    first, second = [one.id for one in await rejects.listed(hosts.settings)]
    for ids in ([first], [second]):
        assert (await rejects.replay(hosts.settings, ids))[1] == {}
        host.keep(day.scan())
        await host.empty()
        await counting.count_scans(pg)
        await hosts.same()


async def test_counts_outlive_the_log(hosts: Hosts, pg: Pg) -> None:
    """What a school no longer keeps is still in its numbers, and a late scan of that time is added to them."""
    host, day = hosts.hosts[0], Day(hosts, pg, 2)
    host.keep(*(day.scan() for _ in range(20)))
    await host.empty()
    await counting.count_scans(pg)
    before = await hosts.connection.fetchval("SELECT sum(scans) FROM access_hourly")
    await hosts.connection.execute("DELETE FROM access_logs")
    host.keep(*(day.scan() for _ in range(5)))
    await host.empty()
    await counting.count_scans(pg)
    assert await hosts.connection.fetchval("SELECT sum(scans) FROM access_hourly") == before + 5


async def test_the_hubs_own_reasons_are_counted_by_their_names(hosts: Hosts) -> None:
    for reason in REASON_TEXT:
        counted = await hosts.connection.fetchval("SELECT hub_counted_reason('denied', $1)", reason)
        assert counted == (reason or "not_said")
    assert await hosts.connection.fetchval("SELECT hub_counted_reason('denied', 'Ada was rude')") == "other"


async def test_who_is_here_follows_the_student(hosts: Hosts, pg: Pg) -> None:
    connection = hosts.connection
    one, two = (UUID(bytes=id_) for id_ in hosts.students[hosts.schools[0]][:2])
    here = "SELECT here FROM student_last_seen WHERE student_id = $1"
    for change, expected in (
        ("status = 'graduated'", False),
        ("status = 'active'", True),
        ("deleted_at = now()", False),
        ("deleted_at = NULL", True),
        ("program = 'x'", True),
    ):
        await connection.execute(f"UPDATE students SET {change} WHERE id = $1", one)
        assert await connection.fetchval(here, one) is expected, change
    await connection.execute("UPDATE students SET deleted_at = now(), erased_at = now() WHERE id = $1", two)
    assert await connection.fetchval(here, two) is None
    hosts.hosts[0].keep(entry(school=hosts.schools[0], student_id=two.bytes))
    await hosts.hosts[0].empty()
    await counting.count_scans(pg)
    assert await connection.fetchval(here, two) is None


async def test_students_and_passes_are_counted_once_each(hosts: Hosts, pg: Pg) -> None:
    school, other = (UUID(bytes=id_) for id_ in hosts.schools[:2])
    one, two = (UUID(bytes=id_) for id_ in hosts.students[school.bytes][:2])
    passes = [(one, "active", "standard"), (one, "revoked", "standard"), (two, "active", "temporary")]
    for number, (student, status, kind) in enumerate([*passes, (None, "active", "visitor")]):
        await hosts.connection.execute(
            "INSERT INTO passes (school_id, student_id, pass_number, qr_code, issue_date, expiry_date, status,"
            " pass_type) VALUES ($1, $2, $3, $3, '2026-09-01', '2027-08-31', $4, $5)",
            *(school, student, f"P{number}", status, kind),
        )
    await hosts.connection.execute("UPDATE students SET status = 'graduated' WHERE id = $1", two)
    await counting.refresh_summary(pg)
    async with pg.tenant(school) as tx:
        (row,) = await tx.fetch("SELECT * FROM student_pass_summary_of_school")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await tx.fetch("SELECT * FROM student_pass_summary")
    assert (row["total_students"], row["active_students"], row["graduated_students"]) == (4, 3, 1)
    assert (row["total_passes"], row["active_passes"], row["revoked_passes"]) == (4, 3, 1)
    assert (row["standard_passes"], row["temporary_passes"], row["visitor_passes"]) == (2, 1, 1)
    async with pg.tenant(other) as tx:
        (row,) = await tx.fetch("SELECT * FROM student_pass_summary_of_school")
    assert (row["school_id"], row["total_passes"]) == (other, 0)
    async with pg.tenant(new_id()) as tx:
        assert await tx.fetch("SELECT * FROM student_pass_summary_of_school") == []
    await hosts.connection.execute("UPDATE students SET deleted_at = now() WHERE id = $1", one)
    await counting.refresh_summary(pg)
    async with pg.tenant(school) as tx:
        (row,) = await tx.fetch("SELECT * FROM student_pass_summary_of_school")
    assert (row["total_students"], row["total_passes"], row["active_passes"]) == (3, 2, 2)


async def test_two_at_once_count_once(hosts: Hosts, pg: Pg) -> None:
    day = Day(hosts, pg, 3)
    for host in hosts.hosts:
        host.keep(*(day.scan() for _ in range(60)))
        await host.empty()
    counted = await asyncio.gather(*(counting.count_scans(pg, 5) for _ in range(4)))
    assert sum(counted) + await counting.count_scans(pg) == 120
    await hosts.same()
    assert await hosts.connection.fetchval("SELECT counted_at FROM access_counted_at") is not None


async def test_a_school_that_moves_keeps_its_hours_and_has_other_days(hosts: Hosts, pg: Pg) -> None:
    host, day = hosts.hosts[0], Day(hosts, pg, 4)
    for zone in ("Pacific/Auckland", "America/Los_Angeles", "Nowhere/At_All"):
        host.keep(*(day.scan() for _ in range(30)))
        await host.empty()
        await counting.count_scans(pg)
        await hosts.connection.execute("UPDATE schools SET timezone = $1 WHERE timezone <> 'Asia/Kathmandu'", zone)
        await counting.count_scans(pg)
        if zone != "Nowhere/At_All":
            await hosts.same()
    zones = [row[0] for row in await hosts.connection.fetch("SELECT DISTINCT zone FROM access_hours ORDER BY 1")]
    assert zones == ["Asia/Kathmandu", "UTC"]
