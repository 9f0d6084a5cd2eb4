"""Jobs asked for over HTTP, and the real jobs process beside the shell: in this process, or in one to be killed."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from hub.config import Settings, to_environment
from hub.jobs.process import run
from hub.rest.jobs.kinds import JobKind
from tests.integration.rest.site import Site

PATIENCE = 120.0
ENDED = {"finished", "failed", "needs_confirmation"}
#: What its trigger says of an insert; of an update it says nothing.
WAKE = (
    "SELECT pg_notify('ch_pgqueuer', json_build_object('channel', 'ch_pgqueuer', 'operation', 'insert',"
    " 'sent_at', now(), 'table', 'pgqueuer', 'type', 'table_changed_event')::text)"
)
ROOT = Path(__file__).resolve().parents[3]


@asynccontextmanager
async def jobs_running(settings: Settings, kinds: Iterable[JobKind] | None = None) -> AsyncIterator[None]:
    """`kinds`: instead of the declared ones."""
    stop = asyncio.Event()
    named = None if kinds is None else {kind.name: kind for kind in kinds}
    task = asyncio.create_task(run(settings, stop, named))
    try:
        yield
    finally:
        stop.set()
        await task


@asynccontextmanager
async def jobs_process(settings: Settings) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process of its own that does nothing but jobs; to be killed."""
    code = (
        "import asyncio, signal\n"
        "from hub.config import load_settings\n"
        "from hub.jobs.process import run\n"
        "asyncio.run(run(load_settings(), asyncio.Event()))\n"
    )
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **to_environment(settings)}
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, env=environment)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
        await process.wait()


async def seen(site: Site, id_: str | UUID, token: str | None = None) -> dict[str, Any]:
    answer = await site.ask("GET", f"/api/v1/jobs/{id_}", token or site.token())
    assert answer.status == 200, answer.text
    found: dict[str, Any] = answer.json
    return found


async def ended(site: Site, id_: str | UUID, token: str | None = None, *, hurry: bool = False) -> dict[str, Any]:
    """The job when it has come to an end. `hurry`: what is to be tried again later is tried now."""
    token = token or site.token()
    async with asyncio.timeout(PATIENCE):
        while True:
            job = await seen(site, id_, token)
            if job["status"] in ENDED:
                return job
            if hurry:
                await site.fetch("UPDATE pgqueuer SET execute_after = now() WHERE execute_after > now()")
                await site.fetch(WAKE)
            await asyncio.sleep(0.02)


async def forget_heartbeat(site: Site) -> None:
    """As if a killed process had been silent for long: its jobs are due again."""
    await site.fetch("UPDATE pgqueuer SET heartbeat = now() - interval '1 hour' WHERE status = 'picked'")
