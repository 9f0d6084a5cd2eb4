"""Wall screens: how long they are let in."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings

from hub.config.kinds import unit


class WallSettings(BaseSettings):
    """What bounds a wall screen's session."""

    wall_screen_days: Annotated[int, Field(ge=1, le=400)] = Field(
        180, description="how long a wall screen's session lives that is not used any more", json_schema_extra=unit("d")
    )
