"""`passhub rejected`: scans that PostgreSQL refused."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from hub.config import load_settings


def rejected(
    replay: Annotated[bool, typer.Option("--replay", help="Try to put them into the log again.")] = False,
    number: Annotated[list[int] | None, typer.Option("--id", help="Only this one; may be given again.")] = None,
) -> None:
    """List the scans that PostgreSQL refused, or replay them once what was wrong is mended."""
    from rich.console import Console
    from rich.table import Table

    from hub.recorder import rejected as rejects

    settings = load_settings()
    if replay:
        done, failed = asyncio.run(rejects.replay(settings, number))
        print(f"{len(done)} replayed, {len(failed)} refused again")
        for id_, error in failed.items():
            print(f"  {id_}: {error}")
        raise typer.Exit(1 if failed else 0)
    found = asyncio.run(rejects.listed(settings))
    if not found:
        print("nothing was refused")
        return
    table = Table("id", "scan", "access point", "at", "decision", "refused at", "because", box=None, pad_edge=False)
    for one in found:
        table.add_row(
            str(one.id), one.scan_id, one.access_point, one.access_time, one.decision, one.rejected_at, one.error
        )
    Console().print(table)
