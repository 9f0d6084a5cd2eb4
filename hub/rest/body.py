"""A request's body: read within bounds, understood as JSON without any liberty, made into the declared Struct.

Refused, each with its place: bad UTF-8, a name twice in one object, NaN and infinities, numbers of absurd size, NUL
bytes and lone surrogates (PostgreSQL takes neither), nesting deeper than anything of ours.
"""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

import msgspec
from aiohttp import web

from hub.errors import BadRequest, UnsupportedMedia
from hub.rest.faults import Fault, fault, fitted, refusal

DEEPEST = 20
MOST_DIGITS = 40
JSON_TYPE = "application/json"


async def read_body(
    request: web.Request, kind: type[msgspec.Struct] | None, *, fit: bool = True, needed: bool = True
) -> Any:
    """The declared Struct, or None when a route takes no body, or there is none that is not `needed`; with `fit` False
    what the JSON says. Raises BadRequest, UnsupportedMedia; aiohttp raises HTTPRequestEntityTooLarge by itself."""
    raw = await request.read() if request.can_read_body else b""
    if kind is None:
        if raw.strip() not in {b"", b"{}"}:
            raise BadRequest("this address takes no body", [fault("body", "must be empty")])
        return None
    if not raw.strip() and not needed:
        return None  # clients name a type even then
    if raw or "Content-Type" in request.headers:
        check_type(request)
    if not raw.strip():
        raise BadRequest("the body is empty; it must be a JSON object", [fault("body", "is required")])
    return fitted(kind, parse(raw)) if fit else parse(raw)


def check_type(request: web.Request) -> None:
    """Raises UnsupportedMedia for anything but JSON in UTF-8."""
    charset = (request.charset or "utf-8").lower()
    if request.content_type != JSON_TYPE or charset not in {"utf-8", "utf8"}:
        raise UnsupportedMedia(f"send {JSON_TYPE} in UTF-8, and say so in Content-Type")


def parse(raw: bytes) -> Any:
    """Plain dicts, lists and scalars. Raises BadRequest."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _unreadable(f"byte {error.start} is no UTF-8") from None
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_constant,
            parse_int=_integer,
            parse_float=_float,
        )
    except json.JSONDecodeError as error:
        raise _unreadable(f"{error.msg} at character {error.pos}") from None
    except RecursionError:
        raise _unreadable("it is nested too deeply") from None
    faults = _odd_text(value, "", 0)
    if faults:
        raise refusal(faults)
    return value


def _unreadable(why: str) -> BadRequest:
    return BadRequest(f"the body is not JSON: {why}", [fault("body", why)])


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise refusal([fault(twice[:60], "is there twice")])
    return found


def _constant(name: str) -> NoReturn:
    raise _unreadable(f"{name} is no JSON number")


def _integer(digits: str) -> int:
    if len(digits) > MOST_DIGITS:
        raise _unreadable("a number has too many digits")
    return int(digits)


def _float(digits: str) -> float:
    number = float(digits)
    if len(digits) > 10 * MOST_DIGITS or not math.isfinite(number):
        raise _unreadable("a number is too large")
    return number


def _odd_text(value: Any, path: str, depth: int) -> list[Fault]:
    if depth > DEEPEST:
        raise _unreadable("it is nested too deeply")
    if isinstance(value, str):
        odd = odd_text(value)
        return [fault(path or "body", odd)] if odd else []
    below: list[tuple[str, Any]] = []
    if isinstance(value, dict):
        for name in value:
            if odd := odd_text(name):
                return [fault(path or "body", f"a name in it {odd}")]
        below = list(value.items())
    elif isinstance(value, list):
        below = [(str(place), one) for place, one in enumerate(value)]
    lead = f"{path}." if path else ""
    return [found for name, one in below for found in _odd_text(one, f"{lead}{name}", depth + 1)]


def odd_text(text: str) -> str | None:
    """What is wrong with a string that no database takes; None when nothing is."""
    if "\x00" in text:
        return "holds a NUL character"
    if not text.isascii() and any("\ud800" <= c <= "\udfff" for c in text):
        return "holds half a character (a lone surrogate)"
    return None
