"""All students that a filter means, not a page of them: for exports, and for jobs that do something to each."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from msgspec import UNSET

from hub.domain.keyring import KeyRing
from hub.rest.students.query import PRESENT, StudentFilters, chosen
from hub.rest.students.search import Searched, _json, _words
from hub.store.keyset import ALL, After, Among
from hub.store.pg import Connection


async def whole(
    tx: Connection,
    query: StudentFilters,
    ring: KeyRing,
    school: UUID | None,
    *,
    limit: int = ALL,
    after: After | None = None,
) -> tuple[str, list[Any]] | None:
    """SQL and its parameters for rows as PRESENT has them, the first made first; None when `q` is like nobody.

    `school` None: of all schools, as hub_admin. `limit` and `after`: a part of them, behind that one. Raises BadRequest
    for a filter that needs a school.
    """
    among = None
    if query.q is not UNSET:
        searched = Searched(PRESENT, everywhere=school is None)
        words = await _words(tx, query.q)
        if not await searched._anybody(tx, words):
            words = await searched._meant(tx, words)
        if not words:
            return None
        among = Among(searched._query("alike"), _json(words))
    return PRESENT.page("createdAt", limit, after=after, filters=chosen(query, ring, school), among=among)
