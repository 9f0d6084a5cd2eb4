"""What the doctor said, looked up; and addresses of its patients."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import asyncpg

from hub.supervisor.doctor import Finding, Level, Report

SECRET = bytes(range(32))
Look = Callable[..., Awaitable[Report]]


def at(report: Report, check: str, level: Level) -> Finding:
    """The one finding of a check that has this level; the test fails with all of them when there is none."""
    found = [finding for finding in report.findings if finding.check == check and finding.level == level]
    assert len(found) == 1, "\n".join(str(finding) for finding in report.findings)
    return found[0]


def told(report: Report, check: str, *words: str, level: Level = Level.fault) -> Finding:
    """That finding, with these words in what it says and does."""
    finding = at(report, check, level)
    for word in words:
        assert word in f"{finding.says} | {finding.do}", finding
    assert finding.do
    return finding


def faults(report: Report) -> list[str]:
    return [finding.check for finding in report.findings if finding.level == Level.fault]


async def role_urls(owner: asyncpg.Connection, database: str) -> dict[str, str]:
    """The addresses of the three roles, each logging in by itself."""
    place = database.split("@", 1)[1]
    for role in ("hub_api", "hub_admin", "hub_system"):
        await owner.execute(f"ALTER ROLE {role} PASSWORD 'pw'")
    return {f"database_{n}_url": f"postgresql://hub_{n}:pw@{place}" for n in ("api", "admin", "system")}
