"""What all that is asked of a school has in common."""

from __future__ import annotations

from hub.errors import NotFound
from hub.store.pg import Record
from hub.store.queries import load_queries

Q = load_queries(__package__)
KIND = "school"


def found(row: Record | None) -> Record:
    """Raises NotFound."""
    if row is None:
        raise NotFound("no such school")
    return row
