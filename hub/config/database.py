"""Where PostgreSQL and Redis are."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings

from hub.config.kinds import unit


class DatabaseSettings(BaseSettings):
    """The addresses of both, with their passwords."""

    database_url: SecretStr | None = Field(
        None, description="PostgreSQL, as the owner of the schema: postgresql://user:password@host/db; migrate needs it"
    )
    database_api_url: SecretStr | None = Field(
        None, description="PostgreSQL as hub_api; without it, database_url with role=hub_api"
    )
    database_admin_url: SecretStr | None = Field(
        None, description="PostgreSQL as hub_admin; without it, database_url with role=hub_admin"
    )
    database_system_url: SecretStr | None = Field(
        None, description="PostgreSQL as hub_system; without it, database_url with role=hub_system; never PgBouncer"
    )
    database_pool_size: Annotated[int, Field(ge=1, le=200)] = Field(
        4, description="connections a worker keeps for each role", json_schema_extra=unit("connections")
    )
    redis_url: SecretStr | None = Field(
        None, description="Redis or Valkey, redis://…, rediss://… or unix://…; without it events stay on this host"
    )

    @field_validator("database_url", "database_api_url", "database_admin_url", "database_system_url")
    @classmethod
    def _is_postgresql(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return value
        parts = urlsplit(value.get_secret_value())
        if parts.scheme not in {"postgresql", "postgres"}:
            raise ValueError("must start with postgresql://")
        try:
            _ = parts.port
        except ValueError:
            # An unescaped # or / of a password ends up as the port; the error would repeat it.
            raise ValueError("cannot be read: write / ? # @ : of a password as %2F %3F %23 %40 %3A") from None
        return value

    @field_validator("redis_url")
    @classmethod
    def _is_redis(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and urlsplit(value.get_secret_value()).scheme not in {"redis", "rediss", "unix"}:
            raise ValueError("must start with redis://, rediss:// or unix://")
        return value
