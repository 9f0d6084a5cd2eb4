"""Everything at once, each part with its time, put together in the order in which a person reads it."""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import Awaitable
from typing import Any

import msgspec

from hub.config import Settings, unknown_variables, usable_settings
from hub.supervisor.doctor import (
    certificate,
    database,
    events,
    files,
    here,
    journal,
    port,
    program,
    variables,
)
from hub.supervisor.doctor.findings import Finding, Level, Notes
from hub.supervisor.doctor.waiting import in_thread
from hub.version import __version__

# With everything away, the slowest part decides how long all of it takes.
DATABASE_SECONDS, EVENTS_SECONDS, DISK_SECONDS, HUB_SECONDS, PORT_SECONDS = 11.0, 8.0, 6.0, 4.0, 8.0
FILES_SECONDS = 10.0


class Report(msgspec.Struct):
    """`seconds`: how long the examination took."""

    version: str
    faults: int
    warnings: int
    seconds: float
    findings: list[Finding]

    @property
    def ok(self) -> bool:
        return self.faults == 0


async def examine(**overrides: Any) -> Report:
    """Looks at everything that the environment's settings name; `overrides` (from flags) win over it. Never raises
    for what it finds."""
    started = time.monotonic()
    settings, bad = usable_settings(**overrides)
    all_notes = [
        Notes(part)
        for part in (
            *("settings", "program", "PostgreSQL", "tables", "data", "Redis", "files", "journal", "this host"),
        )
    ]
    of_settings, of_program, of_postgres, of_tables, of_rows, of_redis, of_files, of_journal, of_host = all_notes
    variables.examine(settings, unknown_variables(), bad, of_settings)
    program.examine(of_program)
    await asyncio.gather(
        _bounded(of_postgres, DATABASE_SECONDS, database.examine(settings, bad, of_postgres, of_tables, of_rows)),
        _bounded(of_redis, EVENTS_SECONDS, events.examine(settings, bad, of_redis)),
        _bounded(of_files, FILES_SECONDS, files.examine(settings, bad, of_files)),
        _host(settings, of_journal, of_host),
    )
    findings = [finding for notes in all_notes for finding in list(notes.findings)]
    count = {level: sum(finding.level == level for finding in findings) for level in Level}
    seconds = round(time.monotonic() - started, 3)
    return Report(__version__, count[Level.fault], count[Level.warning], seconds, findings)


async def _host(settings: Settings, of_journal: Notes, of_host: Notes) -> None:
    """The running hub is asked first: it knows what waits in the journal, and has the port."""
    found: list[here.RunningHub | None] = []

    async def find() -> None:
        found.append(await in_thread(lambda: here.find(settings), HUB_SECONDS))

    await _bounded(of_host, HUB_SECONDS + 1, find())
    hub = found[0] if found else None
    await asyncio.gather(
        _bounded(
            of_journal,
            DISK_SECONDS + 1,
            in_thread(lambda: journal.examine(settings, hub, of_journal), DISK_SECONDS),
        ),
        _bounded(of_host, PORT_SECONDS + 1, in_thread(lambda: port.examine(settings, hub, of_host), PORT_SECONDS)),
    )
    await _bounded(of_host, DISK_SECONDS + 1, in_thread(lambda: certificate.examine(settings, of_host), DISK_SECONDS))


async def _bounded(notes: Notes, seconds: float, work: Awaitable[None]) -> None:
    """One part that hangs, or fails in a way nobody thought of, leaves the others' findings."""
    try:
        async with asyncio.timeout(seconds):
            await work
    except TimeoutError:
        notes.fault("time", "no end in time; the rest was not checked", "see whether a disk or the network hangs")
    except Exception as error:  # noqa: BLE001 - of the text nothing is shown, it may hold anything
        frame = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{type(error).__name__} in {frame.name}, {frame.filename}:{frame.lineno}"
        notes.fault("doctor", f"the examination itself failed: {where}", "report it; the rest was not checked")
