"""A real S3 for the tests: moto's server, and the one of HUB_TEST_S3_URL (https://access:secret@host/bucket?region=…)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

from moto.server import ThreadedMotoServer

# Taken away: to the program it would be a setting that it does not know.
OWN_S3 = os.environ.pop("HUB_TEST_S3_URL", None)
#: The places that every test of files is run on.
PLACES = ["folder", "moto", *(["own"] if OWN_S3 else [])]


@contextmanager
def running_moto() -> Iterator[str]:
    """Its address."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        yield "http://{}:{}".format(*server.get_host_and_port())
    finally:
        server.stop()


def bucket_at(endpoint: str) -> dict[str, Any]:
    """Settings for a bucket there, which does not exist yet."""
    return {
        "s3_endpoint": endpoint,
        "s3_bucket": f"passhub-{uuid4().hex[:12]}",
        "s3_access_key": "access",
        "s3_secret_key": "secret",
    }


def own_bucket() -> dict[str, Any]:
    """Settings for the bucket that HUB_TEST_S3_URL names."""
    assert OWN_S3 is not None
    parts = urlsplit(OWN_S3)
    more = {name: values[0] for name, values in parse_qs(parts.query).items()}
    host = parts.hostname if parts.port is None else f"{parts.hostname}:{parts.port}"
    return {
        "s3_endpoint": f"{parts.scheme}://{host}",
        "s3_bucket": parts.path.strip("/"),
        "s3_access_key": parts.username,
        "s3_secret_key": parts.password,
        "s3_region": more.get("region", "us-east-1"),
        "s3_sse": more.get("sse", "AES256"),
    }
