"""Requests of people and devices: sizes, times, rates, origins, certificates."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings

from hub.config.kinds import Listed, unit


class RequestSettings(BaseSettings):
    """What bounds a request, and whom we believe about it."""

    body_max_bytes: Annotated[int, Field(ge=4096)] = Field(
        2 * 2**20, description="largest request body", json_schema_extra=unit("bytes")
    )

    upload_max_bytes: Annotated[int, Field(ge=4096)] = Field(2**28, description="largest file uploaded, in bytes")
    import_max_rows: Annotated[int, Field(ge=1, le=10**7)] = Field(10**6, description="most students in one file")
    allowed_origins: Listed = Field(
        (), description="other origins whose pages may call the API with a session, https://a.example,https://b.example"
    )
    trusted_proxies: Listed = Field(
        (), description="networks of proxies whose X-Forwarded-For and -Proto are believed, 10.0.0.0/8,::1"
    )
    request_timeout: Annotated[float, Field(gt=0, le=600)] = Field(
        30.0, description="how long a request of a person may take, body included", json_schema_extra=unit("s")
    )
    rate_window: Annotated[int, Field(ge=1, le=86_400)] = Field(
        900, description="the time that rate limits count over", json_schema_extra=unit("s")
    )
    rate_anonymous: Annotated[int, Field(ge=1)] = Field(
        100, description="requests of one address that nobody signed, sign-ins too", json_schema_extra=unit("a window")
    )
    rate_signed_in: Annotated[int, Field(ge=1)] = Field(
        6_000, description="requests of one signed-in person", json_schema_extra=unit("a window")
    )
    rate_faces: Annotated[int, Field(ge=1)] = Field(
        60_000,
        description="photos shown to one signed-in person, counted apart: a screen asks for each new face of a rush",
        json_schema_extra=unit("a window"),
    )
    rate_device: Annotated[int, Field(ge=0, le=2**31)] = Field(
        100,
        description="scans of one reader, counted over ten seconds in each worker; 0: no limit",
        json_schema_extra=unit("scans/s"),
    )
    device_key_overlap: Annotated[float, Field(ge=0, le=24 * 90)] = Field(
        24.0, description="how long a rotated device key still works beside the new one", json_schema_extra=unit("h")
    )
    tls_cert: Path | None = Field(
        None, description="certificate chain, PEM; with tls_key the workers speak TLS 1.3; reloaded when it changes"
    )
    tls_key: Path | None = Field(None, description="the certificate's private key, PEM")

    @field_validator("allowed_origins")
    @classmethod
    def _are_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        origins = tuple(origin.rstrip("/") for origin in value)
        for origin in origins:
            parts = urlsplit(origin)
            if parts.scheme not in {"http", "https"} or not parts.netloc or parts.path or parts.query:
                raise ValueError("each must be scheme://host or scheme://host:port, without a path, and never *")
        return origins

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in value:
            try:
                ipaddress.ip_network(network)
            except ValueError:
                raise ValueError("each must be an address or a network such as 10.0.0.0/8") from None
        return value
