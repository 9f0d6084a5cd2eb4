"""What the jobs process does with a job that is due: takes it up, has it carried out, and says what became of it.

raised                        becomes
JobFailed, NeedsConfirmation  the job's own ends
StoreUnavailable              tried again, for as long as it takes
any other                     tried again, three times in all; then it failed, and the log has why
TakenOver                     nothing: another process sees to it
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec
import structlog

from hub.config import Settings, key_ring
from hub.domain.vault import SealBroken
from hub.errors import HubError, StoreTooSlow, StoreUnavailable
from hub.rest.jobs.kinds import JobFailed, JobKind, NeedsConfirmation
from hub.rest.jobs.model import JobError
from hub.rest.jobs.run import Run, TakenOver
from hub.rest.jobs.starting import params_place
from hub.rest.ports import AuditTrail
from hub.store.files import Files
from hub.store.pg import Pg, Record, is_outage
from hub.store.queries import load_queries

log = structlog.get_logger(__name__)
Q = load_queries("hub.rest.jobs")

TRIES = 3
#: The name of what was uploaded for a job; gone when the job has ended, however it did.
UPLOAD = "upload"


class TryAgain(Exception):
    """Not now; `seconds` until the next try."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"again in {seconds:g} s")
        self.seconds = seconds


class Carrier:
    """One a jobs process. `kinds` by their names."""

    def __init__(
        self, settings: Settings, pg: Pg, trail: AuditTrail, files: Files, kinds: Mapping[str, JobKind]
    ) -> None:
        self._settings = settings
        self._pg = pg
        self._trail = trail
        self._files = files
        self._kinds = kinds

    async def carry_out(self, id_: UUID) -> None:
        """Raises TryAgain."""
        async with self._pg.system() as tx:
            row = await tx.fetchrow(Q.take_up, id_)
        if row is None:
            log.debug("a job has ended already", job=str(id_))
            return
        kind = self._kinds.get(row["kind"])
        if kind is None:
            await self._end(id_, row["attempt"], None, "failed", None, [JobError(message="no such kind of job here")])
            return
        try:
            run = self._run(id_, row, kind)
        except (SealBroken, msgspec.MsgspecError) as error:
            log.error("a job cannot be read", job=str(id_), fault=str(error))
            await self._end(id_, row["attempt"], None, "failed", None, [JobError(message="it cannot be read any more")])
            return
        await self._attend(run, kind, row["attempt"])

    async def _attend(self, run: Run[Any], kind: JobKind, attempt: int) -> None:
        status, result, errors = "finished", None, list[JobError]()
        try:
            result = await kind.work(run)
            errors = run.errors
        except TakenOver:
            log.warning("a job was taken over by another process", job=str(run.id), kind=kind.name)
            return
        except NeedsConfirmation as outcome:
            status, result = "needs_confirmation", outcome.result
        except JobFailed as failure:
            status, result, errors = "failed", failure.result, failure.errors
        except Exception as error:  # noqa: BLE001 - it is logged, and said of the job
            status, errors = "failed", [self._fault(run, kind, attempt, error)]
        try:
            await self._end(run.id, attempt, run, status, result, errors)
        except Exception as error:  # noqa: BLE001 - as above: of an end that cannot be written the job has to end, too
            status, errors = "failed", [self._fault(run, kind, attempt, error)]
            await self._end(run.id, attempt, run, status, None, errors)
        log.info("a job has ended", job=str(run.id), kind=kind.name, status=status)

    def _fault(self, run: Run[Any], kind: JobKind, attempt: int, error: Exception) -> JobError:
        """What the job failed with; TryAgain unless it is for good."""
        # What is too slow now is too slow for ever, perhaps: it has its tries.
        if (isinstance(error, StoreUnavailable) and not isinstance(error, StoreTooSlow)) or is_outage(error):
            log.warning("a job waits", job=str(run.id), kind=kind.name, fault=str(error))
            raise TryAgain(min(60.0, 2.0 ** min(attempt, 6))) from error
        if isinstance(error, HubError) and error.status < 500:
            return JobError(message=str(error))
        log.error("a job has failed", job=str(run.id), kind=kind.name, attempt=attempt, exc_info=error)
        if attempt < TRIES:
            raise TryAgain(2.0**attempt) from error
        return JobError(message="it failed here, not by what was asked; the program's log says why")

    def _run(self, id_: UUID, row: Record, kind: JobKind) -> Run[Any]:
        plain = key_ring(self._settings).unseal(row["params"], params_place(id_))
        return Run(
            self._settings,
            self._pg,
            self._trail,
            self._files,
            id_=id_,
            school=row["school_id"],
            user=row["user_id"],
            request_id=row["request_id"],
            attempt=row["attempt"],
            params=msgspec.json.decode(plain, type=kind.params),
            state=None if row["state"] is None else msgspec.json.decode(row["state"]),
            confirmed=row["confirmed"],
            done=row["done"],
            total=row["total"],
        )

    async def _end(
        self,
        id_: UUID,
        attempt: int,
        run: Run[Any] | None,
        status: str,
        result: dict[str, Any] | None,
        errors: list[JobError],
    ) -> None:
        done, total = (0, None) if run is None else (run.done, run.total)
        texts = [None if result is None else msgspec.json.encode(result).decode(), msgspec.json.encode(errors).decode()]
        async with self._pg.system() as tx:
            ended = await tx.fetchval(Q.end_run, id_, attempt, status, *texts, done, total)
            if ended and status != "needs_confirmation":
                await tx.execute(Q.delete_file_by_system, id_, UPLOAD)
            if ended and await tx.fetchval(Q.outlived_somebody, id_):
                await tx.execute(Q.forget_files, id_)
