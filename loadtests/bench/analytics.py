"""Numbers of a school with a long log: how fast they are answered, and how fast the log is counted.

`python -m loadtests.bench.analytics URL N` fills a database of its own beside the one of URL with N scans of a year,
counts them as the job does, measures, and prints JSON. An answer's time is the server's: transaction, statements, JSON;
and not HTTP.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg
import msgspec
import uvloop

from hub.config import Settings, load_settings
from hub.jobs.counting import count_scans, refresh_summary
from hub.resources.analytics.model import AnalyticsQuery, not_seen
from hub.resources.analytics.routes import NOT_SEEN, read
from hub.store.migrate import migrate
from hub.store.pg import Pg, Role
from loadtests.bench.world import SERVER_CORE, pin

DATABASE = "numbers"
STUDENTS, DOORS, DAYS, AT_ONCE, TIMES = 50_000, 20, 365, 500_000, 60
SCHOOL = UUID("00000000-0000-7000-8000-000000000001")

_PEOPLE = """
INSERT INTO schools (id, name, code, timezone)
VALUES ('00000000-0000-7000-8000-000000000001', 'A', 'A', 'Europe/Berlin');
INSERT INTO access_points (id, name, school_id)
SELECT ('00000002-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'Gate ' || n,
    '00000000-0000-7000-8000-000000000001'
FROM generate_series(0, $1::integer - 1) AS n;
INSERT INTO students (id, school_id, student_id, first_name, last_name, created_at)
SELECT ('00000001-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, '00000000-0000-7000-8000-000000000001', n,
    'Ada', 'Lovelace', now() - interval '2 years'
FROM generate_series(0, $1::integer - 1) AS n;
INSERT INTO passes (school_id, student_id, pass_number, qr_code, issue_date, expiry_date)
SELECT school_id, id, student_id, id, '2020-01-01', '2030-01-01' FROM students;
"""
#: A scan in each month, so that the months are made.
_MONTHS = """
INSERT INTO access_logs (school_id, status, access_time)
SELECT '00000000-0000-7000-8000-000000000002', 'granted', now() - n * interval '10 days'
FROM generate_series(0, 40) AS n
"""
#: Days of eleven hours; one scan in thirty denied; a tenth of the students does not come any more.
_SCANS = """
INSERT INTO access_logs (id, school_id, student_id, access_point_id, access_time, access_type, status, reason,
    lookup_key, recorder_id, stream_seq)
SELECT gen_random_uuid(), '00000000-0000-7000-8000-000000000001',
    ('00000001-0000-7000-8000-' || lpad(to_hex(k % ($4::integer * 9 / 10)), 12, '0'))::uuid,
    ('00000002-0000-7000-8000-' || lpad(to_hex(k % $5::integer), 12, '0'))::uuid,
    day + interval '6 hours' + (k % 39600) * interval '1 second',
    CASE WHEN k % 2 = 0 THEN 'entry' ELSE 'exit' END,
    CASE WHEN k % 30 = 0 THEN 'denied' ELSE 'granted' END,
    CASE WHEN k % 30 = 0 THEN (ARRAY['expired_pass', 'revoked_pass', 'unknown_pass', 'wrong_direction'])[1 + k / 30 % 4]
    END, '\\x00', '00000003-0000-7000-8000-000000000001', n
FROM (SELECT n, ('x' || substr(md5(n::text), 1, 7))::bit(28)::int AS k,
          date_trunc('day', now()) - ($3::integer - n * $3::bigint / $6::bigint)::integer * interval '1 day' AS day
      FROM generate_series($1::bigint, $2::bigint - 1) AS n) AS drawn
"""
_HEAD = """
INSERT INTO stream_heads (school_id, recorder_id, stream_seq)
VALUES ('00000000-0000-7000-8000-000000000001', '00000003-0000-7000-8000-000000000001', $1)
"""


async def fill(url: str, count: int) -> None:
    await migrate(url)
    connection = await asyncpg.connect(url, server_settings={"statement_timeout": "0"})
    try:
        for statement in _PEOPLE.split(";")[:-1]:
            wanted = [DOORS if "access_points" in statement else STUDENTS] if "$1" in statement else []
            await connection.execute(statement, *wanted)
        await connection.execute(_MONTHS)
        await connection.execute("SELECT hub_ensure_partitions('access_logs', 1)")
        for start in range(0, count, AT_ONCE):
            values = (start, min(count, start + AT_ONCE), DAYS, STUDENTS, DOORS, count)
            await connection.execute(_SCANS, *values, timeout=600)
        await connection.execute(_HEAD, count)
        await connection.execute("VACUUM ANALYZE", timeout=1800)
    finally:
        await connection.close()


def _settings(url: str) -> Settings:
    return load_settings(database_url=url, secret_key="A" * 43)


async def _answer(pg: Pg, school: UUID | None, query: AnalyticsQuery) -> float:
    started = time.perf_counter()
    async with pg.admin() if school is None else pg.tenant(school) as tx:
        msgspec.json.encode(await read(tx, school, query))
    return time.perf_counter() - started


async def _page(pg: Pg, days: int) -> float:
    started = time.perf_counter()
    sql, values = NOT_SEEN.page("since", 51, base=[SCHOOL, datetime.now(UTC) - timedelta(days=days)])
    async with pg.tenant(SCHOOL) as tx:
        rows = await tx.fetch(sql, *values)
    msgspec.json.encode([not_seen(row) for row in rows])
    return time.perf_counter() - started


async def measure(url: str, count: int) -> dict[str, Any]:
    owner = await asyncpg.connect(url)
    await owner.execute(f"CREATE DATABASE {DATABASE}")
    await owner.close()
    own = url.replace(urlsplit(url).path, f"/{DATABASE}", 1)
    await fill(own, count)
    pg = await Pg.open(_settings(own), Role, statement_timeout=120.0, command_timeout=125.0)
    try:
        started = time.perf_counter()
        counted = await count_scans(pg)
        counting = time.perf_counter() - started
        await refresh_summary(pg)
        connection = await asyncpg.connect(own)
        for table in ("access_hourly", "student_last_seen"):
            await connection.execute(f"VACUUM ANALYZE {table}")
        rows = await connection.fetchval("SELECT count(*) FROM access_hourly")
        await connection.close()
        today = datetime.now(UTC).date()
        month, year = AnalyticsQuery(), AnalyticsQuery(dayFrom=today - timedelta(days=DAYS))
        return {
            "rows": counted,
            "hours": rows,
            "students": STUDENTS,
            "days": DAYS,
            "count_rate": counted / counting,
            "month": await _taken(lambda: _answer(pg, SCHOOL, month)),
            "year": await _taken(lambda: _answer(pg, SCHOOL, year)),
            "all": await _taken(lambda: _answer(pg, None, month)),
            "not_seen": await _taken(lambda: _page(pg, 30)),
        }
    finally:
        await pg.close()


async def _taken(ask: Any) -> dict[str, float]:
    """The second half of the times: what is asked for again is what is measured."""
    taken = sorted([await ask() for _ in range(2 * TIMES)][TIMES:])
    return {"p50": taken[TIMES // 2], "p99": taken[int(TIMES * 0.99)]}


if __name__ == "__main__":
    pin(SERVER_CORE)
    print(json.dumps(uvloop.run(measure(sys.argv[1], int(sys.argv[2])))))
