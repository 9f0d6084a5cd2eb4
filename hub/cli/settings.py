"""`passhub settings`: every HUB_* variable with its default, unit and meaning."""

from __future__ import annotations

import base64
import secrets
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from hub.config import Settings, variable


def settings(
    new_secret_key: Annotated[bool, typer.Option("--new-secret-key", help="Print a fresh HUB_SECRET_KEY.")] = False,
) -> None:
    """List every setting: its variable, default, unit and meaning."""
    if new_secret_key:
        print(base64.urlsafe_b64encode(secrets.token_bytes(32)).decode())
        return
    table = Table("variable", "default", "unit", "meaning", box=None, pad_edge=False)
    for name, field in Settings.model_fields.items():
        extra = field.json_schema_extra
        unit = extra.get("unit", "") if isinstance(extra, dict) else ""
        default = "—" if field.default in {None, ()} else str(field.default)
        table.add_row(variable(name), default, str(unit), field.description or "")
    Console().print(table)
