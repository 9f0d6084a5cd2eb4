"""One place that turns an error into JSON: `{error, message, statusCode, timestamp, path, details?, requestId}`.

Our own errors, aiohttp's refusals (404, 405, 413, …) and what nobody expected all leave through here; the last of
them with no word about its cause, which goes to the log under the same requestId.
"""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus

import msgspec
import structlog
from aiohttp import hdrs, web
from aiohttp.http_exceptions import HttpProcessingError

from hub.domain.ids import new_id
from hub.errors import BadRequest, HubError

log = structlog.get_logger(__name__)


class ErrorBody(msgspec.Struct, omit_defaults=True):
    """What a client reads when a request was refused."""

    error: str
    message: str
    statusCode: int
    timestamp: datetime
    path: str
    requestId: str
    details: list[dict[str, str]] = []


def request_id(request: web.BaseRequest) -> str:
    """The caller's X-Request-ID when it is a sensible one, else a new one."""
    given = request.headers.get("X-Request-ID", "")
    return given if 0 < len(given) <= 64 and given.isascii() and given.isprintable() else str(new_id())


def error_response(request: web.BaseRequest, error: Exception) -> web.Response:
    """The response for any exception of a handler."""
    id_ = request_id(request)
    headers = {"X-Request-ID": id_, hdrs.CACHE_CONTROL: "no-store"}
    details: list[dict[str, str]] = []
    if isinstance(error, HubError):
        status, message = error.status, str(error)
        if isinstance(error, BadRequest):
            details = error.details
    elif isinstance(error, web.HTTPException):
        status, message = error.status, _plain(error)
        if hdrs.ALLOW in error.headers:
            headers[hdrs.ALLOW] = error.headers[hdrs.ALLOW]
    elif isinstance(error, HttpProcessingError | web.RequestPayloadError):
        status, message = 400, "the body cannot be read: it is cut off, or not encoded as its headers say"
    else:
        log.error("a request failed", path=request.path, method=request.method, request_id=id_, exc_info=error)
        status, message = 500, "something went wrong here; the log has it under this requestId"
    if status == HTTPStatus.UNAUTHORIZED:
        headers[hdrs.WWW_AUTHENTICATE] = "Bearer"
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers[hdrs.RETRY_AFTER] = "1"
    body = ErrorBody(HTTPStatus(status).phrase, message, status, datetime.now(UTC), request.path, id_, details)
    return web.Response(body=msgspec.json.encode(body), status=status, headers=headers, content_type="application/json")


def _plain(error: web.HTTPException) -> str:
    if error.status == HTTPStatus.NOT_FOUND:
        return "nothing is at this address"
    if error.status == HTTPStatus.METHOD_NOT_ALLOWED:
        return f"this address takes {error.headers.get(hdrs.ALLOW, 'other methods')}"
    if error.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return "the body is too large; send less at once"
    return error.text or error.reason
