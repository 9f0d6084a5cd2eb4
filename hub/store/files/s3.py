"""Files in a bucket of any S3: private, encrypted by the server; in parts when large, and then whole or not at all."""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from collections.abc import AsyncIterable, AsyncIterator, Iterator
from datetime import datetime
from typing import Any

import aiohttp
import structlog
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore.exceptions import BotoCoreError, ClientError

from hub.config import Settings
from hub.errors import PayloadTooLarge, StoreUnavailable
from hub.store.files.contract import CHUNK, Kept, Stored, check_key

log = structlog.get_logger(__name__)

#: What is larger goes in parts of this size, so that memory holds one of them; S3 takes none below 5 MiB but the last.
PART = 8 * 2**20
#: Tries of each request, the first included.
TRIES = 2
CONNECTIONS = 20
ABORT_SECONDS = 5.0
_MISSING = frozenset({"NoSuchKey", "NotFound", "404"})


class Bucket:
    """Made by `open`, ended by `close`."""

    def __init__(
        self, name: str, client: Any, stack: contextlib.AsyncExitStack, sealing: dict[str, str], timeout: float
    ) -> None:
        self._name = name
        self._timeout = timeout
        self._client = client
        self._stack = stack
        self._sealing = sealing

    @classmethod
    async def open(cls, settings: Settings, name: str) -> Bucket:
        secret = settings.s3_secret_key
        stack = contextlib.AsyncExitStack()
        client = await stack.enter_async_context(
            get_session().create_client(
                "s3",
                region_name=settings.s3_region,
                endpoint_url=settings.s3_endpoint,
                aws_access_key_id=settings.s3_access_key,
                aws_secret_access_key=None if secret is None else secret.get_secret_value(),
                config=AioConfig(
                    connect_timeout=min(5.0, settings.s3_timeout),
                    read_timeout=settings.s3_timeout,
                    max_pool_connections=CONNECTIONS,
                    retries={"total_max_attempts": TRIES, "mode": "standard"},
                    # A name in the path, not in the host: that is where every other S3 has it.
                    s3=None if settings.s3_endpoint is None else {"addressing_style": "path"},
                    # Others know none of the newer checksums.
                    request_checksum_calculation="when_required",
                    response_checksum_validation="when_required",
                ),
            )
        )
        return cls(name, client, stack, _sealing(settings), settings.s3_timeout)

    async def put(self, key: str, chunks: AsyncIterable[bytes], content_type: str, limit: int) -> int:
        place = {"Bucket": self._name, "Key": check_key(key)}
        kind = {"ContentType": content_type, **self._sealing}
        parts = _bounded(chunks, limit)
        first = await anext(parts)
        with _plainly():
            if len(first) < PART:
                await self._ask("put_object", **place, **kind, Body=first)
                return len(first)
            return await self._put_parts(place, kind, first, parts)

    async def _put_parts(
        self, place: dict[str, str], kind: dict[str, str], first: bytes, parts: AsyncIterator[bytes]
    ) -> int:
        upload = (await self._ask("create_multipart_upload", **place, **kind))["UploadId"]
        try:
            size, done, body = 0, list[dict[str, Any]](), first
            while body:
                number = len(done) + 1
                kept = await self._ask("upload_part", **place, UploadId=upload, PartNumber=number, Body=body)
                done.append({"PartNumber": number, "ETag": kept["ETag"]})
                size += len(body)
                body = await anext(parts, b"")
            await self._ask("complete_multipart_upload", **place, UploadId=upload, MultipartUpload={"Parts": done})
        except BaseException:
            await self._abort(place, upload)
            raise
        return size

    async def _abort(self, place: dict[str, str], upload: str) -> None:
        """What cannot be told now is found by `tidy`."""
        try:
            async with asyncio.timeout(ABORT_SECONDS):
                await self._client.abort_multipart_upload(**place, UploadId=upload)
        except (BotoCoreError, ClientError, aiohttp.ClientError, OSError, TimeoutError) as error:
            log.warning("parts of a file are left in the bucket for now", fault=type(error).__name__)

    async def get(self, key: str) -> Stored | None:
        with _plainly():
            try:
                found = await self._ask("get_object", Bucket=self._name, Key=check_key(key))
            except ClientError as error:
                if _code(error) in _MISSING:
                    return None
                raise
        return Stored(found["ContentLength"], _Body(found["Body"]))

    async def delete(self, key: str) -> None:
        with _plainly():
            await self._ask("delete_object", Bucket=self._name, Key=check_key(key))

    async def keys(self, prefix: str = "") -> AsyncIterator[Kept]:
        below = f"{prefix}/" if prefix else ""
        with _plainly():
            async for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self._name, Prefix=below):
                for one in page.get("Contents", ()):
                    yield Kept(one["Key"], one["LastModified"])

    async def tidy(self, before: datetime) -> int:
        removed = 0
        with _plainly():
            async for page in self._client.get_paginator("list_multipart_uploads").paginate(Bucket=self._name):
                for one in page.get("Uploads", ()):
                    if one["Initiated"] < before:
                        place = {"Bucket": self._name, "Key": one["Key"]}
                        await self._ask("abort_multipart_upload", **place, UploadId=one["UploadId"])
                        removed += 1
        return removed

    async def _ask(self, what: str, **named: Any) -> Any:
        """The client's own bound is on silence while it reads: a server that stops taking would be waited for."""
        async with asyncio.timeout(self._timeout):
            return await getattr(self._client, what)(**named)

    async def close(self) -> None:
        await self._stack.aclose()


class _Body:
    """The bytes of an answer as they come. Its connection is given back at the end, or when nobody holds this."""

    def __init__(self, body: Any) -> None:
        self._body = body
        weakref.finalize(self, body.close)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        with _plainly():
            chunk: bytes = await self._body.read(CHUNK)
        if not chunk:
            raise StopAsyncIteration
        return chunk


def _sealing(settings: Settings) -> dict[str, str]:
    if settings.s3_sse == "none":
        return {}
    key = settings.s3_kms_key if settings.s3_sse == "aws:kms" else None
    return {"ServerSideEncryption": settings.s3_sse} | ({"SSEKMSKeyId": key} if key else {})


async def _bounded(chunks: AsyncIterable[bytes], limit: int) -> AsyncIterator[bytes]:
    """The same in pieces of PART, the last one smaller, and at least one. Raises PayloadTooLarge."""
    size, waiting = 0, bytearray()
    async for chunk in chunks:
        size += len(chunk)
        if size > limit:
            raise PayloadTooLarge(f"the file is larger than {limit} bytes")
        waiting += chunk
        while len(waiting) >= PART:
            yield bytes(waiting[:PART])
            del waiting[:PART]
    if waiting or not size:
        yield bytes(waiting)


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


@contextlib.contextmanager
def _plainly() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        code = _code(error)
        log.warning("the bucket refuses", code=code)
        raise StoreUnavailable(f"the file store refuses: {code or 'it says no why'}") from error
    except (BotoCoreError, aiohttp.ClientError, OSError, TimeoutError) as error:
        log.warning("the bucket is away", fault=type(error).__name__)
        raise StoreUnavailable("the file store does not answer; try again later") from error
