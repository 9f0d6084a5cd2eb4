"""Names and texts: what steers a terminal, a log or a reader's eye is in none of them, whichever route they come by."""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec
import pytest

from hub.errors import BadRequest
from hub.resources import declared_routes
from hub.rest.faults import fitted
from hub.rest.students.query import StudentFilters
from hub.rest.texts import Line, Named, Text, Written

STEERING = ["\x1b[2Jx", "a\tb", "a\nb", "ab\n", "a\rb", "a\x7f", "a\x85b", "a\u2028b", "a\u202etxt", "a\u2066b"]
#: Not kept as they are, or held against something that has no such character (as filters are).
UNKEPT = {
    "password",
    "currentPassword",
    "newPassword",
    "token",
    "refreshToken",
    "totp",
    "email",
    "qrCode",
    "timezone",
    "secondFactor",
    "secret",
}


class Kinds(msgspec.Struct):
    named: Named = "x"
    line: Line = "x"
    text: Text = "x"
    written: Written = "x"


def refused(**fields: str) -> bool:
    try:
        fitted(Kinds, fields)
    except BadRequest as error:
        return [fault["field"] for fault in error.details] == [*fields]
    return False


@pytest.mark.parametrize("text", STEERING)
def test_what_steers_is_no_name(text: str) -> None:
    assert refused(named=text)
    assert refused(line=text)


@pytest.mark.parametrize("text", [text for text in STEERING if not set(text) & {"\t", "\n", "\r", "\u2028"}])
def test_a_text_has_lines_and_nothing_else_that_steers(text: str) -> None:
    assert refused(text=text)
    assert refused(written=text)
    assert not refused(text="one\r\n\ttwo\n", written="one\n")


@pytest.mark.parametrize("text", ["Zoë", "بوابة ١", "नमस्ते", "校门", "👩‍👩‍👧", "\u200fשער", "O'Brien & Søn"])
def test_every_script_is_a_name(text: str) -> None:
    assert not refused(named=text, line=text, text=text, written=text)


def test_some_may_say_nothing() -> None:
    assert not refused(line="", text=" \n")
    assert all(refused(**{kind: blank}) for kind in ("named", "written") for blank in ("", "  "))


def texts(kind: Any, path: str, name: str = "") -> Iterator[tuple[str, str, Any]]:
    """(path, field, type) of each text in a type."""
    bare = get_args(kind)[0] if get_origin(kind) is Annotated else kind
    if bare is str:
        yield path, name, kind
    elif get_origin(bare) in {Union, types.UnionType, list}:
        for arm in get_args(bare):
            yield from texts(arm, path, name)
    elif isinstance(bare, type) and issubclass(bare, msgspec.Struct) and bare is not StudentFilters:
        for field in msgspec.structs.fields(bare):
            yield from texts(field.type, f"{path}.{field.encode_name}", field.encode_name)


BODIES = {route.body for route in declared_routes() if route.body is not None}
KEPT = {path: kind for body in BODIES for path, name, kind in texts(body, body.__name__) if name not in UNKEPT}


@pytest.mark.parametrize("kind", [KEPT[path] for path in sorted(KEPT)], ids=sorted(KEPT))
def test_no_text_that_a_body_brings_can_steer(kind: Any) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert("abc\x1b[2J", kind)
