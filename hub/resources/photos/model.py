"""What is said of a photo over the wire."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from hub.rest.files.intake import Scan
from hub.rest.files.naming import Size


class Photo(msgspec.Struct, kw_only=True):
    """`id`: the student's. `photoUrl` is null while the photo waits for the virus scanner."""

    id: UUID
    photoUrl: str | None
    scan: Scan


class PhotoQuery(msgspec.Struct, kw_only=True, frozen=True):
    size: Annotated[Size, Meta(description="edge of the square, in pixels")] = 400


class PhotosImported(msgspec.Struct, kw_only=True):
    """What became of the pictures of a ZIP."""

    pictures: int = 0
    kept: int = 0
    refused: int = 0


class Asked(msgspec.Struct):
    """What a job is asked for."""

    what: Literal["photos"] = "photos"
