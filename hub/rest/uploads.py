"""A file in a request: one part `file` of multipart/form-data, written to this host's disk, sealed, as it comes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiohttp import BodyPartReader, hdrs, web

from hub.errors import BadRequest, PayloadTooLarge, UnsupportedMedia
from hub.rest.call import Call
from hub.rest.faults import fault, refusal
from hub.rest.jobs.spool import Spool
from hub.rest.turns import TURNS, Turns

FIELD = "file"
CHUNK = 64 * 1024
_LONGEST_NAME = 200


async def receive_file(call: Call[Any, Any], spool: Spool, look: Callable[[bytes], None]) -> str:
    """All of the file into the spool; `look` sees each piece of it. The name that the client gave it, or "".

    Raises UnsupportedMedia, BadRequest, PayloadTooLarge.
    """
    request = call.request
    if request.content_type != "multipart/form-data":
        raise UnsupportedMedia("send multipart/form-data with the file as `file`")
    try:
        name = await _receive(request, spool, look, call.settings.upload_max_bytes, call.part(TURNS))
    except (ValueError, AssertionError, LookupError) as error:  # aiohttp's words for a body that is no multipart
        raise BadRequest(f"the body is no multipart/form-data: {str(error)[:100]}") from None
    spool.finish()
    return name


async def _receive(request: web.Request, spool: Spool, look: Callable[[bytes], None], most: int, turns: Turns) -> str:
    name: str | None = None
    reader = await request.multipart()
    while (part := await reader.next()) is not None:
        if not isinstance(part, BodyPartReader) or part.name != FIELD or name is not None:
            raise refusal([fault(str(getattr(part, "name", "") or "body")[:60], "only one `file` is taken")])
        if part.headers.get(hdrs.CONTENT_TRANSFER_ENCODING, "binary").lower() not in {"binary", "8bit", "7bit"}:
            raise UnsupportedMedia("send the file as it is, without a Content-Transfer-Encoding")
        name = (part.filename or "")[:_LONGEST_NAME]
        while chunk := await part.read_chunk(CHUNK):
            await turns.next()
            if spool.size + len(chunk) > most:
                raise PayloadTooLarge(f"the file is larger than {most} bytes")
            look(bytes(chunk))
            spool.write(bytes(chunk))
    if name is None or not spool.size:
        raise refusal([fault(FIELD, "is required" if name is None else "is empty")])
    return name
