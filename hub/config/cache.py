"""What workers keep of what is read often and is not in the index."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings

from hub.config.kinds import unit


class CacheSettings(BaseSettings):
    """Bounds of each cache. Changes are heard of at once; these bound what nobody asks for."""

    cache_ttl: Annotated[float, Field(gt=0, le=86_400)] = Field(
        300.0, description="how long a value is kept, in memory and in Redis", json_schema_extra=unit("s")
    )
    cache_entries: Annotated[int, Field(ge=1, le=10**7)] = Field(
        20_000, description="values in the memory of a worker", json_schema_extra=unit("values")
    )
    cache_bytes: Annotated[int, Field(ge=4096)] = Field(
        32 * 2**20, description="what they may take there", json_schema_extra=unit("bytes")
    )
    cache_warm: Annotated[int, Field(ge=0, le=10**6)] = Field(
        2_000,
        description="cards of students seen last that a worker loads as it starts",
        json_schema_extra=unit("cards"),
    )
