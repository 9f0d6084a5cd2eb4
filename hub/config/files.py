"""Where photos and documents are kept, what is taken, and what looks for viruses in them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings

from hub.config.kinds import unit


class FileSettings(BaseSettings):
    """An S3 bucket, or a directory; the bucket where both are set."""

    files_dir: Path | None = Field(
        None,
        description="without HUB_S3_BUCKET: photos and documents are kept here, encrypted; shared by all hosts; without"
        " both, none are taken",
    )
    s3_bucket: str | None = Field(None, description="private bucket of photos and documents")
    s3_endpoint: str | None = Field(
        None, description="address of an S3 that is not Amazon's: https://host; without it, Amazon's of the region"
    )
    s3_region: str = Field("us-east-1", description="the bucket's region")
    s3_access_key: str | None = Field(
        None, description="whom we are there; without it, whatever the host is (an instance's role)"
    )
    s3_secret_key: SecretStr | None = Field(None, description="the secret for that")
    s3_sse: Literal["AES256", "aws:kms", "none"] = Field(
        "AES256", description="how the server encrypts what it keeps; none: only where it encrypts by itself"
    )
    s3_kms_key: str | None = Field(None, description="with aws:kms: the key's id; without it, the account's own")
    s3_timeout: Annotated[float, Field(gt=0, le=300)] = Field(
        30.0, description="how long it may take for each request, of 8 MiB at most", json_schema_extra=unit("s")
    )
    file_max_bytes: Annotated[int, Field(ge=1024, le=64 * 2**20)] = Field(
        5 * 2**20, description="largest photo or document", json_schema_extra=unit("bytes")
    )
    photo_max_pixels: Annotated[int, Field(ge=10_000, le=200_000_000)] = Field(
        50_000_000, description="largest picture that is decoded", json_schema_extra=unit("pixels")
    )
    files_grace_hours: Annotated[float, Field(ge=1, le=24 * 365)] = Field(
        24.0,
        description="how old a stored file that nothing points to is before it is deleted",
        json_schema_extra=unit("h"),
    )
    clamd_url: str | None = Field(
        None, description="clamd, which looks for viruses: tcp://host:3310 or unix:///run/clamav/clamd.ctl"
    )
    clamd_timeout: Annotated[float, Field(gt=0, le=300)] = Field(
        20.0, description="how long it may take for a file", json_schema_extra=unit("s")
    )
    files_unscanned: Literal["refuse", "serve"] = Field(
        "refuse", description="without HUB_CLAMD_URL: refuse takes no photo or document; serve trusts whoever uploads"
    )

    @field_validator(
        "files_dir",
        "s3_bucket",
        "s3_endpoint",
        "s3_access_key",
        "s3_secret_key",
        "s3_kms_key",
        "clamd_url",
        mode="before",
    )
    @classmethod
    def _empty_file_setting_is_none(cls, value: object) -> object:
        """A compose file can hand on a variable that may be left out only as an empty one."""
        return None if value == "" else value

    @field_validator("s3_endpoint")
    @classmethod
    def _is_http(cls, value: str | None) -> str | None:
        if value is not None and (urlsplit(value).scheme not in {"http", "https"} or not urlsplit(value).hostname):
            raise ValueError("must be https://host or http://host")
        return value

    @field_validator("clamd_url")
    @classmethod
    def _is_clamd(cls, value: str | None) -> str | None:
        if value is None:
            return value
        parts = urlsplit(value)
        try:
            tcp = parts.scheme == "tcp" and bool(parts.hostname) and parts.port is not None
        except ValueError:
            tcp = False
        if not tcp and not (parts.scheme == "unix" and not parts.netloc and parts.path.startswith("/")):
            raise ValueError("must be tcp://host:port or unix:///path")
        return value
