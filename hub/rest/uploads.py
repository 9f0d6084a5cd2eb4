"""A file in a request: one part `file` of multipart/form-data, written to this host's disk, sealed, as it comes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiohttp import BodyPartReader, web

from hub.errors import PayloadTooLarge, UnsupportedMedia
from hub.rest.call import Call
from hub.rest.faults import fault, refusal
from hub.rest.jobs.spool import Spool
from hub.rest.multipart import bad_multipart, check_encoding, pieces
from hub.rest.turns import TURNS, Turns

FIELD = "file"
_LONGEST_NAME = 200


async def receive_file(call: Call[Any, Any], spool: Spool, look: Callable[[bytes], None]) -> str:
    """All of the file into the spool; `look` sees each piece of it. The name that the client gave it, or "".

    Raises UnsupportedMedia, BadRequest, PayloadTooLarge.
    """
    request = call.request
    if request.content_type != "multipart/form-data":
        raise UnsupportedMedia("send multipart/form-data with the file as `file`")
    with bad_multipart():
        name = await _receive(request, spool, look, call.settings.upload_max_bytes, call.part(TURNS))
    spool.finish()
    return name


async def _receive(request: web.Request, spool: Spool, look: Callable[[bytes], None], most: int, turns: Turns) -> str:
    name: str | None = None
    reader = await request.multipart()
    while (part := await reader.next()) is not None:
        if not isinstance(part, BodyPartReader) or part.name != FIELD or name is not None:
            raise refusal([fault(str(getattr(part, "name", "") or "body")[:60], "only one `file` is taken")])
        check_encoding(part)
        name = (part.filename or "")[:_LONGEST_NAME]
        async for chunk in pieces(part, turns):
            if spool.size + len(chunk) > most:
                raise PayloadTooLarge(f"the file is larger than {most} bytes")
            look(chunk)
            spool.write(chunk)
    if name is None or not spool.size:
        raise refusal([fault(FIELD, "is required" if name is None else "is empty")])
    return name
