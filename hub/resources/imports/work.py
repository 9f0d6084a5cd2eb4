"""The job: one pass over the file to see what is wrong, then all of it in one transaction; or, when the good rows are
to be kept, a batch in each transaction, which after a kill goes on behind the last one.
"""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from hub.config import key_ring
from hub.resources.imports.batches import Converter, Line
from hub.resources.imports.departments import Departments
from hub.resources.imports.header import FAULT_COLUMNS
from hub.resources.imports.model import Asked, Counts
from hub.resources.imports.passes import Issuer
from hub.resources.imports.tables import Unreadable, rows_of
from hub.resources.imports.writing import Writer
from hub.rest.jobs.carrying import UPLOAD
from hub.rest.jobs.files import Growing, fetch_file
from hub.rest.jobs.kinds import JobFailed
from hub.rest.jobs.model import JobError
from hub.rest.jobs.run import Run
from hub.rest.jobs.spool import Spool
from hub.rest.sheets import guarded
from hub.store.pg import Connection
from hub.store.queries import load_queries

Q = load_queries(__package__)
JOBS = load_queries("hub.rest.jobs")
REFUSED = "refused"
#: Faults that the job itself shows; all are in the file of refused rows.
MOST_ERRORS = 100


class _State(msgspec.Struct):
    """`lines`: rows that are done with; `parts`: of the file of refused rows. `over`: all is written."""

    counts: Counts
    errors: list[JobError]
    lines: int = 0
    parts: int = 0
    over: bool = False


async def import_students(run: Run[Asked]) -> dict[str, Any]:
    """The counts. Raises JobFailed when the file cannot be read, or a row is at fault and all or nothing was asked."""
    state = _State(Counts(), []) if run.state is None else msgspec.convert(run.state, _State)
    if not state.over:
        spool = await fetch_file(run, key_ring(run.settings), UPLOAD)
        if spool is None:
            raise JobFailed([JobError(message="the file is not there any more; send it again")])
        with spool:
            await _Import(run, spool, state).carry_out()
    run.errors = state.errors
    return _result(run, state)


def _result(run: Run[Asked], state: _State) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(state.counts)
    refused = f"/students/import/{run.id}/refused" if state.parts else None
    encoding = run.params.form.encoding or None
    return {**found, "dryRun": run.params.dry_run, "encoding": encoding, "refusedRows": refused}


class _Import:
    def __init__(self, run: Run[Asked], spool: Spool, state: _State) -> None:
        self._run = run
        self._spool = spool
        self._state = state
        self._asked = run.params
        self._ring = key_ring(run.settings)
        self._refused = Growing(self._ring, run.id, run.school, REFUSED)

    async def carry_out(self) -> None:
        issuer = None
        if self._asked.passes is not None and not self._asked.dry_run:
            run = self._run
            issuer = await Issuer.open(run.pg, self._ring, run.school, run.user, self._asked.passes)
        try:
            if self._asked.keep_good and not self._asked.dry_run:
                await self._keep_good(issuer)
            else:
                await self._check()
                if not self._asked.dry_run:
                    await self._write_all(issuer)
        except Unreadable as error:
            self._state.errors.insert(0, JobError(line=error.line, field="file", message=str(error)))
            raise self._failed() from None

    def _failed(self) -> JobFailed:
        """What would have become of the rows, or had, is undone; the good ones that were kept are there."""
        if not self._asked.dry_run and not self._asked.keep_good:
            self._state.counts.created = self._state.counts.updated = self._state.counts.passes = 0
        return JobFailed(self._state.errors, _result(self._run, self._state))

    async def _check(self) -> None:
        """From the start, whatever an earlier attempt has left."""
        self._state.counts, self._state.errors, self._state.parts = Counts(), [], 0
        async with self._run.tx() as tx:
            await tx.execute(JOBS.delete_file, self._run.id, REFUSED)
        writer, batches = await self._begin(None)
        async for lines in batches:
            self._run.done = self._state.counts.rows + len(lines)
            async with self._run.tx() as tx:
                await writer.check(tx, lines, self._state.counts)
                await self._sort_out(tx, lines)
        if self._state.counts.refused and not self._asked.dry_run:
            raise self._failed()

    async def _write_all(self, issuer: Issuer | None) -> None:
        total, self._state.counts = self._state.counts.rows, Counts()
        async with self._run.tx() as tx:
            writer, batches = await self._begin(issuer)
            async for lines in batches:
                await writer.write(tx, lines, self._state.counts)
                await self._sort_out(tx, lines)
                if self._state.errors:  # since the check somebody has changed what is there
                    self._state.parts = 0
                    raise self._failed()
                await self._run.progress(self._state.counts.rows, total)
            self._state.over = True
            self._keep_state()

    async def _keep_good(self, issuer: Issuer | None) -> None:
        writer, batches = await self._begin(issuer)
        done = self._state.lines
        async for lines in batches:
            if done >= len(lines):
                done -= len(lines)
                continue
            async with self._run.tx() as tx:
                await writer.write(tx, lines, self._state.counts)
                await self._sort_out(tx, lines)
                self._state.lines += len(lines)
                self._keep_state()
        async with self._run.tx():
            self._state.over = True
            self._keep_state()

    def _keep_state(self) -> None:
        self._run.done = self._state.counts.rows
        self._run.state = msgspec.to_builtins(self._state)

    async def _begin(self, issuer: Issuer | None) -> tuple[Writer, AsyncIterator[list[Line]]]:
        async with self._run.look() as tx:
            rows = await tx.fetch(Q.departments)
        departments = Departments((row["code"], row["id"]) for row in rows)
        today, required = _today(self._asked.zone), frozenset(self._asked.required)
        converter = Converter(self._asked.columns, departments, required, today)
        return Writer(self._run, self._ring, converter, issuer), self._batches(converter)

    async def _batches(self, converter: Converter) -> AsyncIterator[list[Line]]:
        """Read and converted in a thread, so that what else this process does goes on."""
        batches = self._read(converter)
        while (lines := await asyncio.to_thread(next, batches, None)) is not None:
            yield lines

    def _read(self, converter: Converter) -> Iterator[list[Line]]:
        rows = rows_of(self._spool.open(), self._asked.form)
        next(rows, None)  # the header
        yield from converter.batches(rows, self._run.settings.import_max_rows)

    async def _sort_out(self, tx: Connection, lines: list[Line]) -> None:
        """Count the lines, and keep those at fault."""
        state, refused = self._state, [line for line in lines if line.faults]
        state.counts.rows += len(lines)
        state.counts.refused += len(refused)
        state.errors += [error for line in refused for error in line.faults][: MOST_ERRORS - len(state.errors)]
        if refused:
            await self._refused.add(tx, self._csv(refused), state.parts)
            state.parts += 1

    def _csv(self, lines: list[Line]) -> bytes:
        text = io.StringIO(newline="")
        writer = csv.writer(text, delimiter=self._asked.form.delimiter or ",")
        if not self._state.parts:
            text.write("\ufeff")  # without it a spreadsheet takes UTF-8 for something else
            writer.writerow([*FAULT_COLUMNS, *guarded(self._asked.header)])
        for line in lines:
            faults = "; ".join(f"{error.field}: {error.message}" for error in line.faults)
            writer.writerow([line.number, *guarded([faults, *line.cells])])
        return text.getvalue().encode()


def _today(zone: str) -> date:
    return datetime.now(UTC).astimezone(ZoneInfo(zone)).date()
