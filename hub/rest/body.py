"""A request's body: read within bounds, understood as JSON without any liberty, made into the declared Struct.

Refused, each with its place: bad UTF-8, a name twice in one object, NaN and infinities, numbers of absurd size, NUL
bytes and lone surrogates (PostgreSQL takes neither), nesting deeper than anything of ours, more values than any list of
ours: all of it is looked at between two scans, so the time that it takes has a bound of its own.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Any, NoReturn

import msgspec
from aiohttp import web

from hub.errors import BadRequest, UnsupportedMedia
from hub.rest.faults import MOST_FAULTS, Fault, fault, fitted, refusal, shown

DEEPEST = 20
MOST_DIGITS = 40
#: Values in a body; about 50 ms of work here. The second: of a client whom nobody knows.
MOST_VALUES, MOST_VALUES_OF_STRANGERS = 100_000, 1_000
JSON_TYPE = "application/json"


async def read_body(
    request: web.Request,
    kind: type[msgspec.Struct] | None,
    *,
    fit: bool = True,
    needed: bool = True,
    most_values: int = MOST_VALUES,
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
    value = parse(raw, most_values)
    return fitted(kind, value) if fit else value


def check_type(request: web.Request) -> None:
    """Raises UnsupportedMedia for anything but JSON in UTF-8."""
    charset = (request.charset or "utf-8").lower()
    if request.content_type != JSON_TYPE or charset not in {"utf-8", "utf8"}:
        raise UnsupportedMedia(f"send {JSON_TYPE} in UTF-8, and say so in Content-Type")


def parse(raw: bytes, most_values: int = MOST_VALUES) -> Any:
    """Plain dicts, lists and scalars, no more than about `most_values` in all. Raises BadRequest."""
    if raw.count(b",") + raw.count(b"[") + raw.count(b"{") > most_values:
        raise BadRequest(
            f"the body holds more than {most_values} values; send it in parts", [fault("body", "is too long")]
        )
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
    if faults := list(islice(_odd_text(value, [], 0), MOST_FAULTS)):
        raise refusal(faults)
    return value


def _unreadable(why: str) -> BadRequest:
    return BadRequest(f"the body is not JSON: {why}", [fault("body", why)])


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        counts = Counter(name for name, _ in pairs)
        twice = next(name for name, count in counts.items() if count > 1)
        raise refusal([fault(shown(twice), "is there twice")])
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


def _odd_text(value: Any, path: list[str], depth: int) -> Iterator[Fault]:
    """`path`: the names on the way, joined only where there is something to say: a name can be a megabyte long."""
    if depth > DEEPEST:
        raise _unreadable("it is nested too deeply")
    if isinstance(value, str):
        if odd := odd_text(value):
            yield _at(path, odd)
    elif isinstance(value, dict):
        for name, below in value.items():
            if odd := odd_text(name):
                yield _at(path, f"a name in it {odd}")
                return
            yield from _odd_text(below, [*path, name], depth + 1)
    elif isinstance(value, list):
        for place, below in enumerate(value):
            yield from _odd_text(below, [*path, str(place)], depth + 1)


def _at(path: list[str], odd: str) -> Fault:
    return fault(".".join(map(shown, path)) or "body", odd)


def odd_text(text: str) -> str | None:
    """What is wrong with a string that no database takes; None when nothing is."""
    if "\x00" in text:
        return "holds a NUL character"
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return "holds half a character (a lone surrogate)"
    return None
