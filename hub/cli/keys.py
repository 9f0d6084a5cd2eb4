"""`passhub keys show` and `rotate`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import typer

from hub.config import key_ring, load_settings

if TYPE_CHECKING:
    from hub.accounts.personal.rotation import Rotation

keys = typer.Typer(help="The keys that personal data and signing keys are encrypted with.", no_args_is_help=True)


@keys.command()
def show() -> None:
    """Print the keys' ids; the first one encrypts."""
    for number, id_ in enumerate(key_ring(load_settings()).ids):
        print(f"{id_}  {'encrypts and decrypts' if number == 0 else 'decrypts'}")


@keys.command()
def rotate() -> None:
    """Encrypt everything anew that another key than the first has encrypted; the hub may run meanwhile.

    Cut short, it is started again. Afterwards the other keys are not needed any more, but for backups.
    """
    from hub.accounts.personal.rotation import rotate as run
    from hub.store.files import open_files
    from hub.store.files.folder import Folder
    from hub.store.pg import Pg, Role

    settings = load_settings()
    ring = key_ring(settings)

    async def rotated() -> Rotation:
        pg = await Pg.open(settings, [Role.hub_admin], statement_timeout=60, command_timeout=90)
        try:
            done = await run(pg, ring, lambda table, rows: print(f"{table}: {rows} rows"))
        finally:
            await pg.close()
        print(f"files: {await resealed(done.broken)}")
        return done

    async def resealed(broken: list[str]) -> int:
        """A bucket's files are encrypted by its server, with keys of its own."""
        files = await open_files(settings)
        try:
            return await files.reseal(broken) if isinstance(files, Folder) else 0
        finally:
            await files.close()

    done = asyncio.run(rotated())
    for broken in done.broken:
        print(f"left as it is, {broken}")
    print(f"{sum(done.rows.values())} rows encrypted anew with key {ring.ids[0]}")
    if not done.broken and len(ring.ids) > 1:
        print(f"no longer needed by this database: {', '.join(ring.ids[1:])}; backups still need them")
    raise typer.Exit(1 if done.broken else 0)
