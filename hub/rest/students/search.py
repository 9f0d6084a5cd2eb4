"""`q` and filters over students: every word of q is somewhere in names, number or e-mail; accents and capitals do not
matter.

What nobody has is taken for the most similar words that names in the school are made of. Under row-level security no
index serves a search, and no plan serves every mixture of filters. So there are two ways, and one of them is always
short: to walk along the list's own order, which finds what many have; and functions that look beyond row-level security
for ids, which find what few have in one index of all that can be asked (migrations/0014_students.sql, 0022_record.sql).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec

from hub.domain.spelling import likely
from hub.rest.pages import Asked, Listed
from hub.rest.students.queries import Q
from hub.store.keyset import Likeness, Listing, containing
from hub.store.pg import Connection, Record

#: Rows of the walk. In all schools what it has found MANY of is found by walking on, for the index has it in many
#: thousand places; and SOME of by the index, but among the rows that follow, as far as a page should need.
STEPS, LONGER_STEPS, MANY, SOME = 2_000, 15_000, 10, 4
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
            plain = self.few or not asked.filters
            return await (Listed(self.listing).page(tx, asked) if plain else self._rows(tx, asked, []))
        words = await _words(tx, asked.q)
        if not words:
            return []
        if self.few:
            return await self._fetch(tx, asked, words)
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
        if not words:
            return 0
        sql, values = self._query("count_alike"), [_json(words), _json(self._filters(asked))]
        if self.few:
            sql, values = self.listing.count(filters=asked.filters, like=Likeness("search", words))
        total: int = await tx.fetchval(sql, *values)
        return total

    def _query(self, name: str) -> str:
        return Q[f"{name}_of_all" if self.everywhere else name]

    async def _rows(self, tx: Connection, asked: Asked, words: Words) -> list[Record]:
        what: dict[str, Any] = {"after": asked.after, "filters": asked.filters}
        if words:
            what["like"] = Likeness("search", words)
        sql, values = self.listing.walk(asked.sort, STEPS, **what)
        row = await tx.fetchrow(sql, *values)
        assert row is not None
        ids: list[UUID] = row["ids"] or []
        if row["walked"] == STEPS and len(ids) < asked.limit:
            ids = await self._further(tx, asked, words, len(ids), what)
        return await self._in_order(tx, ids[: asked.limit])

    async def _further(self, tx: Connection, asked: Asked, words: Words, near: int, what: dict[str, Any]) -> list[UUID]:
        """What the walk is too short for: `near` were found by it."""
        ids: list[UUID] = []
        if self.everywhere and near >= MANY:
            sql, values = self.listing.first(asked.sort, asked.limit, LONGER_STEPS, **what)
            ids = [row["id"] for row in await tx.fetch(sql, *values)]
        elif self.everywhere and near >= SOME and (before := await self._before(tx, asked, near)) is not None:
            ids = await self._by_index(tx, asked, words, before)
        return ids if len(ids) >= asked.limit else await self._by_index(tx, asked, words)

    async def _before(self, tx: Connection, asked: Asked, near: int) -> list[str] | None:
        """A filter for those among whom there should be a page of it; None where the list ends before."""
        sql, values = self.listing.ahead(asked.sort, 8 * asked.limit * STEPS // (5 * near), after=asked.after)
        value = await tx.fetchval(sql, *values)
        column, down = self.listing.sorts[asked.sort.removeprefix("-")].name, asked.sort.startswith("-")
        return None if value is None else [column, ">=" if down else "<=", _literal(value)]

    async def _by_index(self, tx: Connection, asked: Asked, words: Words, *more: list[str]) -> list[UUID]:
        filters = [*self._filters(asked), *more]
        ordered = _order(self.listing, asked)
        found = await tx.fetch(self._query("alike_in_order"), _json(words), _json(filters), *ordered)
        return [row[0] for row in found]

    async def _in_order(self, tx: Connection, ids: Sequence[UUID]) -> list[Record]:
        rows = {row["id"]: row for row in await tx.fetch(Q.some_students, ids)} if ids else {}
        return [rows[id_] for id_ in ids if id_ in rows]

    async def _fetch(self, tx: Connection, asked: Asked, words: Words) -> list[Record]:
        like = Likeness("search", words)
        sql, values = self.listing.page(asked.sort, asked.limit, after=asked.after, filters=asked.filters, like=like)
        return list(await tx.fetch(sql, *values))

    def _filters(self, asked: Asked) -> list[list[str]]:
        """As the functions take them."""
        chosen = {name: self.listing.filters[name] for name in asked.filters}
        return [[one.column, one.operator, _literal(asked.filters[name])] for name, one in chosen.items()]

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
    return containing(word if len(word) >= SHORTEST else f" {word}")


def _bare(pattern: str) -> str:
    """The word that a pattern was made of."""
    return pattern[1:-1].strip().replace("\\", "")


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _literal(value: Any) -> str:
    """A filter's value as PostgreSQL reads it. Lists are of blind indexes."""
    if isinstance(value, list):
        return "{" + ",".join(f'"\\\\x{one.hex()}"' for one in value) + "}"
    return value.isoformat() if isinstance(value, datetime | date) else str(value)


def _order(listing: Listing, asked: Asked) -> list[Any]:
    """Column, direction, and the row after which to begin, as the functions take them."""
    column = listing.sorts[asked.sort.removeprefix("-")].name
    value = None if asked.after is None else asked.after.value
    text = value.isoformat() if isinstance(value, datetime) else value
    return [column, asked.sort.startswith("-"), text, asked.after and asked.after.id, asked.limit]
