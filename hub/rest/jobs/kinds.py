"""What a resource declares of its jobs.

    JOBS = [JobKind("students_import", Asked, import_students, exclusive="students")]

    async def import_students(run: Run[Asked]) -> dict[str, Any]: ...

What is returned is the job's `result`. It is called again from the start after its process was killed: what it commits
it commits through `run.tx()`, together with `run.state`, by which it knows where it was.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from hub.errors import HubError
from hub.rest.jobs.model import JobError
from hub.rest.jobs.run import Run


@dataclass(frozen=True)
class JobKind:
    """`params`: what is asked for, kept sealed. `exclusive`: while one with this word is queued or running, another of
    the same school is refused."""

    name: str
    params: type[msgspec.Struct]
    work: Callable[[Run[Any]], Awaitable[dict[str, Any]]]
    exclusive: str | None = None


class JobFailed(HubError):
    """It cannot be done, however often it is tried: `errors` go to whoever asked, and `result`, where there is one."""

    status = 422
    code = "job_failed"

    def __init__(self, errors: list[JobError], result: dict[str, Any] | None = None) -> None:
        super().__init__(errors[0].message if errors else "it cannot be done")
        self.errors = errors
        self.result = result


class NeedsConfirmation(Exception):
    """Raised by a run that was not confirmed: somebody has to look at `result` first."""

    def __init__(self, result: dict[str, Any]) -> None:
        super().__init__("somebody has to confirm this")
        self.result = result
