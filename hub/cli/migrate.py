"""`passhub migrate`."""

from __future__ import annotations

import asyncio

from hub.config import load_settings, require


def migrate() -> None:
    """Bring the database to this version's schema, as its owner (HUB_DATABASE_URL)."""
    from hub.store.migrate import migrate as run

    settings = load_settings()
    applied = asyncio.run(run(require(settings.database_url, "database_url"), on_step=print))
    print(f"{len(applied)} migrations applied" if applied else "nothing to do: the schema is this version's")
