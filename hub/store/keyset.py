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
#: As a limit: more than any installation has.
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
    ) -> tuple[str, list[Any]]:
        """SQL and its parameters for one page. `sort`: a name, with - in front for descending; `base`: the parameters
        of the base query."""
        values, tests = self._tests(base, filters or {}, q, among)
        if like is not None:
            tests.append(_alike(like, values))
        tests += self._behind(sort, after, values)
        values.append(limit)
        source = f"({self.base}) AS list{_where(tests)} {self._order(sort)}"
        return f"SELECT * FROM {source} LIMIT ${len(values)}", values  # noqa: S608 (names from the declaration alone,
        # here and below)

    def walk(
        self,
        sort: str,
        steps: int,
        *,
        after: After | None = None,
        filters: Mapping[str, Any] | None = None,
        like: Likeness | None = None,
    ) -> tuple[str, list[Any]]:
        """SQL and its parameters for one row: `ids`, of the next `steps` rows in that order those that pass and are
        like that (NULL: none), and how many rows were `walked`, fewer where the list ended. What is asked of the sort's
        own column is a part of the order; nothing else is, so that no other index is tried."""
        source, values, rest = self._walked(sort, steps, after, filters or {}, like)
        found = f"array_agg(list.id {self._order(sort)}) FILTER{_passing(rest)}"
        return f"SELECT count(*) AS walked, {found} AS ids FROM ({source}) AS list", values  # noqa: S608

    def first(
        self,
        sort: str,
        limit: int,
        steps: int,
        *,
        after: After | None = None,
        filters: Mapping[str, Any] | None = None,
        like: Likeness | None = None,
    ) -> tuple[str, list[Any]]:
        """The same for the ids of the first `limit` rows that such a walk finds, one a row: it ends with the last."""
        source, values, rest = self._walked(sort, steps, after, filters or {}, like)
        values.append(limit)
        order = self._order(sort)
        return f"SELECT list.id FROM ({source}) AS list{_where(rest)} {order} LIMIT ${len(values)}", values  # noqa: S608

    def ahead(self, sort: str, rows: int, *, after: After | None = None) -> tuple[str, list[Any]]:
        """SQL and its parameters for the sort value so many rows further on; no row where the list has fewer."""
        column, values = self.sorts[sort.removeprefix("-")].name, list[Any]()
        tests = self._behind(sort, after, values)
        values.append(rows)
        source = f"({self.base}) AS list{_where(tests)} {self._order(sort)}"
        return f"SELECT list.{column} FROM {source} OFFSET ${len(values)} LIMIT 1", values  # noqa: S608

    def _walked(
        self, sort: str, steps: int, after: After | None, filters: Mapping[str, Any], like: Likeness | None
    ) -> tuple[str, list[Any], list[str]]:
        """The rows of a walk, the parameters so far, and the tests that are still to be made."""
        own = {name for name in filters if self.filters[name].column == self.sorts[sort.removeprefix("-")].name}
        values, tests = self._tests((), {name: filters[name] for name in filters if name in own}, None, None)
        tests += self._behind(sort, after, values)
        values.append(steps)
        source = f"SELECT * FROM ({self.base}) AS list{_where(tests)} {self._order(sort)} LIMIT ${len(values)}"  # noqa: S608
        values, rest = self._tests(values, {name: filters[name] for name in filters if name not in own}, None, None)
        if like is not None:
            rest.append(_alike(like, values))
        return source, values, rest

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

    def _behind(self, sort: str, after: After | None, values: list[Any]) -> list[str]:
        if after is None:
            return []
        values += [after.value, after.id]
        than, column = "<" if sort.startswith("-") else ">", self.sorts[sort.removeprefix("-")].name
        return [f"(list.{column}, list.id) {than} (${len(values) - 1}, ${len(values)})"]

    def _order(self, sort: str) -> str:
        direction = "DESC" if sort.startswith("-") else "ASC"
        return f"ORDER BY list.{self.sorts[sort.removeprefix('-')].name} {direction}, list.id {direction}"

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


def _passing(tests: list[str]) -> str:
    return f" (WHERE {' AND '.join(tests) or 'true'})"


def _where(tests: list[str]) -> str:
    return f" WHERE {' AND '.join(tests)}" if tests else ""
