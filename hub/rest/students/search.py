"""`q` over students: every word of it is somewhere in names, number or e-mail; accents and capitals do not matter.

What nobody has is taken for the most similar words that names in the school are made of. Under row-level security no
index serves a search, so there are two ways, and one of them is always short: to walk along the list's own order, which
finds what many have; and functions that look beyond row-level security for ids, which find what few have
(migrations/0014_students.sql).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from hub.domain.spelling import likely
from hub.rest.pages import Asked, Listed
from hub.rest.students.queries import Q
from hub.store.keyset import Among, Likeness, Listing, containing
from hub.store.pg import Connection, Record

#: Rows of the walk, in one school and in all of them: what it does not find a page of is rare enough for the index.
STEPS, STEPS_OF_ALL = 2_000, 10_000
MOST_WORDS = 8
#: Shorter than a trigram: looked for at the beginning of words only.
SHORTEST = 3
_NO_NAME = re.compile(r"[^a-z]")

Words = list[list[str]]


@dataclass(frozen=True)
class Searched:
    """Rows of a listing of students, searched when `q` is given. `everywhere`: of all schools, as hub_admin; `few`: of
    a listing that is read from end to end, and as it is written."""

    listing: Listing
    everywhere: bool = False
    few: bool = False

    async def page(self, tx: Connection, asked: Asked) -> list[Record]:
        if asked.q is None:
            return await Listed(self.listing).page(tx, asked)
        words = await _words(tx, asked.q)
        if self.few:
            return await self._fetch(tx, asked, like=Likeness("search", words)) if words else []
        found = await self._rows(tx, asked, words)
        narrowed = asked.after is not None or bool(asked.filters)
        if found or (narrowed and await self._anybody(tx, words)):
            return found
        meant = await self._meant(tx, words)
        return await self._rows(tx, asked, meant) if meant else []

    async def count(self, tx: Connection, asked: Asked) -> int:
        if asked.q is None:
            return await Listed(self.listing).count(tx, asked)
        words = await _words(tx, asked.q)
        if not self.few and not await self._anybody(tx, words):
            words = await self._meant(tx, words)
        how: dict[str, Any] = {"among": Among(self._query("alike"), _json(words))}
        sql, values = self.listing.count(
            filters=asked.filters, **({"like": Likeness("search", words)} if self.few else how)
        )
        total: int = await tx.fetchval(sql, *values) if words else 0
        return total

    def _query(self, name: str) -> str:
        return Q[f"{name}_of_all" if self.everywhere else name]

    async def _rows(self, tx: Connection, asked: Asked, words: Words) -> list[Record]:
        if not words:
            return []
        steps = STEPS_OF_ALL if self.everywhere else STEPS
        near = await self._fetch(tx, asked, like=Likeness("search", words), walk=steps)
        if len(near) == asked.limit:
            return near
        if asked.filters:
            return await self._fetch(tx, asked, among=Among(self._query("alike"), _json(words)))
        ids = await tx.fetch(self._query("alike_in_order"), _json(words), *_order(self.listing, asked))
        return await self._in_order(tx, [row[0] for row in ids])

    async def _in_order(self, tx: Connection, ids: Sequence[UUID]) -> list[Record]:
        rows = {row["id"]: row for row in await tx.fetch(Q.some_students, ids)} if ids else {}
        return [rows[id_] for id_ in ids if id_ in rows]

    async def _fetch(self, tx: Connection, asked: Asked, **how: Any) -> list[Record]:
        sql, values = self.listing.page(asked.sort, asked.limit, after=asked.after, filters=asked.filters, **how)
        return list(await tx.fetch(sql, *values))

    async def _anybody(self, tx: Connection, words: Words) -> bool:
        """Whether somebody has all the words, on whichever page and whatever else is filtered by."""
        return bool(words) and bool(await tx.fetchval(self._query("anybody_alike"), _json(words)))

    async def _meant(self, tx: Connection, words: Words) -> Words:
        """For each word itself and what it may have been meant for; none when all of them are as they should be."""
        meant: Words = []
        for (pattern,) in words:
            word = _bare(pattern)
            similar = [] if _NO_NAME.search(word) else await tx.fetch(self._query("similar_words"), word)
            near = likely(word, [row[0] for row in similar])
            meant.append([pattern, *(containing(f" {one} ") for one in near if one != word)])
        return meant if any(len(patterns) > 1 for patterns in meant) else []


async def _words(tx: Connection, q: str) -> Words:
    """One pattern for each word."""
    folded: str = await tx.fetchval(Q.fold, q)
    return [[_pattern(word)] for word in list(dict.fromkeys(folded.split()))[:MOST_WORDS]]


def _pattern(word: str) -> str:
    """Of an e-mail address what stands before the @: everybody in a school has the rest."""
    box, at, _ = word.partition("@")
    own = box + at if box else word
    return containing(own if len(own) >= SHORTEST else f" {own}")


def _bare(pattern: str) -> str:
    """The word that a pattern was made of."""
    return pattern[1:-1].strip().replace("\\", "")


def _json(words: Words) -> str:
    return msgspec.json.encode(words).decode()


def _order(listing: Listing, asked: Asked) -> list[Any]:
    """Column, direction, and the row after which to begin, as the functions take them."""
    column = listing.sorts[asked.sort.removeprefix("-")].name
    value = None if asked.after is None else asked.after.value
    text = value.isoformat() if isinstance(value, datetime) else value
    return [column, asked.sort.startswith("-"), text, asked.after and asked.after.id, asked.limit]
