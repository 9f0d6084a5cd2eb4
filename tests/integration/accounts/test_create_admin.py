"""`passhub users create-admin`: how an installation gets its first account."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import asyncpg
import pytest
from typer.testing import CliRunner

from hub.accounts.hashing import hasher
from hub.cli import app
from hub.errors import HubError

WHO = ["--email", "ada@hub.example", "--first-name", "Ada", "--last-name", "Lovelace"]
PASSWORD = "two owls and a lantern"


@pytest.fixture
def place(database: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("HUB_DATABASE_URL", database)
    return database


def create(lines: str, *options: str) -> str:
    """What it prints. Raises the HubError that `passhub` would print in one line."""
    result = CliRunner().invoke(app, ["users", "create-admin", *WHO, *options], input=lines)
    if isinstance(result.exception, HubError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def test_the_password_comes_from_standard_input(place: str) -> None:
    said = create(f"{PASSWORD}\n", "--password-stdin")
    assert "ada@hub.example" in said
    assert PASSWORD not in said
    rows = accounts(place)
    assert len(rows) == 1
    email, role, school, kept = rows[0]
    assert (email, role, school) == ("ada@hub.example", "super_admin", None)
    assert hasher().verify(kept, PASSWORD)


def test_or_it_is_asked_for_twice(place: str) -> None:
    said = create(f"{PASSWORD}\n{PASSWORD}\n")
    assert PASSWORD not in said
    assert len(accounts(place)) == 1


@pytest.mark.parametrize("password", ["", "short", "password1234", "x" * 129])
def test_a_bad_password_makes_nobody(place: str, password: str) -> None:
    with pytest.raises(HubError, match="password"):
        create(f"{password}\n", "--password-stdin")
    assert accounts(place) == []


def test_an_address_is_taken_once(place: str) -> None:
    create(f"{PASSWORD}\n", "--password-stdin")
    assert len(accounts(place)) == 1
    with pytest.raises(HubError, match="already"):
        create(f"{PASSWORD}\n", "--password-stdin")


def test_it_is_in_the_audit_without_the_password(place: str) -> None:
    create(f"{PASSWORD}\n", "--password-stdin")
    (row,) = fetch(place, "SELECT * FROM audit_logs")
    assert (row["action"], row["resource_type"], row["user_id"]) == ("create", "user", None)
    assert [row["resource_id"]] == [found["id"] for found in fetch(place, "SELECT id FROM users")]
    assert json.loads(row["new_values"]) == {
        "email": "a***@hub.example",
        "firstName": "Ada",
        "lastName": "Lovelace",
        "role": "super_admin",
        "by": "passhub users create-admin",
    }
    with pytest.raises(HubError, match="already"):
        create(f"{PASSWORD}\n", "--password-stdin")
    assert len(fetch(place, "SELECT 1 FROM audit_logs")) == 1


@pytest.mark.parametrize("name", ["", " ", "Ada\x1b[2J", "x" * 101])
def test_a_name_that_is_none_makes_nobody(place: str, name: str) -> None:
    with pytest.raises(HubError, match="name"):
        create(f"{PASSWORD}\n", "--password-stdin", "--first-name", name)
    assert accounts(place) == []


def accounts(database: str) -> list[tuple[str, str, object, str]]:
    """Address, role, school and hash of every account."""

    rows = fetch(
        database, "SELECT u.email, r.name, u.school_id, u.password_hash FROM users u JOIN roles r ON r.id = u.role_id"
    )
    return [tuple(row) for row in rows]


def fetch(database: str, statement: str) -> list[Any]:
    async def read() -> list[Any]:
        connection = await asyncpg.connect(database)
        try:
            return list(await connection.fetch(statement))
        finally:
            await connection.close()

    return asyncio.run(read())
