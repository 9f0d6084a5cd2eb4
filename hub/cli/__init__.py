"""The command line: `passhub …`. Each command parses and prints; what it does lives in the rooms below.

A HubError is one line on standard error and exit status 1; a traceback is a bug.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from hub.cli.audit import audit
from hub.cli.demo import demo
from hub.cli.doctor import doctor
from hub.cli.keys import keys
from hub.cli.migrate import migrate
from hub.cli.reader import reader
from hub.cli.rejected import rejected
from hub.cli.retention import retention
from hub.cli.seed import seed
from hub.cli.serve import jobs, serve
from hub.cli.settings import settings
from hub.cli.users import users
from hub.errors import HubError
from hub.version import __version__

app = typer.Typer(
    name="passhub",
    help="Answers pass readers at school doors from memory, and keeps every answer.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"passhub {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which.")] = False,
) -> None:
    """Answers pass readers at school doors from memory, and keeps every answer."""


for command in (demo, serve, jobs, migrate, seed, doctor, reader, rejected, retention, settings):
    app.command()(command)
app.add_typer(users, name="users")

app.add_typer(audit, name="audit")
app.add_typer(keys, name="keys")


def main() -> None:
    """The `passhub` command."""
    try:
        app()
    except HubError as error:
        print(f"passhub: {error}", file=sys.stderr)
        sys.exit(1)
