"""What the groups of settings share: units, and several values in one variable."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator
from pydantic_settings import NoDecode

PREFIX = "HUB_"


def unit(name: str) -> dict[str, Any]:
    return {"unit": name}


def _listed(value: object) -> object:
    """ "a, b" → ("a", "b")."""
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


#: Several values in one variable, with commas between them.
Listed = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)]
