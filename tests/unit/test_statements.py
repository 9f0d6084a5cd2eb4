"""SQL cut into statements: a semicolon counts only where PostgreSQL's lexer would take it for one."""

from __future__ import annotations

import pytest

from hub.store.statements import split_statements


@pytest.mark.parametrize(
    ("text", "statements"),
    [
        ("", []),
        ("  \n-- nothing; at all\n", []),
        ("/* a; /* nested; */ b; */", []),
        ("SELECT 1", ["SELECT 1"]),
        ("SELECT 1; SELECT 2;", ["SELECT 1", "SELECT 2"]),
        ("SELECT 1;; ;SELECT 2", ["SELECT 1", "SELECT 2"]),
        ("SELECT ';', 'it''s;'; SELECT 2", ["SELECT ';', 'it''s;'", "SELECT 2"]),
        (r"SELECT E'\';', e'\\'; SELECT 2", [r"SELECT E'\';', e'\\'", "SELECT 2"]),
        (r"SELECT 'a\'; SELECT 2", [r"SELECT 'a\'", "SELECT 2"]),
        ('SELECT 1 AS "a;""b"; SELECT 2', ['SELECT 1 AS "a;""b"', "SELECT 2"]),
        ("DO $$ BEGIN; END $$; SELECT 2", ["DO $$ BEGIN; END $$", "SELECT 2"]),
        ("DO $a$ $$ ; $b$ $a$; SELECT 2", ["DO $a$ $$ ; $b$ $a$", "SELECT 2"]),
        ("SELECT $1; SELECT a$b$c; SELECT 3", ["SELECT $1", "SELECT a$b$c", "SELECT 3"]),
        ("SELECT 1 -- one; two\n; SELECT 2", ["SELECT 1 -- one; two", "SELECT 2"]),
        ("SELECT 1 /* ; */ + 1; SELECT 2", ["SELECT 1 /* ; */ + 1", "SELECT 2"]),
        ("-- about it\nCREATE INDEX CONCURRENTLY a ON b (c);\n", ["-- about it\nCREATE INDEX CONCURRENTLY a ON b (c)"]),
    ],
)
def test_split(text: str, statements: list[str]) -> None:
    assert list(split_statements(text)) == statements
