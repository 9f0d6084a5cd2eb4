"""`passhub seed`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from hub.config import load_settings


def seed(
    students: Annotated[int, typer.Option(min=1, max=1_000_000, help="Students in all, over two schools.")] = 2_000,
    secrets: Annotated[
        Path | None, typer.Option(help="Keep passwords and device keys in this file (mode 0600); read on later runs.")
    ] = None,
) -> None:
    """Fill a migrated database with two believable schools (needs HUB_DATABASE_URL and HUB_SECRET_KEY).

    The database has only hashes of passwords and device keys. With --secrets they are written to a file, and what a
    file does not know (any more) is made anew; without it nobody knows them.
    """
    from hub.demo.seed import seed as run

    result = asyncio.run(run(load_settings(), students, progress=print, secrets_file=secrets))
    doors, accounts = len(result.access_points), len(result.accounts)
    if secrets is None:
        print(f"passwords of {accounts} accounts and keys of {doors} doors: not kept; --secrets FILE makes new ones")
    else:
        print(f"passwords of {accounts} accounts and keys of {doors} doors: {secrets.absolute()}")
