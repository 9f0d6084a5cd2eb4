"""The page's sections of analytics and of badges."""

from __future__ import annotations

from typing import Any

from loadtests.bench.section import Section, item, row

LONGEST, LONGEST_PRINT = 0.050, 15.0
_ANALYTICS = """
**Analytics**: a log of {rows:,} scans of {days} days at 20 doors, in a school of {students:,}, counted by the job as it
counts (from nothing, so {hours:,} rows of `access_hourly`); then 60 answers of each kind, after as many to warm up. An
answer's time is the server's: transaction, statements, JSON.
"""
_BADGES = """
**Badges**: {badges:,} with names of many scripts, a code of 237 characters and a JPEG of {kilobytes:.0f} kB each, onto
A4, in files of 500, by a niced process for each of {cores} cores; to the last byte of the last file, without PostgreSQL
and the store of photos. The figure is that of one run, the processes' start and the reading of fonts included.
"""


def analytics(found: dict[str, Any]) -> Section:
    month, year = found["month"], found["year"]
    what = f"analytics of a school over {found['rows']:,} scans, 30 days of them: p99"
    return Section(
        must=[
            row(what, _ms(month["p99"]), "≤ 50 ms", month["p99"] <= LONGEST),
            row("the same over a whole year: p99", _ms(year["p99"]), "≤ 50 ms", year["p99"] <= LONGEST),
        ],
        figures=[
            item(
                f"analytics: p50 {_ms(month['p50'])} for 30 days, {_ms(year['p50'])} for a year; a page of those who"
                f" were not seen: p99 {_ms(found['not_seen']['p99'])}; all schools, 30 days:"
                f" p99 {_ms(found['all']['p99'])}"
            ),
            item(f"scans counted by the job: {found['count_rate']:,.0f}/s"),
        ],
        how=[_ANALYTICS.format(**found).strip()],
    )


def badges(found: dict[str, Any]) -> Section:
    what = f"{found['badges']:,} badges with photos on {found['cores']} cores"
    seconds = found["seconds"]
    return Section(
        must=[row(what, f"{seconds:.1f} s", "≤ 15 s", seconds <= LONGEST_PRINT)],
        figures=[item(f"{what}: {found['bytes'] / 2**20:.1f} MiB of PDF, {found['badges'] / seconds:.0f} badges/s")],
        how=[_BADGES.format(**found, kilobytes=found["photo"] / 1000).strip()],
    )


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.1f} ms"
