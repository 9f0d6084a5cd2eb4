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

Operator = Literal["=", ">=", "<=", ">", "<"]
_COLUMN = re.compile(r"[a-z_][a-z0-9_]*")
_LIKE_MEANS = re.compile(r"([\\%_])")


class Column(NamedTuple):
    """A column of the base query to sort by; never NULL. `kind` is the Python type of its values."""

    name: str
    kind: type


class Filter(NamedTuple):
    column: str
    operator: Operator = "="


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
    ) -> tuple[str, list[Any]]:
        """SQL and its parameters for one page. `sort`: a name, with - in front for descending; `base`: the parameters
        of the base query."""
        values, tests = self._tests(base, filters or {}, q)
        column, down = self.sorts[sort.removeprefix("-")].name, sort.startswith("-")
        if after is not None:
            values += [after.value, after.id]
            than = "<" if down else ">"
            tests.append(f"(list.{column}, list.id) {than} (${len(values) - 1}, ${len(values)})")
        order = "DESC" if down else "ASC"
        values.append(limit)
        sql = (
            f"SELECT * FROM ({self.base}) AS list{_where(tests)} "  # noqa: S608 (names from the declaration alone)
            f"ORDER BY list.{column} {order}, list.id {order} LIMIT ${len(values)}"
        )
        return sql, values

    def count(
        self, *, base: Sequence[Any] = (), filters: Mapping[str, Any] | None = None, q: str | None = None
    ) -> tuple[str, list[Any]]:
        """SQL and its parameters for how many there are on all pages."""
        values, tests = self._tests(base, filters or {}, q)
        return f"SELECT count(*) FROM ({self.base}) AS list{_where(tests)}", values  # noqa: S608

    def _tests(self, base: Sequence[Any], filters: Mapping[str, Any], q: str | None) -> tuple[list[Any], list[str]]:
        values, tests = list(base), []
        for name, value in filters.items():
            values.append(value)
            chosen = self.filters[name]
            tests.append(f"list.{chosen.column} {chosen.operator} ${len(values)}")
        if q:
            values.append(_pattern(q))
            tests.append("(" + " OR ".join(f"list.{column} ILIKE ${len(values)}" for column in self.search) + ")")
        return values, tests


def _pattern(q: str) -> str:
    """What holds `q` anywhere; its own % and _ mean themselves."""
    return "%" + _LIKE_MEANS.sub(r"\\\1", q) + "%"


def _where(tests: list[str]) -> str:
    return f" WHERE {' AND '.join(tests)}" if tests else ""
