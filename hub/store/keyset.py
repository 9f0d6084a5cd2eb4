"""Pages of a list by keyset: the one place where SQL is put together out of parts.

A resource declares its listing once. Base query and column names come from its code alone, values are always
parameters. A page is what follows a (sort value, id): its cost does not grow with how far someone has read, and rows
that come or go meanwhile shift nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple
from uuid import UUID

Operator = Literal["=", ">=", "<=", ">", "<", "= ANY"]
#: A limit that is none: more than any installation has.
ALL = 2**62
_COLUMN = re.compile(r"[a-z_][a-z0-9_]*")
_LIKE_MEANS = re.compile(r"([\\%_])")


class Column(NamedTuple):
    """A column of the base query to sort by; never NULL. `kind` is the Python type of its values."""

    name: str
    kind: type


class Filter(NamedTuple):
    column: str
    operator: Operator = "="


class Likeness(NamedTuple):
    """For each word patterns of LIKE, of which the column has to match one."""

    column: str
    words: Sequence[Sequence[str]]


class Among(NamedTuple):
    """A query of ids, with one parameter; only those are listed."""

    query: str
    value: Any


class After(NamedTuple):
    """The last row of the page before."""

    value: Any
    id: UUID


@dataclass(frozen=True)
class Listing:
    """`base`: a SELECT with an `id`, its own parameters first. `sorts` and `filters` by the names that clients use;
    `search`: the text columns that `q` looks into."""

    base: str
    sorts: Mapping[str, Column]
    filters: Mapping[str, Filter] = field(default_factory=dict)
    search: Sequence[str] = ()

    def __post_init__(self) -> None:
        columns = [c.name for c in self.sorts.values()] + [f.column for f in self.filters.values()] + [*self.search]
        for column in columns:
            if not _COLUMN.fullmatch(column):
                raise ValueError(f"{column!r} is no column's name")

    def page(
        self,
        sort: str,
        limit: int,
        *,
        base: Sequence[Any] = (),
        after: After | None = None,
        filters: Mapping[str, Any] | None = None,
        q: str | None = None,
        like: Likeness | None = None,
        among: Among | None = None,
        walk: int | None = None,
    ) -> tuple[str, list[Any]]:
        """SQL and its parameters for one page. `sort`: a name, with - in front for descending; `base`: the parameters
        of the base query; `walk`: of so many rows in order those that are like that, and no further."""
        values, tests = self._tests(base, filters or {}, q, among)
        if like is not None and walk is None:
            tests.append(_alike(like, values))
        column, down = self.sorts[sort.removeprefix("-")].name, sort.startswith("-")
        if after is not None:
            values += [after.value, after.id]
            than = "<" if down else ">"
            tests.append(f"(list.{column}, list.id) {than} (${len(values) - 1}, ${len(values)})")
        direction = "DESC" if down else "ASC"
        order = f"ORDER BY list.{column} {direction}, list.id {direction}"
        source = f"({self.base}) AS list{_where(tests)}"
        if like is not None and walk is not None:
            values.append(walk)
            source = f"(SELECT * FROM {source} {order} LIMIT ${len(values)}) AS list"  # noqa: S608 (names from the
            source += _where([_alike(like, values)])  # declaration alone, here and below)
        values.append(limit)
        return f"SELECT * FROM {source} {order} LIMIT ${len(values)}", values  # noqa: S608

    def steps(
        self, sort: str, most: int, *, after: After | None = None, filters: Mapping[str, Any] | None = None
    ) -> tuple[str, list[Any]]:
        """SQL and its parameters for how many rows there are after that one, counted up to `most`."""
        sql, values = self.page(sort, most, after=after, filters=filters)
        return f"SELECT count(*) FROM ({sql}) AS walked", values  # noqa: S608

    def count(
        self,
        *,
        base: Sequence[Any] = (),
        filters: Mapping[str, Any] | None = None,
        q: str | None = None,
        like: Likeness | None = None,
        among: Among | None = None,
    ) -> tuple[str, list[Any]]:
        """SQL and its parameters for how many there are on all pages."""
        values, tests = self._tests(base, filters or {}, q, among)
        if like is not None:
            tests.append(_alike(like, values))
        return f"SELECT count(*) FROM ({self.base}) AS list{_where(tests)}", values  # noqa: S608

    def _tests(
        self, base: Sequence[Any], filters: Mapping[str, Any], q: str | None, among: Among | None
    ) -> tuple[list[Any], list[str]]:
        values, tests = list(base), []
        for name, value in filters.items():
            values.append(value)
            chosen = self.filters[name]
            tests.append(f"list.{chosen.column} {chosen.operator} (${len(values)})")
        if among is not None:
            values.append(among.value)
            tests.append(f"list.id IN ({among.query.replace('$1', f'${len(values)}')})")
        if q:
            values.append(containing(q))
            tests.append("(" + " OR ".join(f"list.{column} ILIKE ${len(values)}" for column in self.search) + ")")
        return values, tests


def containing(q: str) -> str:
    """The pattern of what holds `q` anywhere; its own % and _ mean themselves."""
    return "%" + _LIKE_MEANS.sub(r"\\\1", q) + "%"


def _alike(like: Likeness, values: list[Any]) -> str:
    """The condition, its patterns added to `values`."""
    words = []
    for patterns in like.words:
        values += patterns
        places = range(len(values) - len(patterns) + 1, len(values) + 1)
        words.append("(" + " OR ".join(f"list.{like.column} LIKE ${place}" for place in places) + ")")
    return " AND ".join(words)


def _where(tests: list[str]) -> str:
    return f" WHERE {' AND '.join(tests)}" if tests else ""
