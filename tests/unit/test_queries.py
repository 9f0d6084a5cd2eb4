from __future__ import annotations

from pathlib import Path

import pytest

import hub.store.queries
from hub.store.queries import Queries, all_queries, load_queries, parse_queries

FILE = """
-- What this file is about.

-- get_pass --
-- What a decision needs of one pass;
-- $1 is the lookup key.
-- role: hub_system
SELECT status
FROM passes -- the table
WHERE lookup_key = $1;

-- make_stage --
-- A place for rows.
CREATE TEMP TABLE stage (a int)

-- count_them --
-- role: hub_admin
-- needs: make_stage
-- How many there are, by '{}' and {unknown}.
SELECT count(*), '{}'::jsonb FROM ({get_pass}) AS p
"""


def parse(text: str = FILE) -> Queries:
    return parse_queries(text, "hub.index", "hub/index/queries.sql")


def test_a_statement_is_read_by_name_or_attribute() -> None:
    queries = parse()
    assert queries["get_pass"] == queries.get_pass == "SELECT status\nFROM passes -- the table\nWHERE lookup_key = $1"
    assert list(queries) == ["get_pass", "make_stage", "count_them"]
    assert len(queries) == 3


def test_a_statement_carries_its_package_role_and_purpose() -> None:
    queries = parse()
    query = queries.query("get_pass")
    assert (query.package, query.role, query.needs) == ("hub.index", "hub_system", ())
    assert query.purpose == "What a decision needs of one pass; $1 is the lookup key."
    assert queries.query("make_stage").role == "hub_api"
    assert queries.query("count_them").needs == ("make_stage",)


def test_a_name_in_braces_is_replaced_and_other_braces_stay() -> None:
    queries = parse()
    assert queries.count_them == f"SELECT count(*), '{{}}'::jsonb FROM ({queries.get_pass}) AS p"


def test_an_unknown_name_lists_the_known_ones() -> None:
    queries = parse()
    with pytest.raises(KeyError, match=r"get_passes.*hub/index/queries.sql.*get_pass, make_stage, count_them"):
        queries["get_passes"]
    with pytest.raises(AttributeError, match=r"get_passes.*get_pass, make_stage"):
        _ = queries.get_passes
    with pytest.raises(KeyError, match="get_passes"):
        queries.query("get_passes")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("SELECT 1\n", "SQL before the first"),
        ("-- a --\n-- Purpose.\n", "a has no statement"),
        ("-- a --\nSELECT 1\n", "a does not say what it is for"),
        ("-- a --\n-- role: hub_admin\nSELECT 1\n", "a does not say what it is for"),
        ("-- a --\n-- Purpose.\n-- role: postgres\nSELECT 1\n", "a has an unknown role 'postgres'"),
        ("-- a --\n-- Purpose.\nSELECT 1\n-- a --\n-- Purpose.\nSELECT 2\n", "a is there twice"),
        ("-- a --\n-- Purpose.\n-- needs: b\nSELECT 1\n", "a needs b, which is not above it"),
    ],
)
def test_a_faulty_file_is_refused_by_name(text: str, fault: str) -> None:
    with pytest.raises(ValueError, match=f"hub/index/queries.sql: {fault}"):
        parse(text)


def test_every_file_of_the_program_is_found() -> None:
    root = Path(hub.store.queries.__file__).parents[2]
    files = {path.parent.relative_to(root) for path in (root / "hub").rglob("*.sql")}
    assert {query.package for query in all_queries()} == {".".join(folder.parts) for folder in files}


def test_a_file_is_read_once() -> None:
    assert load_queries("hub.index") is load_queries("hub.index")
