"""One run of a job, as the code that carries it out sees it.

Another process may believe that this one is dead and take the run up. Whatever is committed here is committed under
this run's attempt, held in the same transaction: of two that run at once, one can commit, and the other learns it.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Generic, TypeVar
from uuid import UUID

import msgspec

from hub.accounts.audit import Action, AuditEntry
from hub.config import Settings
from hub.domain.ids import new_id
from hub.rest.jobs.model import JobError
from hub.rest.ports import AuditTrail
from hub.store.files import Files
from hub.store.pg import Connection, Pg
from hub.store.queries import load_queries

Q = load_queries("hub.rest.jobs")
P = TypeVar("P", bound=msgspec.Struct)

#: Progress is written this often at most, in seconds.
EVERY = 1.0


class TakenOver(Exception):
    """Another process carries this run out now: nothing more is committed here."""


class Run(Generic[P]):
    """`state` is what the last committed `tx()` of this job left there, None at the very first. `confirmed`: somebody
    looked at what NeedsConfirmation showed."""

    def __init__(
        self,
        settings: Settings,
        pg: Pg,
        trail: AuditTrail,
        files: Files,
        *,
        id_: UUID,
        school: UUID | None,
        user: UUID | None,
        request_id: str | None,
        attempt: int,
        params: P,
        state: Any,
        confirmed: bool,
        done: int = 0,
        total: int | None = None,
    ) -> None:
        self.settings = settings
        self.pg = pg
        #: Where photos and documents are.
        self.files = files
        self.id = id_
        self.user = user
        self.params = params
        self.state = state
        self.confirmed = confirmed
        self.done = done
        self.total = total
        #: What was wrong with some of it, though the job has finished.
        self.errors: list[JobError] = []
        self._school = school
        self._trail = trail
        self._request_id = request_id
        self._attempt = attempt
        self._written = 0.0

    @property
    def school(self) -> UUID:
        """Whose job it is. Raises RuntimeError for the installation's."""
        if self._school is None:
            raise RuntimeError("this job belongs to no school")
        return self._school

    def look(self) -> AbstractAsyncContextManager[Connection]:
        """A transaction to read in: hub_api under the school, hub_admin for a job of the installation."""
        return self.pg.admin() if self._school is None else self.pg.tenant(self._school)

    @asynccontextmanager
    async def tx(self) -> AsyncIterator[Connection]:
        """The same, to write in; `state`, `done` and `total` as they are at its end are kept with it. Raises TakenOver,
        and then nothing of it is there."""
        async with self.look() as tx:
            yield tx
            await self._hold(tx)
        self._written = time.monotonic()

    async def progress(self, done: int, total: int | None = None) -> None:
        """For whoever looks at the job meanwhile; written once a second at most. Raises TakenOver."""
        self.done = done
        self.total = self.total if total is None else total
        if time.monotonic() - self._written < EVERY:
            return
        self._written = time.monotonic()
        async with self.look() as tx:
            if not await tx.fetchval(Q.note_progress, self.id, self._attempt, self.done, self.total):
                raise TakenOver

    async def audit(
        self,
        tx: Connection,
        action: Action,
        resource_type: str,
        resource_id: UUID | None = None,
        *,
        old: dict[str, Any] | None = None,
        new: dict[str, Any] | None = None,
        subject: UUID | None = None,
    ) -> None:
        """One row of the audit in `tx`, by whoever asked for the job."""
        entry = AuditEntry(
            id=new_id(),
            at=time.time_ns() // 1000,
            school_id=self._school,
            user_id=self.user,
            action=action,
            resource_type=resource_type,
            resource_id=resource_id,
            old=old,
            new=new,
            request_id=self._request_id,
            subject_id=subject,
        )
        await self._trail.write(tx, entry)

    async def _hold(self, tx: Connection) -> None:
        state = None if self.state is None else msgspec.json.encode(self.state).decode()
        if not await tx.fetchval(Q.hold_run, self.id, self._attempt, self.done, self.total, state):
            raise TakenOver
