"""What is special about a bucket: how it keeps files, and what becomes of an upload when it dies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from hub.config import load_settings
from hub.errors import StoreUnavailable
from hub.store.files import open_files
from hub.store.files.s3 import Bucket
from tests.buckets import bucket_at
from tests.integration.files.test_places import PICTURE, content_of, keep, names, pieces
from tests.tcp_proxy import How, TcpProxy

MEBIBYTE = 2**20
LATER = timedelta(hours=1)


async def opened(**named: Any) -> Bucket:
    bucket = await open_files(load_settings(**named))
    assert isinstance(bucket, Bucket)
    return bucket


@pytest.fixture
def named(moto_bucket: dict[str, Any]) -> dict[str, Any]:
    return moto_bucket


@pytest.mark.parametrize("size", [10, 9 * MEBIBYTE])
@pytest.mark.parametrize("sse", ["AES256", "aws:kms", "none"])
async def test_the_server_is_told_to_encrypt(named: dict[str, Any], size: int, sse: str) -> None:
    bucket = await opened(**named, s3_sse=sse)
    key = await keep(bucket, bytes(size))
    head = await bucket._client.head_object(Bucket=named["s3_bucket"], Key=key)
    assert head.get("ServerSideEncryption", "none") == sse
    assert head["ContentType"] == PICTURE
    await bucket.close()


async def test_nobody_reads_without_the_secret(named: dict[str, Any]) -> None:
    bucket = await opened(**named)
    key = await keep(bucket, b"hers")
    acl = await bucket._client.get_object_acl(Bucket=named["s3_bucket"], Key=key)
    assert {grant["Grantee"]["Type"] for grant in acl["Grants"]} == {"CanonicalUser"}
    await bucket.close()


async def test_a_bucket_that_is_not_there_is_said(moto: str) -> None:
    bucket = await opened(**bucket_at(moto))
    with pytest.raises(StoreUnavailable, match="NoSuchBucket"):
        await keep(bucket, b"x", "a")
    with pytest.raises(StoreUnavailable, match="NoSuchBucket"):
        await names(bucket)
    await bucket.close()


async def test_nobody_there_is_said(unused_tcp_port: int) -> None:
    bucket = await opened(**bucket_at(f"http://127.0.0.1:{unused_tcp_port}"))
    for work in (keep(bucket, b"x", "a"), bucket.get("a"), bucket.delete("a"), names(bucket)):
        with pytest.raises(StoreUnavailable, match="does not answer"):
            await work
    await bucket.close()


@pytest.mark.parametrize("how", ["reset", "close", "silence"])
async def test_cut_in_mid_upload_nothing_is_there_and_what_is_left_is_found(named: dict[str, Any], how: How) -> None:
    port = urlsplit(named["s3_endpoint"]).port
    assert port is not None
    with TcpProxy(port) as proxy:
        patience = {"s3_timeout": 10.0 if how == "silence" else 30.0}
        bucket = await opened(**named | {"s3_endpoint": f"http://127.0.0.1:{proxy.port}"} | patience)

        async def cut() -> AsyncIterator[bytes]:
            async for piece in pieces(bytes(9 * MEBIBYTE)):
                yield piece
            await asyncio.to_thread(proxy.cut, how)
            yield bytes(9 * MEBIBYTE)

        with pytest.raises(StoreUnavailable):
            await bucket.put("a", cut(), PICTURE, 40 * MEBIBYTE)
        proxy.heal()
        assert await bucket.get("a") is None
        assert await names(bucket) == set()
        assert await bucket.tidy(datetime.now(UTC) + LATER) == 1  # moto says of each that it began in 2010
        assert await bucket.tidy(datetime.now(UTC) + LATER) == 0
        await keep(bucket, b"again", "a")
        assert await content_of(bucket, "a") == b"again"
        await bucket.close()
