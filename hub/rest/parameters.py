"""What the address of a request holds: ids in its path, parameters behind the question mark."""

from __future__ import annotations

import re
from datetime import datetime
from functools import cache
from typing import Any, get_args, get_type_hints
from uuid import UUID

import msgspec
from aiohttp import web

from hub.errors import NotFound
from hub.rest.body import odd_text
from hub.rest.faults import Fault, fault, fitted, refusal

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
SCHOOL = "schoolId"
_NO_MOMENT = "must be a moment, as in 2026-11-24T08:00:00Z"


def path_values(request: web.Request) -> dict[str, Any]:
    """The parameters of the path, `id` and `…Id` as UUIDs. Raises NotFound for what cannot be one."""
    values: dict[str, Any] = {}
    for name, text in request.match_info.items():
        values[name] = _id(text) if name == "id" or name.endswith("Id") else text
    return values


def _id(text: str) -> UUID:
    if not _UUID.fullmatch(text):
        raise NotFound("there is no such thing")
    return UUID(text)


def query_values(
    request: web.Request, kind: type[msgspec.Struct] | None, *, takes_school: bool
) -> tuple[Any, UUID | None]:
    """The declared Struct (None when a route has none) and `schoolId`. Raises BadRequest with all faults: names that
    nobody knows, names given twice, values that do not fit."""
    if kind is None and not request.query_string:
        return None, None
    given: dict[str, str] = {}
    faults: list[Fault] = []
    for name, text in request.query.items():
        odd = odd_text(text) or odd_text(name) or (_NO_MOMENT if name in _moments(kind) and ":" not in text else None)
        if odd or name in given:
            faults.append(fault(name[:60].replace("\x00", "?"), odd or "is there twice"))
        given[name] = text
    if faults:
        raise refusal(faults)
    school = given.pop(SCHOOL, None) if takes_school else None
    if school is not None and not _UUID.fullmatch(school):
        raise refusal([fault(SCHOOL, "must be a UUID")])
    query = fitted(kind or _Nothing, given, strict=False)
    return (query if kind else None), (UUID(school) if school else None)


@cache
def _moments(kind: type[msgspec.Struct] | None) -> frozenset[str]:
    """The parameters that are moments: as text, 0.5 would be taken for half a second of 1970."""
    if kind is None:
        return frozenset()
    hints, fields = get_type_hints(kind), msgspec.structs.fields(kind)
    return frozenset(f.encode_name for f in fields if datetime in (hints[f.name], *get_args(hints[f.name])))


class _Nothing(msgspec.Struct):
    """A route without parameters of its own."""
