"""`passhub users create-admin`: how an installation gets its first account."""

from __future__ import annotations

import asyncio

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


def accounts(database: str) -> list[tuple[str, str, object, str]]:
    """Address, role, school and hash of every account."""

    async def read() -> list[tuple[str, str, object, str]]:
        connection = await asyncpg.connect(database)
        try:
            rows = await connection.fetch(
                "SELECT u.email, r.name, u.school_id, u.password_hash FROM users u JOIN roles r ON r.id = u.role_id"
            )
        finally:
            await connection.close()
        return [tuple(row) for row in rows]

    return asyncio.run(read())
