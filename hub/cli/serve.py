"""`passhub serve` and `passhub jobs`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from hub.config import key_ring, load_settings, require
from hub.logs import configure


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on (HUB_HOST).")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on (HUB_PORT).")] = None,
    workers: Annotated[int | None, typer.Option(help="Worker processes (HUB_WORKERS).")] = None,
    journal_dir: Annotated[Path | None, typer.Option(help="Where answers are kept (HUB_JOURNAL_DIR).")] = None,
) -> None:
    """Run the hub: a supervisor with its recorder, workers and jobs. SIGHUP replaces the workers, SIGTERM stops."""
    from hub.supervisor.run import Supervisor

    settings = load_settings(host=host, port=port, workers=workers, journal_dir=journal_dir)
    if settings.database_system_url is None:
        require(settings.database_url, "database_url")
    key_ring(settings)  # without keys nothing starts
    configure(settings, "supervisor")

    async def run() -> None:
        await Supervisor(settings).run()

    asyncio.run(run())


def jobs() -> None:
    """Run only the background jobs, on a host of their own."""
    from hub.jobs.process import run as run_jobs
    from hub.supervisor.child import stop_event
    from hub.supervisor.watchdog import say_where_when_asked

    settings = load_settings()
    key_ring(settings)
    configure(settings, "jobs")
    say_where_when_asked()

    async def run() -> None:
        await run_jobs(settings, stop_event())

    asyncio.run(run())
