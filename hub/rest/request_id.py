"""The id of a request: in every line of log, every error and every row of the audit that came of it."""

from __future__ import annotations

import re

from aiohttp import web

from hub.domain.ids import new_id

HEADER = "X-Request-ID"
_KEY = web.RequestKey("request_id", str)
# No blanks, no quotes, no control characters: it is copied into logs and headers as it is.
_SANE = re.compile(r"[A-Za-z0-9._:/+=-]{1,64}")


def request_id(request: web.BaseRequest) -> str:
    """The caller's X-Request-ID when it is a sane one, else a new one; the same however often it is asked for."""
    found = request.get(_KEY)
    if found is None:
        given = request.headers.get(HEADER, "")
        found = request[_KEY] = given if _SANE.fullmatch(given) else str(new_id())
    return found
