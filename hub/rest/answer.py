"""What a handler returned becomes a response: status, ETag, Location, cookies."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import msgspec
from aiohttp import hdrs, web

from hub.rest.call import Call, Reply
from hub.rest.etags import encode, etag, names


class File(msgspec.Struct):
    """An answer that is no JSON. What is yielded is sent as it comes, after the request's transaction has ended."""

    media: str
    name: str
    body: bytes | AsyncIterator[bytes]
    #: What a client may name in If-None-Match, where the file is the same when it is.
    tag: str | None = None
    #: Whether a browser may show it in a page, rather than save it.
    shown: bool = False


def respond(call: Call[Any, Any], result: Any) -> web.Response:
    """The response of a declared route; 304 when the caller has this very version already."""
    route = call.route
    if isinstance(result, File):
        return _file(call, result)
    reply = result if isinstance(result, Reply) else Reply(body=result)
    body = None if route.answer is None else encode(reply.body)
    headers = {hdrs.CACHE_CONTROL: "no-store", **reply.headers}
    if route.tagged and body is not None:
        headers[hdrs.ETAG] = tag = etag(body)
        headers[hdrs.CACHE_CONTROL] = "private, no-cache"
        known = call.request.headers.get(hdrs.IF_NONE_MATCH)
        if route.method == "GET" and known is not None and names(known, tag, weak=True):
            return web.Response(status=304, headers=headers)
    if route.location is not None:
        headers[hdrs.LOCATION] = _location(call, reply.body)
    response = web.Response(
        body=body,
        status=reply.status or route.success,
        headers=headers,
        content_type=None if body is None else "application/json",
    )
    for name, options in reply.cookies.items():
        response.set_cookie(name, **options)
    for name, options in reply.forget.items():
        response.del_cookie(name, **options)
    return response


def _file(call: Call[Any, Any], file: File) -> web.Response:
    headers = {
        hdrs.CACHE_CONTROL: "no-store",
        hdrs.CONTENT_DISPOSITION: f"{'inline' if file.shown else 'attachment'}; filename*=UTF-8''{quote(file.name)}",
        hdrs.CONTENT_TYPE: file.media,
    }
    if file.tag is not None:
        headers |= {hdrs.ETAG: file.tag, hdrs.CACHE_CONTROL: "private, no-cache"}
        known = call.request.headers.get(hdrs.IF_NONE_MATCH)
        if known is not None and names(known, file.tag, weak=True):
            del headers[hdrs.CONTENT_TYPE], headers[hdrs.CONTENT_DISPOSITION]
            return web.Response(status=304, headers=headers)
    return web.Response(body=file.body, headers=headers)


def _location(call: Call[Any, Any], body: Any) -> str:
    """Below the version that was asked."""
    assert call.route.location is not None
    filled = call.route.location
    for name in body.__struct_fields__:
        filled = filled.replace(f"{{{name}}}", str(getattr(body, name)))
    return "/".join(call.request.path.split("/")[:3]) + filled
