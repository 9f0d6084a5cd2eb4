"""The processes of this host: what they listen on, log, and how they stop."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from pydantic_settings import BaseSettings

from hub.config.kinds import unit


class ProcessSettings(BaseSettings):
    """How many there are, where, and how long they may take."""

    password_processes: Annotated[int, Field(ge=1, le=16)] = Field(
        1, description="niced processes of each worker that check passwords", json_schema_extra=unit("processes")
    )
    host: str = Field("127.0.0.1", description="address that the workers listen on")
    port: Annotated[int, Field(ge=1, le=65535)] = Field(8080, description="port that the workers listen on")
    workers: Annotated[int, Field(ge=1, le=128)] = Field(
        2, description="worker processes on this host", json_schema_extra=unit("processes")
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="least level that is logged")
    log_format: Literal["json", "console"] = Field("json", description="json lines for machines, console for people")
    shutdown_timeout: Annotated[float, Field(gt=0, le=300)] = Field(
        4.0, description="how long a stopping worker may take to answer what is in flight", json_schema_extra=unit("s")
    )
    retire_timeout: Annotated[float, Field(gt=0, le=3600)] = Field(
        10.0,
        description="how long a replaced worker (SIGHUP) waits for its last HTTP clients",
        json_schema_extra=unit("s"),
    )
    watchdog_timeout: Annotated[float, Field(ge=5, le=3600)] = Field(
        15.0,
        description="how long a process may say nothing to the supervisor before it is killed and started again",
        json_schema_extra=unit("s"),
    )
    start_grace: Annotated[float, Field(ge=0, le=300)] = Field(
        5.0,
        description="how long a starting worker keeps callers waiting for its index before it answers hub_unavailable",
        json_schema_extra=unit("s"),
    )
