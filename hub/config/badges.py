"""Printing of badges."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings

from hub.config.kinds import unit


class BadgeSettings(BaseSettings):
    """How many draw, and with which letters."""

    badge_processes: Annotated[int, Field(ge=0, le=64)] = Field(
        0,
        description="niced processes that draw badges for a job; 0: as many as there are cores",
        json_schema_extra=unit("processes"),
    )
    badge_fonts: Path | None = Field(
        None, description="directory of more fonts, .ttf and .otf, for names in scripts that those here do not have"
    )
