"""What is done for accounts in the background: access tokens get a new key each month, what is over is forgotten."""

from __future__ import annotations

from hub.accounts import keys
from hub.config import Settings, key_ring
from hub.store.pg import Pg
from hub.store.queries import load_queries

queries = load_queries("hub.accounts")


async def rotate_token_keys(settings: Settings, pg: Pg) -> None:
    """A new key for access tokens when the last one is a month old."""
    await keys.rotate(pg, key_ring(settings))


async def forget(pg: Pg) -> None:
    """Sessions and wall screens that ended a month ago, mailed tokens and keys that have been good for nothing for a
    day, pairings that nobody has finished."""
    names = ("forget_sessions", "forget_mailed_tokens", "forget_token_keys", "forget_pairings", "forget_wall_screens")
    async with pg.system() as tx:
        for name in names:
            await tx.execute(queries[name])
