"""Jobs under way: a job's row in the queue goes when the job has been done, and stays whatever else ends it.

PgQueuer deletes the row of a job that raises, and of one that is cancelled while its process stops. A retry is the one
thing that keeps it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

import structlog
from pgqueuer.errors import RetryRequested
from pgqueuer.models import Job

log = structlog.get_logger(__name__)
#: In seconds: how long a job waits that failed in a way that nobody has thought of.
LONGEST_WAIT = 600.0


class Underway:
    """One a session with PostgreSQL."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._leaving = False

    async def see_to(self, job: Job, work: Coroutine[Any, Any, None]) -> None:
        """Raises RetryRequested, and nothing else."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if self._leaving:
            task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            # Swallowed on purpose, for whoever cancels waits: what follows is one statement that frees the row.
            log.info("a job is left to the next process", job=job.entrypoint)
            raise RetryRequested(timedelta(0), "its process ends") from None
        except RetryRequested:
            raise
        except Exception as error:
            seconds = min(LONGEST_WAIT, 2.0 ** min(job.attempts + 1, 20))
            log.exception("a job has failed and is tried again", job=job.entrypoint, seconds=seconds)
            raise RetryRequested(timedelta(seconds=seconds)) from error

    def leave(self) -> None:
        """End them all; the next process begins them again."""
        self._leaving = True
        for task in self._tasks:
            task.cancel()
