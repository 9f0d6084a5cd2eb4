"""Screens: how often they hear, how much is kept for them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings

from hub.config.kinds import unit


class LiveSettings(BaseSettings):
    """What bounds a screen."""

    live_batch_ms: Annotated[int, Field(ge=5, le=1000)] = Field(
        50, description="events of this long go to screens together", json_schema_extra=unit("ms")
    )
    live_ring: Annotated[int, Field(ge=100, le=1_000_000)] = Field(
        20_000,
        description="events of a school that a worker keeps for screens that reconnect",
        json_schema_extra=unit("events"),
    )
    live_resume_max: Annotated[int, Field(ge=100, le=10_000_000)] = Field(
        50_000,
        description="a screen that missed more than this starts afresh (reset)",
        json_schema_extra=unit("events"),
    )
    live_buffer_bytes: Annotated[int, Field(ge=65_536, le=2**30)] = Field(
        2**19,
        description="a screen that lets more than this wait unread is disconnected (4008)",
        json_schema_extra=unit("bytes"),
    )
    live_screens: Annotated[int, Field(ge=1, le=100_000)] = Field(
        2_000, description="screens of one worker; more are refused", json_schema_extra=unit("screens")
    )
    live_ping: Annotated[int, Field(ge=1, le=300)] = Field(
        10,
        description="how often a screen is pinged; one that answers none for twice as long is disconnected (4003)",
        json_schema_extra=unit("s"),
    )
