"""What all who receive files in multipart/form-data have in common."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from aiohttp import BodyPartReader, hdrs

from hub.errors import BadRequest, UnsupportedMedia
from hub.rest.turns import Turns

#: Bytes that are read of a part at a time.
CHUNK = 64 * 1024
_AS_IT_IS = frozenset({"binary", "8bit", "7bit"})


@contextmanager
def bad_multipart() -> Iterator[None]:
    """Makes aiohttp's words for a body that is no multipart into BadRequest."""
    try:
        yield
    except (ValueError, AssertionError, LookupError) as error:
        raise BadRequest(f"the body is no multipart/form-data: {str(error)[:100]}") from None


def check_encoding(part: BodyPartReader) -> None:
    """Raises UnsupportedMedia for a part that does not come as it is."""
    if part.headers.get(hdrs.CONTENT_TRANSFER_ENCODING, "binary").lower() not in _AS_IT_IS:
        raise UnsupportedMedia("send the file as it is, without a Content-Transfer-Encoding")


async def pieces(part: BodyPartReader, turns: Turns) -> AsyncIterator[bytes]:
    """The part's content, each piece when it is its turn."""
    while chunk := await part.read_chunk(CHUNK):
        await turns.next()
        yield bytes(chunk)
