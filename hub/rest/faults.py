"""A value held against a Struct, with every fault found and not only the first, each with its field.

msgspec stops at the first fault. So each field of a Struct is converted by itself, and nested Structs, and
lists of them, are gone into.
"""

from __future__ import annotations

import types
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

import msgspec

from hub.domain.text import matches
from hub.errors import BadRequest

S = TypeVar("S", bound=msgspec.Struct)
Fault = dict[str, str]

MOST_FAULTS = 50


def fault(field: str, message: str) -> Fault:
    """`field` can be a name that a client made up: half a character of it could not be sent back."""
    return {"field": field.encode("utf-8", "replace").decode("utf-8"), "message": message}


def refusal(faults: list[Fault]) -> BadRequest:
    """One error for all of them; its message is the first."""
    first = faults[0]
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return BadRequest(f"{first['field']}: {first['message']}{more}", faults[:MOST_FAULTS])


def fitted(kind: type[S], value: Any, *, strict: bool = True, more: Iterable[Fault] = ()) -> S:
    """`value`, of plain dicts, lists and scalars, as a Struct. Raises BadRequest with all faults, `more` among them.

    `strict` False takes "5" for 5, as parameters come.
    """
    faults = [*_of_struct(kind, value, "", strict), *more]
    if faults:
        raise refusal(faults)
    try:
        return msgspec.convert(value, kind, strict=strict)
    except msgspec.ValidationError as error:  # what only the whole can tell: __post_init__
        raise refusal([_read(error, "")]) from None


def _of_struct(kind: Any, value: Any, path: str, strict: bool) -> Iterator[Fault]:
    if not isinstance(value, dict):
        yield fault(path or "body", "must be an object")
        return
    fields = _fields(kind)
    for name in value:
        if name not in fields:
            yield fault(_below(path, shown(name)), "is not known here")
    for name, field in fields.items():
        if name in value:
            yield from _of_type(field.type, value[name], _below(path, name), strict)
        elif field.required:
            yield fault(_below(path, name), "is required")


@cache
def _fields(kind: Any) -> dict[str, msgspec.structs.FieldInfo]:
    return {field.encode_name: field for field in msgspec.structs.fields(kind)}


def _of_type(kind: Any, value: Any, path: str, strict: bool) -> Iterator[Fault]:
    struct = _struct_in(kind)
    if struct is not None and isinstance(value, dict):
        yield from _of_struct(struct, value, path, strict)
        return
    item = _item_in(kind)
    if item is not None and isinstance(value, list) and _struct_in(item) is not None:
        for place, one in enumerate(value):
            yield from _of_type(item, one, f"{path}.{place}", strict)
        kind = _with_item(kind, Any)
    try:
        msgspec.convert(value, kind, strict=strict)
        if isinstance(value, str) and value.endswith("\n") and not all(matches(one, value) for one in _patterns(kind)):
            yield fault(path, _fault_words(kind) or "ends with a line break")
    except msgspec.ValidationError as error:
        yield _worded(_read(error, path), kind)
    except (ValueError, OverflowError) as error:
        yield fault(path, str(error))


def _read(error: msgspec.ValidationError, path: str) -> Fault:
    """msgspec's sentence without its own path, `$[0].name`, which is put behind ours."""
    message, _, inner = str(error).partition(" - at ")
    inner = inner.strip("`").removeprefix("$").replace("[", ".").replace("]", "").removeprefix(".")
    if inner.startswith("key"):
        inner = ""
    return fault(_below(path, inner) or "body", message)


def _worded(found: Fault, kind: Any) -> Fault:
    """In the type's own words, `Meta(extra={"fault": …})`, where msgspec would show a regular expression."""
    words = _fault_words(kind) if "matching regex" in found["message"] else None
    return found if words is None else fault(found["field"], words)


def _fault_words(kind: Any) -> str | None:
    metas = get_args(kind)[1:] if get_origin(kind) is Annotated else ()
    for meta in metas:
        if isinstance(meta, msgspec.Meta) and meta.extra is not None and "fault" in meta.extra:
            return str(meta.extra["fault"])
    return next((words for arm in get_args(kind) if (words := _fault_words(arm))), None)


def _patterns(kind: Any) -> list[str]:
    """The regular expressions that a text has to match, of whichever arm of a union."""
    metas = get_args(kind)[1:] if get_origin(kind) is Annotated else ()
    own = [meta.pattern for meta in metas if isinstance(meta, msgspec.Meta) and meta.pattern is not None]
    return own + [pattern for arm in get_args(kind) if not isinstance(arm, msgspec.Meta) for pattern in _patterns(arm)]


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path and name else path or name


def shown(name: str) -> str:
    """A name that a client made up, short enough to repeat."""
    return name if len(name) <= 60 else name[:57] + "..."


def _members(kind: Any) -> list[Any]:
    """What a type may be: the arms of a union, without Annotated around them."""
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if get_origin(kind) in {Union, types.UnionType}:
        return [member for arm in get_args(kind) for member in _members(arm)]
    return [kind]


def _struct_in(kind: Any) -> Any:
    """The one Struct that a dict can become; None when there is none, or several to choose from."""
    found = [member for member in _members(kind) if _is_struct(member)]
    return found[0] if len(found) == 1 else None


def _is_struct(kind: Any) -> bool:
    bare = get_origin(kind) or kind
    return isinstance(bare, type) and issubclass(bare, msgspec.Struct)


def _item_in(kind: Any) -> Any:
    lists = [member for member in _members(kind) if get_origin(member) is list]
    return get_args(lists[0])[0] if len(lists) == 1 else None


def _with_item(kind: Any, item: Any) -> Any:
    """The same list with other items: its own constraints (a least length) still count."""
    if get_origin(kind) is Annotated:
        inner, *metas = get_args(kind)
        return Annotated[(_with_item(inner, item), *metas)]
    return list[item]
