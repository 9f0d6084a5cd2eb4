"""Named SQL: each room keeps its statements in a queries.sql beside the code that runs them.

A file is a sequence of blocks:

    -- get_pass --
    -- What a decision needs of one pass; $1 is the lookup key.
    -- role: hub_system
    -- needs: create_stage
    SELECT … FROM ({other_query})

The purpose is required. `-- role:` says which PostgreSQL role runs the statement (hub_api when left out); a test
prepares every statement as that role against the migrated schema, so that a renamed column or a missing grant fails
one test, by the statement's name. `-- needs:` names statements that have to have run before on the same connection
(a temporary table). `{name}` stands for the text of another statement. Both must be further up in the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

DEFAULT_ROLE = "hub_api"
ROLES = frozenset({"hub_api", "hub_admin", "hub_system"})

_HEADER = re.compile(r"^--[ \t]+([A-Za-z_][A-Za-z0-9_]*)[ \t]+--[ \t]*$", re.MULTILINE)
_WORD = re.compile(r"^--[ \t]*(role|needs):[ \t]*(.*?)[ \t]*$", re.MULTILINE)
_INCLUDE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


class Query(NamedTuple):
    """One statement: `package` is the Python package whose queries.sql holds it, `sql` its text without the header."""

    package: str
    name: str
    sql: str
    role: str
    purpose: str
    needs: tuple[str, ...] = ()


class Queries(Mapping[str, str]):
    """The statements of one file: `queries.get_pass` or `queries["get_pass"]` is the SQL text."""

    __slots__ = ("_by_name", "_origin")

    def __init__(self, origin: str, queries: list[Query]) -> None:
        self._origin = origin
        self._by_name: Mapping[str, Query] = MappingProxyType({q.name: q for q in queries})

    def __getitem__(self, name: str) -> str:
        try:
            return self._by_name[name].sql
        except KeyError:
            raise KeyError(self._unknown(name)) from None

    def __getattr__(self, name: str) -> str:
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return self._by_name[name].sql
        except KeyError:
            raise AttributeError(self._unknown(name)) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)

    def query(self, name: str) -> Query:
        """The statement with its role and purpose."""
        try:
            return self._by_name[name]
        except KeyError:
            raise KeyError(self._unknown(name)) from None

    def _unknown(self, name: str) -> str:
        return f"no query {name!r} in {self._origin}; it has: {', '.join(self._by_name) or 'none'}"


def parse_queries(text: str, package: str, origin: str) -> Queries:
    """Raises ValueError that names the file and the block at fault."""
    headers = list(_HEADER.finditer(text))
    before = text[: headers[0].start()] if headers else text
    if any(line.strip() and not line.lstrip().startswith("--") for line in before.splitlines()):
        raise ValueError(f"{origin}: SQL before the first `-- name --`")
    ends = [header.start() for header in headers[1:]] + [len(text)]
    found: dict[str, Query] = {}
    for header, end in zip(headers, ends, strict=True):
        query = _block(header[1], text[header.end() : end], package, origin)
        if query.name in found:
            raise ValueError(f"{origin}: {query.name} is there twice")
        for name in query.needs:
            if name not in found:
                raise ValueError(f"{origin}: {query.name} needs {name}, which is not above it")
        found[query.name] = query._replace(sql=_include(query.sql, found))
    return Queries(origin, list(found.values()))


def _block(name: str, body: str, package: str, origin: str) -> Query:
    lines = body.strip().splitlines()
    count = next((i for i, line in enumerate(lines) if not line.lstrip().startswith("--")), len(lines))
    comment, sql = "\n".join(lines[:count]), "\n".join(lines[count:]).strip().removesuffix(";").rstrip()
    words = {word[1]: word[2] for word in _WORD.finditer(comment)}
    purpose = " ".join(line.strip("- \t") for line in _WORD.sub("", comment).splitlines() if line.strip("- \t"))
    role = words.get("role", DEFAULT_ROLE)
    if not sql:
        raise ValueError(f"{origin}: {name} has no statement")
    if not purpose:
        raise ValueError(f"{origin}: {name} does not say what it is for")
    if role not in ROLES:
        raise ValueError(f"{origin}: {name} has an unknown role {role!r}")
    return Query(package, name, sql, role, purpose, tuple(words.get("needs", "").replace(",", " ").split()))


def _include(sql: str, above: Mapping[str, Query]) -> str:
    """Braces around anything else are SQL's own: '{}' is an empty array or object."""
    return _INCLUDE.sub(lambda match: above[match[1]].sql if match[1] in above else match[0], sql)


@cache
def load_queries(package: str, file: str = "queries.sql") -> Queries:
    """The statements of `file` in a package: `QUERIES = load_queries(__package__)`. Read once a process."""
    text = resources.files(package).joinpath(file).read_text(encoding="utf-8")
    return parse_queries(text, package, f"{package.replace('.', '/')}/{file}")


def all_queries() -> Iterator[Query]:
    """Every statement of every .sql file in hub's packages; migrations are not among them."""
    root = Path(__file__).resolve().parent.parent
    for path in sorted(root.rglob("*.sql")):
        folder = path.parent.relative_to(root.parent)
        if "_migrations" in folder.parts:
            continue
        queries = load_queries(".".join(folder.parts), path.name)
        yield from (queries.query(name) for name in queries)
