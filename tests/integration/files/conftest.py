"""Every place that files can be kept in."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.config import Settings, load_settings
from hub.store.files import Files, open_files
from hub.store.files.s3 import Bucket
from tests.buckets import PLACES, bucket_at, own_bucket, running_moto
from tests.clamd import ClamdProcess

KEY = base64.urlsafe_b64encode(b"a key of tests that seals things").decode()


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    with running_moto() as url:
        yield url


async def made_bucket(moto: str) -> dict[str, Any]:
    """Settings for a bucket that is there."""
    named = bucket_at(moto)
    bucket = await Bucket.open(load_settings(**named), named["s3_bucket"])
    await bucket._client.create_bucket(Bucket=named["s3_bucket"])
    await bucket.close()
    return named


@pytest.fixture
async def moto_bucket(moto: str) -> dict[str, Any]:
    return await made_bucket(moto)


@pytest.fixture(params=PLACES)
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    """Settings that name a place, which is there."""
    if request.param == "folder":
        return {"files_dir": tmp_path / "files"}
    if request.param == "own":
        return own_bucket()
    return await made_bucket(request.getfixturevalue("moto"))


@pytest.fixture
def file_settings(place: dict[str, Any]) -> Settings:
    return load_settings(secret_key=KEY, **place)


@pytest.fixture
async def files(file_settings: Settings) -> AsyncIterator[Files]:
    opened = await open_files(file_settings)
    yield opened
    await opened.close()


@pytest.fixture(scope="session")
def clamd() -> Iterator[ClamdProcess]:
    """One for all tests that do not kill it."""
    with ClamdProcess() as running:
        yield running
