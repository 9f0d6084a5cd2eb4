"""From a reader to the log: journal, drain, feed, readers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings

from hub.config.kinds import unit


class ScanSettings(BaseSettings):
    """What bounds a scan, on its way in and on its way to the tables."""

    journal_dir: Path = Field(
        Path("journal"), description="directory of this host's journal; on a disk that outlives the host"
    )
    journal_timeout_ms: Annotated[int, Field(ge=10, le=60_000)] = Field(
        500, description="a scan not on disk by then is denied, hub_unavailable", json_schema_extra=unit("ms")
    )
    journal_max_bytes: Annotated[int, Field(ge=1_000_000)] | None = Field(
        None,
        description="largest journal; by default the lesser of 10 GiB and half the free disk; alarm at half",
        json_schema_extra=unit("bytes"),
    )
    journal_retention_hours: Annotated[float, Field(gt=0, le=24 * 365)] = Field(
        24.0, description="how long drained scans and scan ids stay in the journal", json_schema_extra=unit("h")
    )
    journal_backlog: Annotated[int, Field(ge=100)] = Field(
        20_000, description="scans a worker holds for a recorder that is away", json_schema_extra=unit("scans")
    )
    drain_batch: Annotated[int, Field(ge=1, le=50_000)] = Field(
        5_000, description="scans in one transaction of the drain", json_schema_extra=unit("rows")
    )

    feed_heartbeat: Annotated[float, Field(gt=0, le=60)] = Field(
        1.0,
        description="how often the feed's connection is asked; no answer within this time: stale",
        json_schema_extra=unit("s"),
    )
    feed_check_interval: Annotated[float, Field(gt=0)] = Field(
        600.0, description="how often the index is compared with the tables", json_schema_extra=unit("s")
    )

    reader_max_in_flight: Annotated[int, Field(ge=1, le=10_000)] = Field(
        64, description="scans of one connection under way at once; more is answered slow_down"
    )
    reader_ping: Annotated[float, Field(gt=0)] = Field(
        20.0, description="how often a reader's connection is pinged", json_schema_extra=unit("s")
    )
    reader_silence: Annotated[float, Field(gt=0)] = Field(
        45.0, description="a reader silent for this long is offline, its connection closed", json_schema_extra=unit("s")
    )
    reader_max_frame: Annotated[int, Field(ge=1024, le=16 * 2**20)] = Field(
        65_536, description="largest frame of a reader; a larger one closes (1009)", json_schema_extra=unit("bytes")
    )
    reader_max_malformed: Annotated[int, Field(ge=1)] = Field(
        10, description="malformed frames in a row that close a connection (1008)", json_schema_extra=unit("frames")
    )
    replay_max_items: Annotated[int, Field(ge=1, le=10_000)] = Field(
        1_000, description="replayed scans in one request", json_schema_extra=unit("scans")
    )
