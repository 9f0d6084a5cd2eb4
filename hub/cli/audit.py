"""`passhub audit verify`, `seal` and `key`."""

from __future__ import annotations

import asyncio
import binascii
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub.config import Settings, audit_seeds, load_settings
from hub.errors import SettingsError

if TYPE_CHECKING:
    from hub.accounts.ledger.digests import Signer
    from hub.accounts.ledger.verify import Verdict

audit = typer.Typer(help="The chain that shows whether the audit log was changed.", no_args_is_help=True)


@audit.command()
def verify(
    public_key: Annotated[
        list[str] | None,
        typer.Option("--public-key", help="A key that heads may be signed with, in hex; may be given again."),
    ] = None,
    heads: Annotated[Path | None, typer.Option(help="The file of heads (HUB_AUDIT_HEADS).")] = None,
) -> None:
    """Hold every sealed row and batch against the chain; says which were removed, changed, added or moved."""
    from hub.accounts.ledger.digests import Signatures, Signer
    from hub.accounts.ledger.verify import verify as run
    from hub.store.pg import Pg, Role

    settings = load_settings(audit_heads=heads)
    public = [Signer(seed).public for seed in audit_seeds(settings)] + [_public(text) for text in public_key or []]
    if not public:
        raise SettingsError("HUB_AUDIT_KEY is not set, and no --public-key was given: nothing can be verified")

    async def verified() -> Verdict:
        pg = await Pg.open(settings, [Role.hub_system], statement_timeout=600, command_timeout=900)
        try:
            return await run(pg, Signatures(public), settings.audit_heads)
        finally:
            await pg.close()

    found = asyncio.run(verified())
    for fault in found.faults:
        print(fault)
    print(
        f"{found.rows} rows in {found.batches} batches, {found.erased} of erased values; {found.waiting} not sealed yet"
    )
    if found.pruned_at is not None:
        print(f"pruned up to batch {found.floor}, last on {found.pruned_at:%Y-%m-%d}: nothing older is kept")
    if found.pruned:
        print(f"{found.pruned} more rows were let go because they were old")
    if found.refused:
        print(f"{found.refused} entries were refused by PostgreSQL: see audit_logs_rejected")
    if settings.audit_heads is None:
        print("without the file of heads (HUB_AUDIT_HEADS) it cannot be told whether the chain's end was cut off")
    raise typer.Exit(1 if found.faults else 0)


@audit.command()
def seal() -> None:
    """Seal now what the jobs would seal within a minute."""
    from hub.accounts.ledger.sealing import seal_settled
    from hub.store.pg import Pg, Role

    settings = load_settings()
    signer = _signer(settings)

    async def sealed() -> int:
        pg = await Pg.open(settings, [Role.hub_system])
        try:
            return await seal_settled(pg, signer, settings.audit_heads)
        finally:
            await pg.close()

    print(f"{asyncio.run(sealed())} rows sealed")


@audit.command()
def key() -> None:
    """Print the public half of HUB_AUDIT_KEY, in hex, for those who verify elsewhere."""
    print(_signer(load_settings()).public.hex())


def _signer(settings: Settings) -> Signer:
    from hub.accounts.ledger.digests import Signer

    seeds = audit_seeds(settings)
    if not seeds:
        raise SettingsError("HUB_AUDIT_KEY is not set; make one with: passhub settings --new-secret-key")
    return Signer(seeds[0])


def _public(text: str) -> bytes:
    try:
        raw = binascii.unhexlify(text)
    except ValueError:
        raw = b""
    if len(raw) != 32:
        raise SettingsError("--public-key is 64 hex digits, as `passhub audit key` prints them")
    return raw
