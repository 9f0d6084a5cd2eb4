"""ETag, If-Match and If-None-Match of one item (RFC 9110, section 13): a digest of the JSON that a client has read."""

from __future__ import annotations

import hashlib

import msgspec

from hub.errors import PreconditionFailed

encode = msgspec.json.Encoder().encode


def etag(body: bytes) -> str:
    """A strong tag: the same bytes have the same, whichever worker answers."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def check_match(given: str | None, current: msgspec.Struct) -> None:
    """Raises PreconditionFailed when `If-Match` names other versions than the current one."""
    if given is not None and not names(given, etag(encode(current))):
        raise PreconditionFailed("it was changed since you read it; read it again, then send your change with its ETag")


def names(given: str, tag: str, *, weak: bool = False) -> bool:
    """Whether a header lists `tag`, or says *. `weak`: W/ does not matter, as for If-None-Match."""
    tags = [part.strip() for part in given.split(",")]
    return "*" in tags or tag in tags or (weak and f"W/{tag}" in tags)
