"""Where a screen is: for each recorder, the number of the next event it has not seen. Opaque to clients.

Ids and times of events do not sort: scans of other hosts and replays come late. A recorder's own numbers do.
"""

from __future__ import annotations

import base64
import binascii

import msgspec

from hub.errors import BadRequest

MOST_RECORDERS = 256
_VERSION = 1


class Cursor(msgspec.Struct, array_like=True):
    """A recorder that is not named had no event of the school when the cursor was made; unless it is not `complete`:
    then the worker had not heard of all recorders yet."""

    version: int
    school: bytes
    following: dict[bytes, int]
    complete: bool = True


_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(Cursor)


def cursor_text(school: bytes, following: dict[bytes, int], *, complete: bool = True) -> bytes:
    """base64url, without padding."""
    raw = _encode(Cursor(_VERSION, school, following, complete))
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def read_cursor(text: object) -> Cursor:
    """Raises BadRequest when it is not one of ours."""
    if not isinstance(text, str) or not text.isascii() or len(text) > 32 * MOST_RECORDERS * 2:
        raise BadRequest("cursor: not a cursor of this hub; connect without one")
    try:
        cursor = _decoder.decode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        raise BadRequest("cursor: not a cursor of this hub; connect without one") from None
    sound = all(len(recorder) == 16 and 0 < number < 2**62 for recorder, number in cursor.following.items())
    if cursor.version != _VERSION or not sound or len(cursor.following) > MOST_RECORDERS:
        raise BadRequest("cursor: not a cursor of this version of the hub; connect without one")
    return cursor
