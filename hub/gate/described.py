"""What readers ask by HTTP, described for OpenAPI. docs/readers.md tells more; their socket is AsyncAPI's."""

from __future__ import annotations

from typing import Any

import msgspec

from hub.gate.messages import Attempt, Decision, RecordedItem, Verify
from hub.rest.described import Described


class AttemptList(msgspec.Struct):
    """Many attempts; a bad one loses none of the others."""

    items: list[Any]
    sentAt: str | None = None


class RecordedList(msgspec.Struct):
    """What became of each, in their order."""

    items: list[RecordedItem]


class PublicKeys(msgspec.Struct):
    """A JWK set (RFC 7517)."""

    keys: list[dict[str, Any]]


READERS = [
    Described(
        "post",
        "/api/v1/passes/verify",
        "May this pass enter?",
        "readers",
        {200: (Decision, "The decision, once it is on disk; a denial is an answer too.")},
        "verify",
        body=Verify,
        example={"qrCode": "SP1:6BF+70000", "direction": "entry"},
        refusals=(400, 401, 413, 429, 500, 503),
        device_key=True,
    ),
    Described(
        "post",
        "/api/v1/access-logs",
        "Keep what a reader decided by itself",
        "readers",
        {200: ((RecordedItem, RecordedList), "What became of it, or of each.")},
        "record_attempts",
        body=(Attempt, AttemptList),
        refusals=(400, 401, 413, 500, 503),
        device_key=True,
    ),
    Described(
        "get",
        "/.well-known/passhub-keys.json",
        "The keys that codes are signed with",
        "readers",
        {200: (PublicKeys, "What a reader needs to check a code with no network.")},
        "public_keys",
        content="application/jwk-set+json",
    ),
]
