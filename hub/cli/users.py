"""`passhub users …`: accounts, for whoever can reach the database."""

from __future__ import annotations

import asyncio
import re
import sys
from typing import Annotated

import typer

from hub.config import load_settings
from hub.domain.text import NAME, NAME_FAULT, matches
from hub.errors import BadRequest

users = typer.Typer(help="Accounts of people.", no_args_is_help=True)
LONGEST_NAME = 100
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")


@users.callback()
def options() -> None:
    """Accounts of people."""


@users.command("create-admin")
def create_admin(
    email: Annotated[str, typer.Option(prompt="E-mail address", help="What the admin signs in with.")],
    first_name: Annotated[str, typer.Option(prompt="First name")],
    last_name: Annotated[str, typer.Option(prompt="Last name")],
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password's line from standard input; ask nothing.")
    ] = False,
) -> None:
    """Make a super admin, who then invites everybody else (needs HUB_DATABASE_URL, or HUB_DATABASE_ADMIN_URL)."""
    from hub.accounts.first_admin import create_admin as run

    if not _EMAIL.fullmatch(email):
        raise BadRequest(f"{email} is no e-mail address")
    for name in (first_name, last_name):
        if len(name) > LONGEST_NAME or not matches(NAME, name):
            raise BadRequest(f"a name {NAME_FAULT}, and of {LONGEST_NAME} at most")
    password = _from_stdin() if password_stdin else typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    id_ = asyncio.run(run(load_settings(), email, first_name, last_name, password))
    print(f"{email} is a super admin now ({id_})")


def _from_stdin() -> str:
    return sys.stdin.readline().rstrip("\r\n")
