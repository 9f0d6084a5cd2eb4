"""`passhub retention`: what is older than it may be goes, now instead of tonight."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from hub.config import Settings, key_ring, load_settings
from hub.domain.audit_row import AuditRow

if TYPE_CHECKING:
    from hub.jobs.retention.run import Outcome


def retention(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and let nothing go.")] = False,
) -> None:
    """Let go what is older than its school, or the installation, wants it; every night the jobs do the same."""
    from rich.console import Console
    from rich.table import Table

    found = asyncio.run(_run(load_settings(), dry_run=dry_run))
    if not dry_run and not found:
        print("nothing was too old")
        return
    table = Table("what", "school", "kept", "would go" if dry_run else "went", box=None, pad_edge=False)
    for one in found:
        table.add_row(one.table, one.code, one.keep, str(one.rows))
    Console().print(table)


async def _run(settings: Settings, *, dry_run: bool) -> list[Outcome]:
    from hub.accounts.trail import AuditTrail
    from hub.jobs.retention import run as work
    from hub.store.pg import Pg, Role

    pg = await Pg.open(settings, [Role.hub_system, Role.hub_api], statement_timeout=600.0, command_timeout=900.0)
    try:
        place = work.place_of(settings, pg, AuditTrail(key_ring(settings), pg, _no_journal))
        return await (work.dry_run(place) if dry_run else work.run(place))
    finally:
        await pg.close()


async def _no_journal(_: AuditRow) -> None:
    raise RuntimeError("what a run does is kept in its own transactions")
