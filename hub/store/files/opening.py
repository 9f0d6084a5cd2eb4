"""Which place for files the settings name."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from datetime import datetime

from hub.config import Settings, key_ring
from hub.errors import StoreUnavailable
from hub.store.files.contract import Files, Kept, Stored
from hub.store.files.folder import Folder


async def open_files(settings: Settings) -> Files:
    """The bucket, or the directory; without either what it returns refuses everything, and says what to set.

    Nothing is asked yet: a bucket that is away is noticed by whoever uses it.
    """
    if settings.s3_bucket is not None:
        # Some megabytes and a third of a second, for those who have a bucket.
        from hub.store.files.s3 import Bucket  # noqa: PLC0415

        return await Bucket.open(settings, settings.s3_bucket)
    if settings.files_dir is not None:
        return Folder(settings.files_dir, key_ring(settings))
    return _Nowhere()


class _Nowhere:
    async def put(self, key: str, chunks: AsyncIterable[bytes], content_type: str, limit: int) -> int:
        raise _unset()

    async def get(self, key: str) -> Stored | None:
        raise _unset()

    async def delete(self, key: str) -> None:
        raise _unset()

    def keys(self, prefix: str = "") -> AsyncIterator[Kept]:
        raise _unset()

    async def tidy(self, before: datetime) -> int:
        raise _unset()

    async def close(self) -> None:
        pass


def _unset() -> StoreUnavailable:
    return StoreUnavailable("this hub keeps no files: its operator has set neither HUB_S3_BUCKET nor HUB_FILES_DIR")
