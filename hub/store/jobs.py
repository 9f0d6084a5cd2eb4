"""Work for the jobs process, asked for in the transaction that causes it: it runs after the commit, and only then."""

from __future__ import annotations

from hub.store.pg import Connection
from hub.store.queries import load_queries

queries = load_queries("hub.store", "jobs.sql")


async def enqueue(tx: Connection, entrypoint: str, payload: bytes, *, delay: float = 0.0) -> int:
    """The job's id. `delay`: seconds before it may start. Never from the drain: the queue's table notifies."""
    id_: int = await tx.fetchval(queries["enqueue"], entrypoint, payload, delay)
    return id_
