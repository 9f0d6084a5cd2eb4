"""One place that turns an error into JSON: `{error, message, statusCode, timestamp, path, details?, requestId}`, and
below /api/v2 the same as a problem of RFC 9457.

Our own errors, aiohttp's refusals (404, 405, 413, …) and what nobody expected all leave through here; the last of
them with no word about its cause, which goes to the log under the same requestId.
"""

from __future__ import annotations

import traceback
from datetime import UTC, datetime
from http import HTTPStatus

import msgspec
import structlog
from aiohttp import hdrs, web
from aiohttp.http_exceptions import HttpProcessingError

from hub.errors import BadRequest, HubError, TooManyRequests, Unprocessable
from hub.rest.request_id import HEADER, request_id

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


class Problem(msgspec.Struct, omit_defaults=True):
    """The same on /api/v2 (RFC 9457). `type` names the kind of error, and is no address to fetch."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    requestId: str
    timestamp: datetime
    errors: list[dict[str, str]] = []


def error_response(request: web.BaseRequest, error: Exception) -> web.Response:
    """The response for any exception of a handler."""
    id_ = request_id(request)
    headers = {HEADER: id_, hdrs.CACHE_CONTROL: "no-store"}
    details: list[dict[str, str]] = []
    if isinstance(error, HubError):
        status, message = error.status, str(error)
        if isinstance(error, BadRequest | Unprocessable):
            details = error.details
        if isinstance(error, TooManyRequests):
            headers[hdrs.RETRY_AFTER] = str(error.retry_after)
    elif isinstance(error, web.HTTPException):
        status, message = error.status, _plain(error)
        if hdrs.ALLOW in error.headers:
            headers[hdrs.ALLOW] = error.headers[hdrs.ALLOW]
    elif isinstance(error, HttpProcessingError | web.RequestPayloadError):
        status, message = 400, "the body cannot be read: it is cut off, or not encoded as its headers say"
    else:
        log.error("a request failed", method=request.method, request_id=id_, **without_values(error))
        status, message = 500, "something went wrong here; the log has it under this requestId"
    if status == HTTPStatus.UNAUTHORIZED:
        headers[hdrs.WWW_AUTHENTICATE] = "Bearer"
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers[hdrs.RETRY_AFTER] = "1"
    now, title = datetime.now(UTC), HTTPStatus(status).phrase
    body: ErrorBody | Problem
    if request.path.startswith("/api/v2/"):
        kind = "application/problem+json"
        body = Problem(f"urn:passhub:{_code(error, title)}", title, status, message, request.path, id_, now, details)
    else:
        kind = "application/json"
        body = ErrorBody(title, message, status, now, request.path, id_, details)
    return web.Response(body=msgspec.json.encode(body), status=status, headers=headers, content_type=kind)


def _code(error: Exception, title: str) -> str:
    return error.code if isinstance(error, HubError) else title.lower().replace(" ", "_").replace("-", "_")


def without_values(error: BaseException) -> dict[str, str]:
    """What failed and where. An exception's text can hold what a person has sent: PostgreSQL repeats rows in it."""
    frames = traceback.extract_tb(error.__traceback__)
    where = " < ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in reversed(frames[-12:]))
    fault = getattr(error, "sqlstate", None)
    return {"fault": type(error).__name__, "at": where} | ({"sqlstate": fault} if fault else {})


def _plain(error: web.HTTPException) -> str:
    if error.status == HTTPStatus.NOT_FOUND:
        return "nothing is at this address"
    if error.status == HTTPStatus.METHOD_NOT_ALLOWED:
        return f"this address takes {error.headers.get(hdrs.ALLOW, 'other methods')}"
    if error.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return "the body is too large; send less at once"
    return error.text or error.reason
