"""One declaration for each route; the router, rights, audit, limits and OpenAPI all read it, so none can be forgotten.

    ROUTES = [
        Route("GET", "/access-points/{id}", get_point, summary="One access point",
              permission=Permission.access_points_read, answer=AccessPoint, errors=(NotFound,)),
    ]

A handler is `async def get_point(call: Call[None, None]) -> AccessPoint`: it returns what the declaration says, raises
an error of hub/errors.py, and never commits (hub/rest/call.py).
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from typing import Any, Literal, get_origin

import msgspec

from hub.accounts.permissions import Permission
from hub.errors import HubError
from hub.rest.call import Call
from hub.rest.pages import Page
from hub.store.pg import Role

Method = Literal["GET", "POST", "PUT", "DELETE"]
Api = Literal["v1", "v2"]
Handler = Callable[[Call[Any, Any]], Awaitable[Any]]

_PARAMETER = re.compile(r"\{(\w+)\}")


class Access(Enum):
    """Who may, when no permission is asked for."""

    public = "public"
    signed_in = "signed_in"
    wall_screen = "wall_screen"
    maybe_signed_in = "maybe_signed_in"


#: Anybody; no token is looked at.
PUBLIC = Access.public
#: Whoever is signed in, whatever they may do; no wall screen, which is nobody.
SIGNED_IN = Access.signed_in
#: A wall screen, and nobody else.
WALL_SCREEN = Access.wall_screen
#: Anybody; who is signed in is known, and what else shows who asks is for the handler to see.
MAYBE_SIGNED_IN = Access.maybe_signed_in


@dataclass(frozen=True)
class Deprecated:
    """The route goes: `since` (RFC 9745), `sunset` when it stops (RFC 8594), `link` to what replaces it."""

    since: date
    sunset: date | None = None
    link: str | None = None


@dataclass(frozen=True)
class Route:
    """`path` is below /api/v1 and /api/v2. `{id}` and `{…Id}` are UUIDs; a bad one is 404, like an unknown one."""

    method: Method
    path: str
    handler: Handler
    summary: str = field(kw_only=True)
    permission: Permission | Access = field(kw_only=True)
    #: A Struct of query parameters (a ListQuery for lists), a Struct of the body, what the handler returns.
    query: type[msgspec.Struct] | None = field(default=None, kw_only=True)
    body: type[msgspec.Struct] | None = field(default=None, kw_only=True)
    answer: Any = field(default=None, kw_only=True)
    #: What is uploaded in a multipart/form-data body; the handler receives it (uploads.py, files/receiving.py)
    upload: str | None = field(default=None, kw_only=True)
    #: The name of that field of the form, how many files it may have, and the form's text fields with their schemas.
    upload_field: str = field(default="file", kw_only=True)
    upload_most: int = field(default=1, kw_only=True)
    upload_texts: dict[str, dict[str, Any]] = field(default_factory=dict, kw_only=True)
    #: The media types of a File that the handler returns instead of an `answer`.
    files: tuple[str, ...] = field(default=(), kw_only=True)
    #: False: the body may be left out, and is None then.
    needs_body: bool = field(default=True, kw_only=True)
    #: False: the handler holds the body against `body` itself, with `fitted`, and with what only it can find wrong.
    fits_body: bool = field(default=True, kw_only=True)
    #: 200, or 201 for a POST with `location`, or 204 without an answer, unless it is said here.
    status: int = field(default=0, kw_only=True)
    #: True: for wall screens too, which have no permission for it: the photos in their events.
    walls: bool = field(default=False, kw_only=True)
    #: True: its answers are what a screen shows of a rush; they are counted by themselves (HUB_RATE_FACES).
    faces: bool = field(default=False, kw_only=True)
    #: Other statuses of an answer, which the handler's Reply says.
    also: tuple[int, ...] = field(default=(), kw_only=True)
    #: What the handler raises; what the shell raises (400, 401, 403, 429, …) is known.
    errors: tuple[type[HubError], ...] = field(default=(), kw_only=True)
    #: The kind of personal data that the answer holds: each read is kept before the answer leaves.
    reads: str | None = field(default=None, kw_only=True)
    #: Where what was made is found: "/access-points/{id}", filled from the answer's fields.
    location: str | None = field(default=None, kw_only=True)
    #: False: people of no school are not asked for one, and `?schoolId=` is not taken.
    of_school: bool = field(default=True, kw_only=True)
    #: As whom `call.tx()` acts; None: hub_api for people of a school, hub_admin for super admins.
    acts_as: Role | None = field(default=None, kw_only=True)
    #: A write that changes nothing worth keeping (a search by POST) need not call `audit`.
    audited: bool = field(default=True, kw_only=True)
    #: False: Idempotency-Key is not looked at, because an answer cannot be given twice.
    idempotent: bool = field(default=True, kw_only=True)
    #: An example of the body for OpenAPI.
    example: dict[str, Any] | None = field(default=None, kw_only=True)
    deprecated: Deprecated | None = field(default=None, kw_only=True)
    #: Seconds; None: HUB_REQUEST_TIMEOUT.
    timeout: float | None = field(default=None, kw_only=True)
    api: Sequence[Api] = field(default=("v1", "v2"), kw_only=True)

    def __post_init__(self) -> None:
        if not self.path.startswith("/") or self.path.endswith("/"):
            raise ValueError(f"{self.path}: a path starts with / and does not end with one")
        if self.permission in {PUBLIC, MAYBE_SIGNED_IN} and self.acts_as is None and self.writes:
            raise ValueError(f"{self}: a public write says as whom it acts")
        if self.location is not None and self.answer is None:
            raise ValueError(f"{self}: a location is filled from the answer")

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def writes(self) -> bool:
        return self.method != "GET"

    @property
    def success(self) -> int:
        """The status of a handler that returned."""
        if self.status:
            return self.status
        if self.files:
            return 200
        return 204 if self.answer is None else 201 if self.location is not None else 200

    @property
    def parameters(self) -> list[str]:
        """The names in the path's braces."""
        return _PARAMETER.findall(self.path)

    @property
    def is_list(self) -> bool:
        return get_origin(self.answer) is Page

    @property
    def tagged(self) -> bool:
        """Whether the answer is one item with an ETag."""
        return self.method in {"GET", "PUT"} and self.answer is not None and self.path.endswith("}")

    @property
    def takes_school(self) -> bool:
        return self.of_school and isinstance(self.permission, Permission)

    @property
    def takes_key(self) -> bool:
        """Whether Idempotency-Key is honoured: on a POST of somebody known."""
        return self.method == "POST" and self.idempotent and self.upload is None and self.permission is not PUBLIC
