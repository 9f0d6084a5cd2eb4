"""Versions: in the path, /api/v1 and /api/v2, and repeated by whoever likes to in the header `api-version`."""

from __future__ import annotations

from datetime import UTC, datetime, time

from aiohttp import web

from hub.errors import BadRequest
from hub.rest.route import Api, Deprecated

HEADER = "api-version"
VERSIONS: dict[str, Api] = {"1": "v1", "1.0": "v1", "2": "v2", "2.0": "v2"}
_NAMES: dict[Api, str] = {"v1": "1.0", "v2": "2.0"}


def check_version(request: web.BaseRequest, api: Api) -> None:
    """Raises BadRequest with the list when the header names a version that is unknown, or not this address's."""
    given = request.headers.get(HEADER)
    if given is None or VERSIONS.get(given.strip()) == api:
        return
    known = "known versions are 1.0 and 2.0"
    if given.strip() not in VERSIONS:
        message = f"this version is unknown; {known}"
    else:
        message = f"this address is version {_NAMES[api]}; {known}, below /api/v1 and /api/v2"
    raise BadRequest(f"{HEADER}: {message}", [{"field": HEADER, "message": message}])


def version_headers(api: Api, deprecated: Deprecated | None) -> dict[str, str]:
    """What an answer says of its version, and of the end of the route when that is decided."""
    headers = {HEADER: _NAMES[api]}
    if deprecated is not None:
        since = datetime.combine(deprecated.since, time(), UTC)
        headers["Deprecation"] = f"@{int(since.timestamp())}"
        if deprecated.sunset is not None:
            sunset = datetime.combine(deprecated.sunset, time(), UTC)
            headers["Sunset"] = sunset.strftime("%a, %d %b %Y %H:%M:%S GMT")
        if deprecated.link is not None:
            headers["Link"] = f'<{deprecated.link}>; rel="deprecation"'
    return headers
